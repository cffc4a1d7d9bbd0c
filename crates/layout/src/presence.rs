//! A writer's presence in a layout: the last one to leave a layout that nothing came into takes it away again.
//!
//! Who makes a layout leaves a note in it, [`path::MADE`]: how many directories were made for it. Who opens one to
//! write to it holds its marker's shared lock meanwhile. Who leaves, finds the note and gets that lock for itself alone
//! is the last of them: if the layout is as it was made it goes, with these directories; if not, the note goes.

use crate::directory::Directory;
use crate::index_file::IndexFile;
use crate::path;
use crate::stop::Stop;
use crate::storage::{Guard, Hold, Storage};
use std::fs::File;
use std::io;

/// More than any path has.
const MAX_NOTE_BYTES: u64 = 16;
/// More than an index without rows has.
const MAX_INDEX_BYTES: u64 = 4096;
/// How often it is tried to leave no directory behind while others make the layout anew.
const ATTEMPTS: u32 = 100;

/// Held for as long as a layout is open to be written to.
#[derive(Debug)]
pub(crate) struct Presence {
    directory: Directory,
    marker: File,
}

impl Presence {
    /// Notes, before the layout has its marker, that `made` directories were made for it. Of several who make it at
    /// once only one has made them.
    pub(crate) fn note_made(directory: &Directory, made: usize) -> io::Result<()> {
        // The note is no part of the layout: a machine that stops may forget it.
        let directory = directory.without_sync();
        let lock = directory.lock(Hold::Exclusive, &Stop::default())?;
        note(&directory, made, &*lock)
    }

    /// From now on nobody else takes the layout away.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`]: it was taken away just now.
    pub(crate) fn enter(directory: &Directory) -> io::Result<Presence> {
        let marker = directory.open_regular(path::MARKER)?;
        // A file system that cannot lock keeps every layout.
        let _ = marker.lock_shared();
        if !directory.is_still(path::MARKER, &marker)? {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Presence { directory: directory.clone(), marker })
    }

    /// The layout stays, though nothing has come into it.
    pub(crate) fn stay(&self) -> io::Result<()> {
        let noted = self.directory.stat(path::MADE)?;
        noted.map_or(Ok(()), |_| self.directory.delete(path::MADE))
    }

    /// Takes away what was made of a layout that could not be finished. Who has finished it meanwhile has the note.
    pub(crate) fn give_up(directory: &Directory, made: usize) -> io::Result<()> {
        let lock = directory.lock(Hold::Exclusive, &Stop::default())?;
        if directory.stat(path::MARKER)?.is_some() {
            return note(&directory.without_sync(), made, &*lock);
        }
        if is_as_made(directory)? { take_away(directory, made) } else { Ok(()) }
    }

    fn leave(&self) -> io::Result<()> {
        let directory = &self.directory;
        if directory.stat(path::MADE)?.is_none() || self.marker.try_lock().is_err() {
            return Ok(());
        }
        let lock = directory.lock(Hold::Exclusive, &Stop::default())?;
        let Some(made) = noted(directory)? else { return Ok(()) };
        if !is_as_made(directory)? {
            return directory.delete(path::MADE);
        }
        let mut taken = take_away(directory, made);
        drop(lock);
        // Somebody was making it anew, in directories that were made for us.
        for _ in 0..ATTEMPTS {
            if taken.is_ok() {
                break;
            }
            taken = match directory.again() {
                Ok(anew) => Presence::give_up(&anew, made),
                Err(error) if error.kind() == io::ErrorKind::NotFound => directory.remove_with_parents(made),
                Err(error) => return Err(error),
            };
        }
        taken
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        // What stays behind is a layout without images.
        let _ = self.leave();
    }
}

fn note(directory: &Directory, made: usize, lock: &dyn Guard) -> io::Result<()> {
    if noted(directory)?.is_none_or(|noted| noted < made) {
        let version = directory.version_of(path::MADE)?;
        let replaced =
            directory.replace_if(path::MADE, version.as_ref(), made.to_string().as_bytes(), lock)?;
        if !replaced {
            return Err(io::ErrorKind::NotFound.into());
        }
    }
    Ok(())
}

/// How many directories were made for the layout; `None` where nobody made it just now.
fn noted(directory: &Directory) -> io::Result<Option<usize>> {
    match directory.read_whole(path::MADE, MAX_NOTE_BYTES) {
        Ok((note, _)) => Ok(Some(String::from_utf8_lossy(&note).trim().parse().unwrap_or(0))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What dead writers left does not count, but for blobs that can be gone on with.
fn is_as_made(directory: &Directory) -> io::Result<bool> {
    for lease in directory.list(path::LEASES)? {
        directory.bury(&format!("{}/{lease}", path::LEASES))?;
    }
    for part in directory.list(path::INGEST)?.iter().filter(|name| path::is_nameless(name)) {
        directory.bury(&format!("{}/{part}", path::INGEST))?;
    }
    let has_nothing = |key| Ok::<_, io::Error>(directory.list(key)?.is_empty());
    for key in [path::LEASES, path::INGEST].into_iter().chain(path::BLOBS_OF) {
        if !has_nothing(key)? {
            return Ok(false);
        }
    }
    let only = |key, known: &[&str]| {
        Ok::<_, io::Error>(directory.list(key)?.iter().all(|name| known.contains(&&**name)))
    };
    let known = only(".", &path::OURS)?
        && only(path::BLOBS, &["sha256", "sha512"])?
        && only(path::OWN, &["leases", "ingest", "made"])?;
    Ok(known && is_empty_index(directory))
}

fn is_empty_index(directory: &Directory) -> bool {
    let empty = IndexFile::empty();
    let empty = empty.with_rows(empty.rows());
    match directory.read_whole(path::INDEX, MAX_INDEX_BYTES) {
        Ok((index, _)) => index == empty,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Who puts something into one of the directories meanwhile keeps the layout.
fn take_away(directory: &Directory, made: usize) -> io::Result<()> {
    directory.delete(path::MADE)?;
    let inner = path::BLOBS_OF.into_iter().chain([path::BLOBS, path::LEASES, path::INGEST, path::OWN]);
    for key in inner {
        if directory.remove_directory(key).is_err() {
            return directory.prepare();
        }
    }
    for key in [path::MARKER, path::INDEX, path::LOCK] {
        directory.delete(key)?;
    }
    directory.remove_with_parents(made)
}
