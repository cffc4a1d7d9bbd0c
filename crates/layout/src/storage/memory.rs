//! A storage in memory whose machine crashes: at any operation it can fail, or lose everything that was not synced.
//!
//! It forgets as a file system may: unsynced bytes become zeros, unsynced names vanish or, where they replaced
//! something, lead to the old content again. Which names survive is decided one by one, by a seed.

use super::{Guard, Hold, Part, Stat, Storage, Version};
use crate::path;
use crate::stop::Stop;
use image_format::Blob;
use std::collections::BTreeMap;
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

/// What happens at the operation whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The operation fails with this error number, and later ones work again.
    Error(i32),
    /// The machine stops: this operation and all later ones fail, until [`Memory::restart`].
    Crash,
}

#[derive(Clone, Debug)]
pub(crate) struct Memory(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, File>,
    /// The names as the disk has them; `files` is what processes see.
    synced: BTreeMap<String, u64>,
    contents: BTreeMap<u64, Content>,
    alive: BTreeMap<String, u64>,
    next: u64,
    operations: usize,
    fault: Option<(usize, Fault)>,
    crashed: bool,
    log: Vec<String>,
}

#[derive(Clone, Debug)]
struct File {
    inode: u64,
    modified: SystemTime,
}

#[derive(Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    synced: Vec<u8>,
}

impl Memory {
    pub(crate) fn new() -> Memory {
        Memory(Arc::default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Counts operations anew, and lets number `at` (from 0) go wrong.
    pub(crate) fn arm(&self, at: usize, fault: Fault) {
        let mut state = self.state();
        (state.operations, state.fault) = (0, Some((at, fault)));
        state.log.clear();
    }

    /// Did the fault happen?
    pub(crate) fn has_struck(&self) -> bool {
        let state = self.state();
        state.fault.is_some_and(|(at, _)| state.operations > at)
    }

    /// What was done since [`Memory::arm`].
    pub(crate) fn log(&self) -> Vec<String> {
        self.state().log.clone()
    }

    /// The disk after a crash, in a machine that runs again. Of the names that were not synced, those survive whose
    /// turn the bits of `survivors` say.
    pub(crate) fn restart(&self, survivors: u64) -> Memory {
        let state = self.state();
        let mut new = State { next: state.next, ..State::default() };
        for (turn, name) in state.files.keys().chain(state.synced.keys()).enumerate() {
            let (now, then) = (state.files.get(name), state.synced.get(name));
            let survives = survivors >> (turn % 64) & 1 == 1;
            let inode = if survives { now.map(|file| file.inode) } else { then.copied() };
            let Some(inode) = inode else { continue };
            let content = &state.contents[&inode];
            let mut bytes = content.synced.clone();
            // The length may be there without the bytes.
            if survives {
                bytes.resize(content.bytes.len(), 0);
            }
            new.contents.insert(inode, Content { synced: bytes.clone(), bytes });
            new.synced.insert(name.clone(), inode);
            let modified = now.map_or(SystemTime::UNIX_EPOCH, |file| file.modified);
            new.files.insert(name.clone(), File { inode, modified });
        }
        Memory(Arc::new(Mutex::new(new)))
    }

    /// Takes `age` from the age of everything: what was written looks old.
    pub(crate) fn age(&self, age: Duration) {
        for file in self.state().files.values_mut() {
            file.modified -= age;
        }
    }

    /// Each object's name and bytes, as processes see them.
    pub(crate) fn objects(&self) -> Vec<(String, Vec<u8>)> {
        let state = self.state();
        let bytes = |file: &File| state.contents[&file.inode].bytes.clone();
        state.files.iter().map(|(name, file)| (name.clone(), bytes(file))).collect()
    }

    /// One operation: it is counted, and goes wrong if it is its turn.
    fn act<T>(&self, what: String, act: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state();
        let turn = state.operations;
        if state.crashed {
            return Err(io::Error::other("the machine is off"));
        }
        state.operations += 1;
        state.log.push(what);
        match state.fault {
            Some((at, Fault::Error(number))) if at == turn => Err(io::Error::from_raw_os_error(number)),
            Some((at, Fault::Crash)) if at == turn => {
                state.crashed = true;
                Err(io::Error::other("the machine stopped"))
            }
            _ => act(&mut state),
        }
    }
}

impl State {
    fn inode(&self, key: &str) -> io::Result<u64> {
        self.files.get(key).map(|file| file.inode).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create(&mut self, key: &str) -> u64 {
        self.next += 1;
        let inode = self.next;
        self.contents.insert(inode, Content::default());
        self.files.insert(key.to_owned(), File { inode, modified: SystemTime::now() });
        inode
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let file = self.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        self.alive.remove(from);
        self.files.insert(to.to_owned(), file);
        Ok(())
    }

    /// Syncs the directory: its names are on the disk as they are now.
    fn sync_names_in(&mut self, prefix: &str) {
        let in_it = |name: &str| match name.rsplit_once('/') {
            Some((directory, _)) => directory == prefix,
            None => prefix == ".",
        };
        self.synced.retain(|name, _| !in_it(name));
        let names = self.files.iter().filter(|(name, _)| in_it(name));
        self.synced.extend(names.map(|(name, file)| (name.clone(), file.inode)));
    }

    fn sync_content(&mut self, inode: u64) {
        if let Some(content) = self.contents.get_mut(&inode) {
            content.synced = content.bytes.clone();
        }
    }
}

impl Storage for Memory {
    fn prepare(&self) -> io::Result<()> {
        self.act("prepare".to_owned(), |_| Ok(()))
    }

    fn read(&self, key: &str, from: u64) -> io::Result<Blob> {
        let bytes = self.act(format!("read {key}"), |state| {
            let inode = state.inode(key)?;
            Ok(state.contents[&inode].bytes.clone())
        })?;
        let mut reader = Cursor::new(bytes);
        reader.set_position(from);
        Ok(Blob::from_reader(reader))
    }

    fn read_whole(&self, key: &str, _limit: u64) -> io::Result<(Vec<u8>, Version)> {
        self.act(format!("read {key}"), |state| {
            let inode = state.inode(key)?;
            let version = Version { label: inode.to_string(), _pinned: None };
            Ok((state.contents[&inode].bytes.clone(), version))
        })
    }

    fn version_of(&self, key: &str) -> io::Result<Option<Version>> {
        self.act(format!("version {key}"), |state| {
            Ok(state.inode(key).ok().map(|inode| Version { label: inode.to_string(), _pinned: None }))
        })
    }

    fn stat(&self, key: &str) -> io::Result<Option<Stat>> {
        self.act(format!("stat {key}"), |state| {
            let Some(file) = state.files.get(key) else { return Ok(None) };
            let size = state.contents[&file.inode].bytes.len() as u64;
            Ok(Some(Stat { size, modified: file.modified }))
        })
    }

    fn list(&self, prefix: &str) -> io::Result<Vec<String>> {
        self.act(format!("list {prefix}"), |state| {
            let prefix = if prefix == "." { String::new() } else { format!("{prefix}/") };
            let below = state.files.keys().filter_map(|name| name.strip_prefix(&prefix));
            let mut names: Vec<String> =
                below.map(|name| name.split('/').next().unwrap_or(name).to_owned()).collect();
            names.dedup();
            Ok(names)
        })
    }

    fn part(&self, key: &str, resume: bool) -> io::Result<Option<Box<dyn Part>>> {
        self.act(format!("part {key}"), |state| {
            if state.alive.contains_key(key) {
                return Ok(None);
            }
            let inode = state.inode(key).unwrap_or_else(|_| state.create(key));
            if !resume {
                state.contents.insert(inode, Content::default());
            }
            state.alive.insert(key.to_owned(), inode);
            let have = state.contents[&inode].bytes.len() as u64;
            let part = MemoryPart { memory: self.clone(), key: key.to_owned(), inode, have };
            Ok(Some(Box::new(part) as Box<dyn Part>))
        })
    }

    fn part_again(&self, key: &str) -> io::Result<Option<Box<dyn Part>>> {
        self.act(format!("look for {key}"), |state| state.inode(key))?;
        self.part(key, true)
    }

    fn sync_names(&self) -> io::Result<()> {
        self.act("sync names".to_owned(), |state| {
            state.sync_names_in("blobs/sha256");
            state.sync_names_in("blobs/sha512");
            Ok(())
        })
    }

    /// The steps of a directory, each of them an operation.
    fn replace_if(
        &self,
        key: &str,
        version: Option<&Version>,
        content: &[u8],
        _lock: &dyn Guard,
    ) -> io::Result<bool> {
        let temporary = path::nameless();
        let Some(mut part) = self.part(&temporary, false)? else { return Ok(false) };
        let ready = part.write_all(content).and_then(|()| part.sync()).and_then(|()| self.version_of(key));
        match ready {
            Ok(now) if now.as_ref() == version => part.publish(key)?,
            result => return part.discard().and(result.map(|_| false)),
        }
        self.act("sync root".to_owned(), |state| {
            state.sync_names_in(".");
            Ok(true)
        })
    }

    fn delete(&self, key: &str) -> io::Result<()> {
        self.act(format!("delete {key}"), |state| {
            state.files.remove(key);
            Ok(())
        })
    }

    fn touch(&self, key: &str) -> io::Result<bool> {
        self.act(format!("touch {key}"), |state| {
            let file = state.files.get_mut(key);
            Ok(file.map(|file| file.modified = SystemTime::now()).is_some())
        })
    }

    /// No lock at all: what is right must be right without.
    fn lock(&self, _hold: Hold, stop: &Stop) -> io::Result<Box<dyn Guard>> {
        stop.check()?;
        self.act("lock".to_owned(), |_| Ok(Box::new(NoLock) as Box<dyn Guard>))
    }

    fn mark_alive(&self, key: &str) -> io::Result<Box<dyn Guard>> {
        self.act(format!("mark {key}"), |state| {
            let inode = state.create(key);
            state.alive.insert(key.to_owned(), inode);
            Ok(Box::new(Alive { memory: self.clone(), key: key.to_owned() }) as Box<dyn Guard>)
        })
    }

    fn is_alive(&self, key: &str) -> io::Result<bool> {
        self.act(format!("alive {key}"), |state| Ok(state.alive.contains_key(key)))
    }

    fn bury(&self, key: &str) -> io::Result<()> {
        self.act(format!("bury {key}"), |state| {
            if !state.alive.contains_key(key) {
                state.files.remove(key);
            }
            Ok(())
        })
    }

    fn path(&self, _key: &str) -> Option<PathBuf> {
        None
    }

    fn adopt(&self, _key: &str, _from: &Path) -> io::Result<Option<Box<dyn Part>>> {
        Ok(None)
    }
}

struct NoLock;

impl Guard for NoLock {}

struct Alive {
    memory: Memory,
    key: String,
}

impl Guard for Alive {}

impl Drop for Alive {
    fn drop(&mut self) {
        let mut state = self.memory.state();
        if !state.crashed {
            state.alive.remove(&self.key);
            state.files.remove(&self.key);
        }
    }
}

struct MemoryPart {
    memory: Memory,
    key: String,
    inode: u64,
    have: u64,
}

impl Write for MemoryPart {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (inode, key) = (self.inode, &self.key);
        // Half of it, so that a fault can strike in the middle of a blob.
        let count = bytes.len().div_ceil(2);
        self.memory.act(format!("write {key}"), |state| {
            state.contents.entry(inode).or_default().bytes.extend_from_slice(&bytes[..count]);
            if let Some(file) = state.files.get_mut(key) {
                file.modified = SystemTime::now();
            }
            Ok(count)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Part for MemoryPart {
    fn have(&self) -> u64 {
        self.have
    }

    fn reread(&mut self) -> io::Result<Blob> {
        self.memory.read(&self.key, 0)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.have = 0;
        self.memory.act(format!("clear {}", self.key), |state| {
            state.contents.entry(self.inode).or_default().bytes.clear();
            Ok(())
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        self.memory.act(format!("sync {}", self.key), |state| {
            state.sync_content(self.inode);
            Ok(())
        })
    }

    fn publish(self: Box<Self>, key: &str) -> io::Result<()> {
        self.memory.act(format!("rename {} {key}", self.key), |state| state.rename(&self.key, key))
    }

    fn discard(self: Box<Self>) -> io::Result<()> {
        self.memory.act(format!("delete {}", self.key), |state| {
            state.files.remove(&self.key);
            Ok(())
        })
    }
}

impl Drop for MemoryPart {
    fn drop(&mut self) {
        self.memory.state().alive.remove(&self.key);
    }
}

#[cfg(test)]
mod tests;
