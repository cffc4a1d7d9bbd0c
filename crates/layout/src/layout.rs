//! A layout: opening and making one, its blobs, its index.

use crate::directory::Directory;
use crate::edit::IndexEdit;
use crate::held::{HeldBlobs, OpenFiles};
use crate::index_file::IndexFile;
use crate::presence::Presence;
use crate::snapshot::Snapshot;
use crate::stop::Stop;
use crate::storage::{Guard, Hold, Storage, Version};
use crate::{Error, path};
use image_format::{Blob, Class, Descriptor, Digest, Failure, MAX_CONFIG_BYTES, Origin, Source, annotation};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const VERSION: &str = "1.0.0";
/// How often a layout is made that others take away meanwhile.
const ATTEMPTS: u32 = 100;
/// The most bytes of `oci-layout` that are read.
const MAX_MARKER_BYTES: u64 = 64 << 10;
/// The most bytes of `index.json` that are read: a hundred thousand rows have some forty million.
const MAX_INDEX_BYTES: u64 = 256 << 20;

/// How a layout is used.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Do finished writes survive a crash of the machine? (`OCI_FSYNC=0`: no.)
    pub fsync: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { fsync: true }
    }
}

/// An OCI image layout. Clones share it.
///
/// Spec: image-spec, image-layout.md, version 1.0.0.
#[derive(Clone, Debug)]
pub struct Layout {
    pub(crate) storage: Arc<dyn Storage>,
    path: PathBuf,
    pub(crate) open_files: OpenFiles,
    /// Where it was opened to be written to.
    presence: Option<Arc<Presence>>,
    pub(crate) stop: Stop,
}

impl Layout {
    /// Opens the layout at `path` for reading and, where the disk allows, writing.
    ///
    /// # Errors
    /// There is none, it is of another version, or it cannot be read.
    pub fn open(path: &Path, options: Options) -> Result<Layout, Error> {
        Ok(Layout::open_directory(path, options)?.0)
    }

    /// Opens the layout at `path`, made with mode 0700 if it is not there.
    ///
    /// # Errors
    /// The directory holds something else, or cannot be written.
    pub fn create(path: &Path, options: Options) -> Result<Layout, Error> {
        let layout = Layout::create_to_fill(path, options)?;
        if let Some(presence) = &layout.presence {
            presence.stay().map_err(Error::io(path.join(path::MADE)))?;
        }
        Ok(layout)
    }

    /// As [`Layout::create`]; but a layout that was made so, and into which nothing has come by the time that nobody
    /// has it open to write any more, goes again.
    ///
    /// # Errors
    /// As [`Layout::create`].
    pub fn create_to_fill(path: &Path, options: Options) -> Result<Layout, Error> {
        let (mut attempts, mut made) = (0, 0);
        loop {
            match Layout::open_or_make(path, options, &mut made) {
                // Whoever made it has taken it away meanwhile.
                Err(error) if error.is_gone() && attempts < ATTEMPTS => attempts += 1,
                result => return result,
            }
        }
    }

    /// The same layout: where `stop` asks, a lock is not waited for any more, and no edit is written.
    #[must_use]
    pub fn stopped_by(self, stop: Stop) -> Layout {
        Layout { stop, ..self }
    }

    /// Waits for the lock.
    pub(crate) fn lock(&self, hold: Hold) -> Result<Box<dyn Guard>, Error> {
        self.storage.lock(hold, &self.stop).map_err(Error::io(self.path.join(path::LOCK)))
    }

    fn open_directory(path: &Path, options: Options) -> Result<(Layout, Directory), Error> {
        let directory = match Directory::open(path, options.fsync) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::Missing(path.to_owned()));
            }
            result => result.map_err(Error::io(path))?,
        };
        let layout = Layout::over(Arc::new(directory.clone()), path);
        layout.check_marker()?;
        Ok((layout, directory))
    }

    /// `made` is how many directories an earlier attempt made.
    fn open_or_make(path: &Path, options: Options, made: &mut usize) -> Result<Layout, Error> {
        let (mut layout, directory) = match Layout::open_directory(path, options) {
            Err(Error::Missing(_) | Error::NotALayout(_) | Error::Unmarked(_)) => {
                Layout::make(path, options, made)?
            }
            opened => {
                let (layout, directory) = opened?;
                if *made > 0 {
                    // somebody else was faster, in directories that we made
                    Presence::note_made(&directory, *made).map_err(Error::io(path))?;
                }
                (layout, directory)
            }
        };
        let presence = Presence::enter(&directory).map_err(Error::io(path.join(path::MARKER)))?;
        layout.presence = Some(Arc::new(presence));
        Ok(layout)
    }

    fn make(path: &Path, options: Options, made: &mut usize) -> Result<(Layout, Directory), Error> {
        let directory = Directory::create(path, options.fsync, made).map_err(Error::io(path))?;
        let layout = Layout::over(Arc::new(directory.clone()), path);
        layout.check_vacant()?;
        let noted = Presence::note_made(&directory, *made).map_err(Error::io(path));
        if let Err(error) = noted.and_then(|()| layout.initialise()).and_then(|()| layout.check_marker()) {
            // Half a layout is finished by the next who makes it.
            let _ = Presence::give_up(&directory, *made);
            return Err(error);
        }
        Ok((layout, directory))
    }

    fn over(storage: Arc<dyn Storage>, path: &Path) -> Layout {
        Layout {
            storage,
            path: path.to_owned(),
            open_files: OpenFiles::default(),
            presence: None,
            stop: Stop::default(),
        }
    }

    /// A new layout in a storage for tests.
    #[cfg(test)]
    pub(crate) fn in_storage(storage: Arc<dyn Storage>) -> Result<Layout, Error> {
        let layout = Layout::over(storage, Path::new("/memory"));
        layout.initialise()?;
        layout.check_marker()?;
        Ok(layout)
    }

    /// The layout that is in a storage for tests.
    #[cfg(test)]
    pub(crate) fn over_storage(storage: Arc<dyn Storage>) -> Result<Layout, Error> {
        let layout = Layout::over(storage, Path::new("/memory"));
        layout.check_marker()?;
        Ok(layout)
    }

    fn check_vacant(&self) -> Result<(), Error> {
        let names = self.storage.list(".").map_err(Error::io(&self.path))?;
        let ours = names.iter().all(|name| path::OURS.contains(&&**name));
        if ours { Ok(()) } else { Err(Error::Occupied(self.path.clone())) }
    }

    /// The marker comes last, so that nobody sees a layout before it is one; several may try at once.
    fn initialise(&self) -> Result<(), Error> {
        let lock = self.lock(Hold::Exclusive)?;
        self.storage.prepare().map_err(Error::io(self.path.join(path::BLOBS)))?;
        drop(lock);
        let empty = IndexFile::empty();
        let marker = format!("{{\"imageLayoutVersion\":\"{VERSION}\"}}");
        for (key, content) in
            [(path::INDEX, empty.with_rows(empty.rows())), (path::MARKER, marker.into_bytes())]
        {
            while self.storage.version_of(key).map_err(Error::io(self.path.join(key)))?.is_none() {
                let lock = self.lock(Hold::Exclusive)?;
                self.storage
                    .replace_if(key, None, &content, &*lock)
                    .map_err(Error::io(self.path.join(key)))?;
            }
        }
        Ok(())
    }

    fn check_marker(&self) -> Result<(), Error> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Marker {
            image_layout_version: String,
        }
        let path = self.path.join(path::MARKER);
        let content = match self.storage.read_whole(path::MARKER, MAX_MARKER_BYTES) {
            Ok((content, _)) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let names = self.storage.list(".").map_err(Error::io(&self.path))?;
                let path = self.path.clone();
                let other = |name: &str| names.iter().any(|there| there == name);
                return Err(match names.is_empty() {
                    true => Error::Missing(path),
                    false if other(path::INDEX) && other(path::BLOBS) => Error::Unmarked(path),
                    false => Error::NotALayout(path),
                });
            }
            Err(error) => return Err(Error::Io { path, error }),
        };
        match serde_json::from_slice::<Marker>(&content) {
            Ok(marker) if marker.image_layout_version == VERSION => Ok(()),
            Ok(marker) => {
                let version = marker.image_layout_version;
                let problem = format!("image layout version {version:?}; expected {VERSION:?}");
                Err(Error::Broken { path, problem })
            }
            Err(error) => Err(Error::Broken { path, problem: format!("not a layout's marker: {error}") }),
        }
    }

    /// The path that it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `index.json` as it is now.
    ///
    /// # Errors
    /// It is missing or broken.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(self.read_index()?.0)
    }

    pub(crate) fn read_index(&self) -> Result<(Snapshot, Version), Error> {
        let path = self.path.join(path::INDEX);
        let (content, version) = match self.storage.read_whole(path::INDEX, MAX_INDEX_BYTES) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::Index { path, problem: "missing; a layout must have it".to_owned() });
            }
            Err(error) => return Err(Error::Io { path, error }),
        };
        let index = String::from_utf8(content)
            .map_err(|_| "not UTF-8".to_owned())
            .and_then(IndexFile::parse)
            .map_err(|problem| Error::Index { path, problem: format!("not an image index: {problem}") })?;
        Ok((Snapshot::new(index), version))
    }

    /// Changes `index.json`: reads it under the lock, lets `change` edit it, and replaces it at once.
    ///
    /// The blobs that the edit names survive a crash before the edit does. `change` may run more than once, and
    /// nothing is written where it fails or changes nothing, or where [`Layout::stopped_by`] asks to stop before.
    ///
    /// # Errors
    /// The first of `change`, or the index cannot be read or written; [`Class::Interrupted`].
    pub fn update_index<T>(
        &self,
        mut change: impl FnMut(&mut IndexEdit<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        loop {
            let lock = self.lock(Hold::Exclusive)?;
            let (snapshot, version) = self.read_index()?;
            let mut edit = IndexEdit::new(&snapshot);
            let value = change(&mut edit)?;
            // Even where the rows stay as they are: what they name may have been fetched anew.
            let content = edit.finish();
            self.storage.sync_names().map_err(Error::io(&self.path))?;
            self.stop.check()?;
            let Some(content) = content else { return Ok(value) };
            let path = self.path.join(path::INDEX);
            let replaced = self.storage.replace_if(path::INDEX, Some(&version), &content, &*lock);
            if replaced.map_err(Error::io(path))? {
                return Ok(value);
            }
        }
    }

    /// The size of a blob in bytes; `None` where it is not here.
    ///
    /// # Errors
    /// The layout cannot be read.
    pub fn size_of(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        let key = path::blob(digest);
        let stat = self.storage.stat(&key).map_err(Error::io(self.path.join(&key)))?;
        Ok(stat.map(|stat| stat.size))
    }

    /// How many bytes of a blob that is not here an earlier writer has left to be gone on with; none where they are
    /// more than the blob has.
    ///
    /// # Errors
    /// The layout cannot be read.
    pub fn partial_size(&self, blob: &Descriptor) -> Result<u64, Error> {
        let key = path::partial(&blob.digest);
        let stat = self.storage.stat(&key).map_err(Error::io(self.path.join(&key)))?;
        Ok(stat.map(|stat| stat.size).filter(|size| *size <= blob.size).unwrap_or(0))
    }

    /// The bytes of a small blob (a manifest or config), not checked.
    ///
    /// # Errors
    /// It is not here, or larger than a config may be.
    pub fn read_small(&self, digest: &Digest) -> Result<Vec<u8>, Error> {
        let key = path::blob(digest);
        let path = self.path.join(&key);
        let blob = self.storage.read(&key, 0).map_err(Error::io(&path))?;
        let mut bytes = Vec::new();
        blob.take(MAX_CONFIG_BYTES + 1).read_to_end(&mut bytes).map_err(Error::io(&path))?;
        if bytes.len() as u64 > MAX_CONFIG_BYTES {
            let problem = format!("larger than {MAX_CONFIG_BYTES} bytes; expected a manifest or config");
            return Err(Error::Broken { path, problem });
        }
        Ok(bytes)
    }
}

impl Source for Layout {
    fn open(&self, descriptor: &Descriptor, from: u64) -> Result<Blob, Failure> {
        let digest = &descriptor.digest;
        self.storage.read(&path::blob(digest), from).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                let layout = self.path.display();
                Failure::new(Class::NotFound, format_args!("{digest}: the layout {layout} lacks this blob"))
                    .with_hint("pull or import the image again; oci-fsck lists what is missing")
            }
            _ => Failure::io(self.path.join(path::blob(digest)).display(), error),
        })
    }

    fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, Failure> {
        let (snapshot, subject) = (self.snapshot()?, subject.to_string());
        let about = |row: &Descriptor| row.annotation(annotation::SUBJECT) == Some(subject.as_str());
        Ok(snapshot.rows().filter_map(|row| row.descriptor()).filter(about).collect())
    }

    fn hold(&self, descriptors: &[Descriptor]) -> Result<Option<Box<dyn Source + Send>>, Failure> {
        Ok(Some(Box::new(HeldBlobs::open(self, descriptors)?)))
    }

    fn origin(&self, descriptor: &Descriptor) -> Option<Origin> {
        let path = self.storage.path(&path::blob(&descriptor.digest))?;
        Some(Origin::File(path))
    }
}
