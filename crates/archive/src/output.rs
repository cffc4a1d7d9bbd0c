//! Where an archive is written: a file, a pipe, a socket. Between descriptors the kernel copies. What breaks off midway
//! is no tar to anybody.

use crate::written::Written;
use image_format::{Algorithm, Class, Digest, DigestHasher, Failure, FileRange, Observer};
use layer::{Entry, Kind, Metadata, TarCheck, Time};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the kernel is asked to copy at a time: between two calls a signal is heard.
const PIECE: usize = 4 << 20;
/// What is read at a time to be hashed.
const BUFFER: usize = 1 << 20;
/// Shorter files are read once, and hashed and written from there.
const SHORT: u64 = 1 << 20;
/// A pipe holds 64 KiB unless it is asked for more.
const PIPE: usize = 1 << 20;

/// Bytes of a block of tar.
const BLOCK: usize = 512;
/// What stands behind the last entry of an archive that broke off, to whoever looks.
const BROKEN_OFF: &str = "oci-export failed: this archive is not whole";

/// Something to write one tar to.
#[derive(Debug)]
pub struct Output {
    to: Target,
    /// Where in the tar we are; `None` once it is none.
    tar: Option<TarCheck>,
}

enum Target {
    File(Written),
    Writer(Box<dyn Write + Send>),
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Target::File(_) => "File",
            Target::Writer(_) => "Writer",
        })
    }
}

impl Output {
    /// A file, a pipe or a socket, written from where it is.
    pub fn file(file: File) -> Output {
        // advice: what is no pipe stays as it is
        let _ = rustix::pipe::fcntl_setpipe_size(&file, PIPE);
        Output::to(Target::File(Written::new(file)))
    }

    /// Anything else.
    pub fn writer(writer: impl Write + Send + 'static) -> Output {
        Output::to(Target::Writer(Box::new(writer)))
    }

    fn to(to: Target) -> Output {
        Output { to, tar: Some(TarCheck::new()) }
    }

    /// The tar will not be finished: makes sure that nobody takes it for whole.
    ///
    /// Many readers take a stream that ends between two entries for a tar, so there it goes on with what is none. Within an
    /// entry, and where nothing was written, its end is enough.
    pub fn break_off(&mut self) {
        let Some(tar) = self.tar.take().filter(|tar| tar.first_name().is_some()) else { return };
        let Some(padding) = tar.to_next_entry() else { return };
        let mut end = vec![0; padding as usize];
        end.extend(no_entry());
        // a reader that is gone will not be misled
        let _ = self.write_all(&end).and_then(|()| self.flush());
    }

    /// Copies a part of a file and returns its digest. The kernel copies while another thread hashes, as far as it
    /// can; the file is read twice then, out of the page cache.
    pub(crate) fn copy(
        &mut self,
        range: &FileRange,
        algorithm: Algorithm,
        observer: &dyn Observer,
    ) -> Result<Digest, Failure> {
        if let Target::File(file) = &mut self.to
            && range.length > SHORT
        {
            let tar = &mut self.tar;
            let mut sent = |count| {
                tar.iter_mut().for_each(|tar| tar.pass(count));
                observer.advance(count)
            };
            if let Some(digest) = send_and_hash(file, range, algorithm, &mut sent)? {
                return Ok(digest);
            }
        }
        self.copy_here(range, algorithm, observer)
    }

    fn copy_here(
        &mut self,
        range: &FileRange,
        algorithm: Algorithm,
        observer: &dyn Observer,
    ) -> Result<Digest, Failure> {
        let mut hasher = DigestHasher::new(algorithm);
        let never = AtomicBool::new(false);
        read_all(range, &never, |piece| {
            hasher.update(piece);
            self.write_all(piece)?;
            observer.advance(piece.len() as u64)
        })?;
        Ok(hasher.finish())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = match &mut self.to {
            Target::File(file) => file.write(bytes),
            Target::Writer(writer) => writer.write(bytes),
        }?;
        self.tar.take_if(|tar| tar.push(&bytes[..count]).is_err());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            Target::File(file) => file.flush(),
            Target::Writer(writer) => writer.flush(),
        }
    }
}

/// An extended header that no entry follows: Python's tarfile takes a block that is no header for the end, but not there.
fn no_entry() -> Vec<u8> {
    let metadata = Metadata { mtime: Time { seconds: 0, nanoseconds: 1 }, ..Metadata::default() };
    let entry = Entry { path: BROKEN_OFF.into(), kind: Kind::Fifo, metadata };
    let mut blocks = entry.head().unwrap_or_default();
    let own = blocks.len().saturating_sub(BLOCK);
    blocks.truncate(own);
    blocks.extend(BROKEN_OFF.bytes());
    blocks.resize(own + BLOCK, 0);
    blocks
}

/// `None`: the kernel cannot copy between these two, and nothing was written.
fn send_and_hash(
    to: &mut Written,
    range: &FileRange,
    algorithm: Algorithm,
    sent: &mut dyn FnMut(u64) -> Result<(), Failure>,
) -> Result<Option<Digest>, Failure> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let hash = scope.spawn(|| {
            let mut hasher = DigestHasher::new(algorithm);
            read_all(range, &stop, |piece| {
                hasher.update(piece);
                Ok(())
            })?;
            Ok::<_, Failure>(hasher.finish())
        });
        let sent = send(to, range, sent);
        stop.store(!sent.as_ref().is_ok_and(|sent| *sent), Ordering::Relaxed);
        let hashed =
            hash.join().unwrap_or_else(|_| Err(Failure::new(Class::Failed, "the hashing thread panicked")));
        if sent? { hashed.map(Some) } else { Ok(None) }
    })
}

/// `false`: the kernel cannot copy between these two, and nothing was written.
fn send(
    to: &mut Written,
    range: &FileRange,
    sent: &mut dyn FnMut(u64) -> Result<(), Failure>,
) -> Result<bool, Failure> {
    let (mut at, end) = (range.offset, range.offset + range.length);
    while at < end {
        let most = usize::try_from(end - at).unwrap_or(usize::MAX).min(PIECE);
        match to.send(&range.file, &mut at, most) {
            Ok(0) => return Err(cut_short(range, at)),
            Ok(count) => sent(count as u64)?,
            Err(Errno::INTR) => sent(0)?,
            Err(Errno::INVAL | Errno::NOSYS) if at == range.offset => return Ok(false),
            Err(error) => return Err(Failure::from(io::Error::from(error))),
        }
    }
    Ok(true)
}

fn read_all(
    range: &FileRange,
    stop: &AtomicBool,
    mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (mut at, end) = (range.offset, range.offset + range.length);
    let most = usize::try_from(range.length).unwrap_or(BUFFER).min(BUFFER);
    let mut buffer = vec![0; most];
    while at < end && !stop.load(Ordering::Relaxed) {
        let most = usize::try_from(end - at).unwrap_or(BUFFER).min(BUFFER);
        match range.file.read_at(&mut buffer[..most], at) {
            Ok(0) => return Err(cut_short(range, at)),
            Ok(count) => {
                at += count as u64;
                take(&buffer[..count])?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn cut_short(range: &FileRange, at: u64) -> Failure {
    let (had, length) = (at - range.offset, range.length);
    Failure::new(Class::Integrity, format_args!("the file ended after {had} bytes; expected {length}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use layer::TarReader;
    use std::io::Read;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn entry(name: &str, content: &[u8]) -> Vec<u8> {
        let kind = Kind::File { size: content.len() as u64, pieces: None };
        let head = Entry { path: name.into(), kind, metadata: Metadata::default() }.head().unwrap();
        [&head, content].concat()
    }

    /// What a tar that breaks off behind these bytes is to its readers.
    fn broken_off(bytes: &[u8]) -> Vec<u8> {
        let shared = Shared::default();
        let mut output = Output::writer(shared.clone());
        output.write_all(bytes).unwrap();
        output.break_off();
        shared.0.lock().unwrap().clone()
    }

    fn read(tar: &[u8]) -> io::Result<usize> {
        let mut reader = TarReader::new(tar);
        let mut entries = 0;
        while reader.next_entry()?.is_some() {
            reader.content().read_to_end(&mut Vec::new())?;
            entries += 1;
        }
        Ok(entries)
    }

    #[test]
    fn an_archive_that_breaks_off_behind_any_header_is_none_to_any_reader() {
        let two = [entry("a", b"hello"), vec![0; 507], entry("b", &[7; 1024])].concat();
        let cuts = [512, 513, 517, 600, 1023, 1024, 1536, 1537, two.len()];
        for cut in cuts {
            let tar = broken_off(&two[..cut]);
            assert!(read(&tar).is_err(), "cut at {cut}");
            let python =
                "import sys, tarfile\nfor e in tarfile.open(fileobj=sys.stdin.buffer, mode='r|'): pass";
            for (program, args) in [("tar", ["-t", "-f-"]), ("python3", ["-c", python])] {
                let outcome = test_support::Command::new(program).args(args).stdin(&tar).run();
                assert!(!matches!(outcome.code(), Some(0)), "cut at {cut}: {outcome}");
            }
        }
        assert_eq!(broken_off(b""), b"");
        let whole = [two, vec![0; 1024]].concat();
        assert_eq!(broken_off(&whole), whole);
    }
}
