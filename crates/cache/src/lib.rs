//! Files by key beside the layout: what costs time to make again, and nothing else.
//!
//! `DIRECTORY/KIND/KEY` is a whole file or not there: it is written beside its place, and renamed. So any number of
//! processes share a directory without a lock, and whoever deletes it harms nobody. What was used stays: a file's time is
//! that of its last use, to the hour, and [`Cache::prune`] takes the oldest.
//!
//! Nothing here is trusted to be what was put: the disk may lie, and so may whoever shares the directory. Who gets a value
//! checks it.
#![forbid(unsafe_code)]

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A file's time is moved on when it is older than this: reading must not mean writing each time.
const USE_RESOLUTION: Duration = Duration::from_secs(3600);
/// What begins the names of files that are not whole yet.
const UNFINISHED: &str = ".new-";
/// A writer that has not finished after so long never will.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// A cache in a directory, which need not be there yet.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
}

/// What may stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long ago a file may have been used last.
    pub max_age: Duration,
    /// How many bytes all files together may have.
    pub max_bytes: u64,
}

/// What was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// How many files.
    pub files: u64,
    /// How many bytes they had.
    pub bytes: u64,
}

impl Cache {
    /// A cache in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Cache {
        Cache { directory: directory.into() }
    }

    /// What was put under `kind` and `key`; `None` where nothing is there, or it cannot be read.
    pub fn get(&self, kind: &str, key: &str) -> Option<Vec<u8>> {
        let path = self.path(kind, key)?;
        let content = fs::read(&path).ok()?;
        touch(&path);
        Some(content)
    }

    /// Puts `content` under `kind` and `key`, in place of whatever was there.
    ///
    /// # Errors
    /// The name is not of letters, digits, `-`, `_` and `.`; the directory cannot be written.
    pub fn put(&self, kind: &str, key: &str, content: &[u8]) -> io::Result<()> {
        let wrong = || {
            io::Error::new(ErrorKind::InvalidInput, format!("{kind}/{key}: no name for a file of a cache"))
        };
        let path = self.path(kind, key).ok_or_else(wrong)?;
        let directory = self.directory.join(kind);
        DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        let unfinished = directory.join(format!("{UNFINISHED}{}-{key}", unique()?));
        let written = File::create_new(&unfinished).and_then(|mut file| file.write_all(content));
        let done = written.and_then(|()| fs::rename(&unfinished, &path));
        if done.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        done
    }

    /// Takes what was used too long ago, then what was used longest ago, until the rest is within `limits`.
    ///
    /// # Errors
    /// The directory cannot be read. A file that somebody else takes meanwhile is no error.
    pub fn prune(&self, limits: &Limits) -> io::Result<Pruned> {
        let mut files = self.files()?;
        files.sort_by_key(|file| file.used);
        let mut left: u64 = files.iter().map(|file| file.bytes).sum();
        let now = SystemTime::now();
        let mut pruned = Pruned::default();
        for file in files {
            let age = now.duration_since(file.used).unwrap_or_default();
            let spared = if file.unfinished {
                age <= ABANDONED
            } else {
                age <= limits.max_age && left <= limits.max_bytes
            };
            if spared {
                continue;
            }
            left -= file.bytes;
            if fs::remove_file(&file.path).is_ok() {
                pruned = Pruned { files: pruned.files + 1, bytes: pruned.bytes + file.bytes };
            }
        }
        Ok(pruned)
    }

    fn path(&self, kind: &str, key: &str) -> Option<PathBuf> {
        (is_name(kind) && is_name(key)).then(|| self.directory.join(kind).join(key))
    }

    fn files(&self) -> io::Result<Vec<Stored>> {
        let mut files = Vec::new();
        for kind in entries(&self.directory)? {
            if !kind.file_type()?.is_dir() {
                continue;
            }
            for file in entries(&kind.path())? {
                let Ok(meta) = file.metadata() else { continue };
                if meta.is_file() {
                    let unfinished = file.file_name().to_string_lossy().starts_with(UNFINISHED);
                    files.push(Stored {
                        path: file.path(),
                        bytes: meta.len(),
                        used: meta.modified()?,
                        unfinished,
                    });
                }
            }
        }
        Ok(files)
    }
}

struct Stored {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
    unfinished: bool,
}

fn entries(directory: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        other => other?.collect(),
    }
}

fn is_name(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=200).contains(&text.len()) && text.bytes().all(letter) && !text.starts_with('.')
}

/// Marks the file as used now. That it cannot be is no reason not to use it.
fn touch(path: &Path) {
    let Ok(file) = File::open(path) else { return };
    let used = file.metadata().and_then(|meta| meta.modified());
    let is_old = |used: SystemTime| used.elapsed().is_ok_and(|age| age > USE_RESOLUTION);
    if used.is_ok_and(is_old) {
        let _ = file.set_modified(SystemTime::now());
    }
}

fn unique() -> io::Result<String> {
    let mut random = [0; 8];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Limits = Limits { max_age: Duration::MAX, max_bytes: u64::MAX };

    fn cache() -> (tempfile::TempDir, Cache) {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(dir.path().join("not/there/yet"));
        (dir, cache)
    }

    fn age(cache: &Cache, key: &str, hours: u64) {
        let file = File::open(cache.directory.join("k").join(key)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(3600 * hours)).unwrap();
    }

    #[test]
    fn what_was_put_is_got_and_what_was_not_is_not_there() {
        let (_dir, cache) = cache();
        assert_eq!(cache.get("k", "a"), None);
        cache.put("k", "a", b"one").unwrap();
        cache.put("k", "a", b"two").unwrap();
        assert_eq!(cache.get("k", "a").as_deref(), Some(&b"two"[..]));
        assert_eq!((cache.get("k", "b"), cache.get("other", "a")), (None, None));
        assert_eq!(fs::read_dir(cache.directory.join("k")).unwrap().count(), 1);
    }

    #[test]
    fn no_key_leads_out_of_the_directory() {
        let (_dir, cache) = cache();
        for key in ["..", "../x", "a/b", "", ".new-1", "a\0", "\u{e9}", &"x".repeat(201)] {
            assert_eq!(cache.put("k", key, b"").unwrap_err().kind(), ErrorKind::InvalidInput, "{key}");
            assert_eq!(cache.get("k", key), None);
        }
        assert!(cache.put("../k", "a", b"").is_err());
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let (_dir, cache) = cache();
        assert_eq!(cache.prune(&ALL).unwrap(), Pruned::default());
        for (key, hours) in [("old", 50), ("middle", 30), ("new", 0)] {
            cache.put("k", key, &[0; 100]).unwrap();
            age(&cache, key, hours);
        }
        assert_eq!(cache.prune(&ALL).unwrap(), Pruned::default());
        let by_age = Limits { max_age: Duration::from_secs(3600 * 40), ..ALL };
        assert_eq!(cache.prune(&by_age).unwrap(), Pruned { files: 1, bytes: 100 });
        // being used makes it new again
        assert!(cache.get("k", "middle").is_some());
        age(&cache, "new", 2);
        assert_eq!(cache.prune(&Limits { max_bytes: 150, ..ALL }).unwrap(), Pruned { files: 1, bytes: 100 });
        assert!(cache.get("k", "middle").is_some() && cache.get("k", "new").is_none());
    }

    #[test]
    fn what_a_writer_left_unfinished_goes_after_a_day_and_not_before() {
        let (_dir, cache) = cache();
        cache.put("k", "a", b"").unwrap();
        fs::write(cache.directory.join("k/.new-1-b"), "half").unwrap();
        let none = Limits { max_age: Duration::MAX, max_bytes: 0 };
        assert_eq!(cache.prune(&none).unwrap().bytes, 0);
        age(&cache, ".new-1-b", 25);
        assert_eq!(cache.prune(&none).unwrap(), Pruned { files: 1, bytes: 4 });
    }

    #[test]
    fn many_writers_of_one_key_leave_one_whole_file() {
        let (_dir, cache) = cache();
        std::thread::scope(|scope| {
            for n in 0..8u8 {
                let cache = &cache;
                scope.spawn(move || {
                    for _ in 0..50 {
                        cache.put("k", "a", &[n; 5000]).unwrap();
                        let got = cache.get("k", "a").unwrap();
                        assert!(got.len() == 5000 && got.iter().all(|byte| *byte == got[0]));
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(cache.directory.join("k")).unwrap().count(), 1);
    }
}
