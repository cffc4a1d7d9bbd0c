//! A directory that is ours to fill.

use image_format::{Class, Failure};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// A directory that was made, or found empty. Dropped without [`NewDirectory::keep`] it is as it was before: gone, or
/// empty.
#[derive(Debug)]
#[must_use = "a directory that is not kept is emptied"]
pub struct NewDirectory {
    path: PathBuf,
    made: bool,
    kept: bool,
}

impl NewDirectory {
    /// Makes the directory `path` with the permissions `mode`, or takes it if it is there and empty.
    ///
    /// # Errors
    /// It holds something ([`Class::Usage`]), is no directory, or cannot be made.
    pub fn claim(path: &Path, mode: u32) -> Result<NewDirectory, Failure> {
        let made = match fs::DirBuilder::new().mode(mode).create(path) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let parent = path.parent().unwrap_or(path).display();
                let message = format!("{}: the directory {parent} is not there", path.display());
                return Err(Failure::new(Class::NotFound, message));
            }
            Err(error) => return Err(Failure::io(path.display(), error)),
        };
        let mut found = fs::read_dir(path).map_err(|error| Failure::io(path.display(), error))?;
        if found.next().is_some() {
            let message = format!("{}: not empty; expected a new or an empty directory", path.display());
            return Err(Failure::new(Class::Usage, message));
        }
        Ok(NewDirectory { path: path.to_owned(), made, kept: false })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// It is filled and stays.
    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for NewDirectory {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // what made us give up has been said; that some of it may be left is seen
        let _ = layer::clear_directory(&self.path);
        if self.made {
            let _ = fs::remove_dir(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kept_is_as_it_was_before() {
        let dir = tempfile::tempdir().unwrap();
        for existed in [true, false] {
            let path = dir.path().join("new");
            if existed {
                fs::create_dir(&path).unwrap();
            }
            let new = NewDirectory::claim(&path, 0o755).unwrap();
            fs::create_dir_all(path.join("a/b")).unwrap();
            fs::write(path.join("a/f"), "").unwrap();
            drop(new);
            assert_eq!(fs::read_dir(&path).map(Iterator::count).ok(), existed.then_some(0));
            let _ = fs::remove_dir(&path);
        }
    }

    #[test]
    fn a_directory_that_holds_anything_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("mine"), "").unwrap();
        let failure = NewDirectory::claim(dir.path(), 0o755).unwrap_err();
        assert_eq!(failure.class(), Class::Usage);
        assert!(failure.to_string().ends_with("not empty; expected a new or an empty directory"));
        assert!(dir.path().join("mine").exists());
        assert!(NewDirectory::claim(&dir.path().join("mine"), 0o755).is_err());
        NewDirectory::claim(&dir.path().join("kept"), 0o755).unwrap().keep();
        assert!(dir.path().join("kept").exists());
    }
}
