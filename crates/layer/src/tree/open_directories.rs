//! The directories that entries went into last, open: most entries lie beside or below the one before.

use super::TreePath;
use super::root::Directory;
use std::rc::Rc;

/// Each costs a descriptor; trees are seldom deeper.
const MOST: usize = 16;

/// Open directories by the name that led there, the latest last. All are to be given up whenever something is removed,
/// since a name may then lead elsewhere.
#[derive(Default)]
pub(crate) struct OpenDirectories(Vec<(TreePath, Rc<Directory>)>);

impl OpenDirectories {
    /// The directory that `path` led to.
    pub(crate) fn find(&mut self, path: &TreePath) -> Option<Rc<Directory>> {
        let at = self.0.iter().rposition(|(known, _)| known == path)?;
        self.0[at..].rotate_left(1);
        self.0.last().map(|(_, directory)| directory.clone())
    }

    /// Keeps the directory that `path` leads to, perhaps in another's place.
    pub(crate) fn keep(&mut self, path: TreePath, directory: Rc<Directory>) {
        self.0.retain(|(known, _)| *known != path);
        if self.0.len() == MOST {
            self.0.remove(0);
        }
        self.0.push((path, directory));
    }

    /// Gives all up.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn those_that_were_used_last_are_kept() {
        let mut open = OpenDirectories::default();
        let path = |number: usize| TreePath::of(number.to_string().as_bytes());
        for number in 0..MOST {
            let directory = Directory { fd: File::open("/").unwrap().into(), path: path(number) };
            open.keep(path(number), Rc::new(directory));
        }
        let first = open.find(&path(0)).unwrap();
        open.keep(path(MOST), first.clone());
        open.keep(path(MOST), first);
        assert!(open.find(&path(1)).is_none());
        assert_eq!(open.find(&path(2)).unwrap().path, path(2));
        assert_eq!(open.find(&path(MOST)).unwrap().path, path(0));
        open.clear();
        assert!(open.find(&path(2)).is_none());
    }
}
