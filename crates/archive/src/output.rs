//! Where an archive is written: a file, a pipe, a socket. Between descriptors the kernel copies.

use image_format::{Algorithm, Class, Digest, DigestHasher, Failure, FileRange, Observer};
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

/// Something to write an archive to.
#[derive(Debug)]
pub struct Output(Kind);

enum Kind {
    File(File),
    Writer(Box<dyn Write + Send>),
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::File(_) => "File",
            Kind::Writer(_) => "Writer",
        })
    }
}

impl Output {
    /// A file, a pipe or a socket, written from where it is.
    pub fn file(file: File) -> Output {
        // advice: what is no pipe stays as it is
        let _ = rustix::pipe::fcntl_setpipe_size(&file, PIPE);
        Output(Kind::File(file))
    }

    /// Anything else.
    pub fn writer(writer: impl Write + Send + 'static) -> Output {
        Output(Kind::Writer(Box::new(writer)))
    }

    /// Copies a part of a file and returns its digest. The kernel copies while another thread hashes, as far as it
    /// can; the file is read twice then, out of the page cache.
    pub(crate) fn copy(
        &mut self,
        range: &FileRange,
        algorithm: Algorithm,
        observer: &dyn Observer,
    ) -> Result<Digest, Failure> {
        if let Kind::File(file) = &self.0
            && range.length > SHORT
            && let Some(digest) = send_and_hash(file, range, algorithm, observer)?
        {
            return Ok(digest);
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
        match &mut self.0 {
            Kind::File(file) => file.write(bytes),
            Kind::Writer(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::File(file) => file.flush(),
            Kind::Writer(writer) => writer.flush(),
        }
    }
}

/// `None`: the kernel cannot copy between these two, and nothing was written.
fn send_and_hash(
    to: &File,
    range: &FileRange,
    algorithm: Algorithm,
    observer: &dyn Observer,
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
        let sent = send(to, range, observer);
        stop.store(!sent.as_ref().is_ok_and(|sent| *sent), Ordering::Relaxed);
        let hashed =
            hash.join().unwrap_or_else(|_| Err(Failure::new(Class::Failed, "the hashing thread panicked")));
        if sent? { hashed.map(Some) } else { Ok(None) }
    })
}

/// `false`: the kernel cannot copy between these two, and nothing was written.
fn send(to: &File, range: &FileRange, observer: &dyn Observer) -> Result<bool, Failure> {
    let (mut at, end) = (range.offset, range.offset + range.length);
    while at < end {
        let most = usize::try_from(end - at).unwrap_or(usize::MAX).min(PIECE);
        match rustix::fs::sendfile(to, &range.file, Some(&mut at), most) {
            Ok(0) => return Err(cut_short(range, at)),
            Ok(count) => observer.advance(count as u64)?,
            Err(Errno::INTR) => observer.advance(0)?,
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
