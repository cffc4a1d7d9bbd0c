//! A file that gets its name when it is whole.

use crate::ambient;
use crate::env::Environment;
use crate::error::Error;
use image_format::Failure;
use std::ffi::OsString;
use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// How many names are tried beside the file.
const ATTEMPTS: u32 = 100;

/// A file in the making, beside its place. Dropped before [`NewFile::publish`], it is removed, and what had the name
/// before has it still.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    path: PathBuf,
    /// `None` where it is written in place: a device, a FIFO, a socket.
    temporary: Option<PathBuf>,
}

impl NewFile {
    /// Begins the file at `path`.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn create(path: &Path) -> Result<NewFile, Error> {
        NewFile::begin(path).map_err(|error| Failure::io(path.display(), error).into())
    }

    fn begin(path: &Path) -> io::Result<NewFile> {
        if std::fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
            let file = OpenOptions::new().write(true).open(path)?;
            return Ok(NewFile { file, path: path.to_owned(), temporary: None });
        }
        // a link keeps leading to the file that it leads to
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        for attempt in 0..ATTEMPTS {
            let temporary = beside(&path, attempt)?;
            match OpenOptions::new().write(true).create_new(true).open(&temporary) {
                Ok(file) => {
                    let new = NewFile { file, path, temporary: Some(temporary) };
                    return new.with_old_mode();
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists))
    }

    /// Who may read the file that it replaces may read this one, and nobody else.
    fn with_old_mode(self) -> io::Result<NewFile> {
        if let Ok(old) = std::fs::metadata(&self.path) {
            let mode = old.permissions().mode() & 0o777;
            self.file.set_permissions(Permissions::from_mode(mode))?;
        }
        Ok(self)
    }

    /// The file, to be written.
    ///
    /// # Errors
    /// It cannot be opened once more.
    pub fn file(&self) -> Result<File, Error> {
        self.file.try_clone().map_err(|error| Failure::io(self.path.display(), error).into())
    }

    /// Gives the file its name, once its content survives a crash; `OCI_FSYNC=0` does without that.
    ///
    /// # Errors
    /// It cannot be written to the disk or named.
    pub fn publish(mut self, environment: &Environment) -> Result<(), Error> {
        if self.temporary.is_some() && ambient::fsync(environment) {
            self.file.sync_all().map_err(|error| Failure::io(self.path.display(), error))?;
        }
        let Some(temporary) = self.temporary.take() else { return Ok(()) };
        std::fs::rename(&temporary, &self.path).map_err(|error| {
            self.temporary = Some(temporary);
            Failure::io(self.path.display(), error).into()
        })
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            let _ = std::fs::remove_file(temporary);
        }
    }
}

/// `.NAME.PROCESS-ATTEMPT`, in the same directory.
fn beside(path: &Path, attempt: u32) -> io::Result<PathBuf> {
    let name = path.file_name().filter(|_| !path.is_dir());
    let name = name.ok_or_else(|| io::Error::from(io::ErrorKind::IsADirectory))?;
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}-{attempt}", std::process::id()));
    Ok(path.with_file_name(temporary))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_that_is_replaced_hands_on_who_may_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.tar");
        std::fs::write(&path, "old").unwrap();
        for mode in [0o600, 0o664] {
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            NewFile::create(&path).unwrap().publish(&Environment::default()).unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, mode);
        }
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.tar");
        std::fs::write(&path, "old").unwrap();
        let given_up = NewFile::create(&path).unwrap();
        given_up.file().unwrap().write_all(b"half").unwrap();
        drop(given_up);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        let whole = NewFile::create(&path).unwrap();
        whole.file().unwrap().write_all(b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        whole.publish(&Environment::default()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(NewFile::create(dir.path()).is_err());
    }
}
