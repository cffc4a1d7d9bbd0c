//! New files get their content and attributes on a thread of its own. Whoever reads the layer makes their names, in the
//! order of its entries; what happens behind an open descriptor changes no name, so that it can come later.

use super::TreePath;
use super::attributes::PlainAttributes;
use super::target::failed;
use crate::compress::guarded;
use crate::failure::of_stream;
use image_format::{Class, Failure, write_back_soon};
use rustix::fd::{AsFd, OwnedFd};
use std::io::{self, BufRead, Read};
use std::mem;
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

/// Longer files, in bytes, are written by whoever reads them: what waits is copied.
pub(crate) const MAX_COPIED: u64 = 128 << 10;
/// Files are handed over so many at a time, or when their content is so long: each holds a descriptor.
const MAX_FILES: usize = 32;
const MAX_CONTENT: usize = 256 << 10;
/// How many batches wait beside the one that is gathered and the one that is written.
const WAITING: usize = 1;

/// A new file, open for writing; its content is written already, or comes with it.
pub(crate) struct NewFile {
    pub(crate) fd: OwnedFd,
    pub(crate) path: TreePath,
    pub(crate) size: u64,
    pub(crate) attributes: PlainAttributes,
}

/// Files on their way to the thread. Nothing is known to be done before [`Filling::finish`].
#[derive(Default)]
pub(crate) struct Filling {
    batch: Batch,
    thread: Option<Thread>,
}

struct Thread {
    batches: SyncSender<Batch>,
    spare: Receiver<Batch>,
    handle: JoinHandle<Result<(), Failure>>,
}

#[derive(Default)]
struct Batch {
    content: Vec<u8>,
    files: Vec<(NewFile, Range<usize>)>,
}

impl Filling {
    /// Takes a file whose content is all written.
    pub(crate) fn finish_file(&mut self, file: NewFile) -> Result<(), Failure> {
        self.add(file, 0..0)
    }

    /// Takes an empty file and the content of its size, at most [`MAX_COPIED`].
    pub(crate) fn fill_file(&mut self, file: NewFile, content: &mut dyn BufRead) -> Result<(), Failure> {
        let start = self.batch.content.len();
        content.take(file.size).read_to_end(&mut self.batch.content).map_err(of_stream)?;
        let end = self.batch.content.len();
        if ((end - start) as u64) < file.size {
            return Err(of_stream(io::ErrorKind::UnexpectedEof.into()));
        }
        self.add(file, start..end)
    }

    /// Waits until all files are as they should be.
    ///
    /// # Errors
    /// What went wrong with the first of those that were taken.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        let sent = if self.batch.files.is_empty() { Ok(()) } else { self.send() };
        let Some(Thread { batches, handle, .. }) = self.thread.take() else { return sent };
        drop(batches);
        handle.join().unwrap_or_else(|_| Err(ended()))?;
        sent
    }

    fn add(&mut self, file: NewFile, content: Range<usize>) -> Result<(), Failure> {
        self.batch.files.push((file, content));
        if self.batch.files.len() < MAX_FILES && self.batch.content.len() < MAX_CONTENT {
            return Ok(());
        }
        self.send()
    }

    fn send(&mut self) -> Result<(), Failure> {
        let thread = match self.thread.take() {
            Some(thread) => thread,
            None => start()?,
        };
        let spare = thread.spare.try_recv().unwrap_or_default();
        let sent = thread.batches.send(mem::replace(&mut self.batch, spare));
        self.thread = Some(thread);
        // why it has ended is told at the end
        sent.map_err(|_| ended())
    }
}

fn start() -> Result<Thread, Failure> {
    let (batches, to_do) = sync_channel(WAITING);
    let (done, spare) = channel();
    let handle = thread::Builder::new()
        .name("layer-files".into())
        .spawn(move || guarded("writer", || work(&to_do, &done)).unwrap_or_else(|error| Err(error.into())))?;
    Ok(Thread { batches, spare, handle })
}

fn work(batches: &Receiver<Batch>, done: &Sender<Batch>) -> Result<(), Failure> {
    while let Ok(mut batch) = batches.recv() {
        for (file, content) in batch.files.drain(..) {
            let made = make(&file, &batch.content[content]);
            made.map_err(|error| failed(error).at(&file.path))?;
        }
        batch.content.clear();
        // whoever reads the layer may be done
        let _ = done.send(batch);
    }
    Ok(())
}

fn make(file: &NewFile, mut content: &[u8]) -> Result<(), rustix::io::Errno> {
    let mut offset = 0;
    while !content.is_empty() {
        let count = rustix::io::retry_on_intr(|| rustix::io::pwrite(&file.fd, content, offset))?;
        (offset, content) = (offset + count as u64, &content[count..]);
    }
    file.attributes.set(file.fd.as_fd())?;
    write_back_soon(&file.fd, file.size);
    Ok(())
}

fn ended() -> Failure {
    Failure::new(Class::Failed, "the thread that writes files has ended")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Metadata, Time};
    use crate::tree::Privilege;
    use std::fs::{self, File};
    use std::os::unix::fs::MetadataExt as _;
    use std::path::Path;

    fn new_file(directory: &Path, name: &str, size: u64) -> NewFile {
        let mtime = Time { seconds: 7, nanoseconds: 9 };
        let metadata = Metadata { mode: 0o640, mtime, ..Metadata::default() };
        NewFile {
            fd: File::create_new(directory.join(name)).unwrap().into(),
            path: TreePath::of(name.as_bytes()),
            size,
            attributes: PlainAttributes::of(&metadata, Privilege::Rootless).unwrap(),
        }
    }

    #[test]
    fn each_file_gets_its_own_content_and_attributes_however_many_there_are() {
        let dir = tempfile::tempdir().unwrap();
        let mut filling = Filling::default();
        let length = |number: usize| number * number % 70_000;
        for number in 0..500 {
            let content = vec![number as u8; length(number) + 3];
            let file = new_file(dir.path(), &number.to_string(), length(number) as u64);
            let mut content = &content[..];
            filling.fill_file(file, &mut content).unwrap();
            assert_eq!(content.len(), 3);
        }
        filling.finish_file(new_file(dir.path(), "empty", 0)).unwrap();
        filling.finish().unwrap();
        for number in 0..500 {
            let path = dir.path().join(number.to_string());
            assert!(fs::read(&path).unwrap() == vec![number as u8; length(number)], "{number}");
            let found = path.metadata().unwrap();
            assert_eq!((found.mode() & 0o7777, found.mtime(), found.mtime_nsec()), (0o640, 7, 9));
        }
    }

    #[test]
    fn the_first_file_that_cannot_be_written_is_named_and_nothing_hangs() {
        let dir = tempfile::tempdir().unwrap();
        let mut filling = Filling::default();
        let mut taken = 0;
        for number in 0..10_000 {
            let mut file = new_file(dir.path(), &number.to_string(), 1);
            if number >= 40 {
                // open for reading alone
                file.fd = File::open(dir.path().join(number.to_string())).unwrap().into();
            }
            if filling.fill_file(file, &mut &b"x"[..]).is_err() {
                break;
            }
            taken += 1;
        }
        assert!(taken < 10_000);
        assert!(filling.finish().unwrap_err().to_string().starts_with("/40: "));
        filling.finish().unwrap();
    }

    #[test]
    fn content_that_ends_too_soon_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let mut filling = Filling::default();
        let failure = filling.fill_file(new_file(dir.path(), "f", 5), &mut &b"four"[..]).unwrap_err();
        assert_eq!(failure.class(), Class::Integrity);
    }
}
