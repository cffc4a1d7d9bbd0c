//! `ADD` of an archive: what its entries put into the stage, as docker unpacks them.

use super::files::{Content, Node};
use super::staged::node_of;
use super::target::{Existing, Origin, Placed, Target};
use dockerfile::cleaned;
use image_format::{Class, Failure};
use layer::{
    Entry, Holes, Kind, Metadata, TarReader, Time, TreePath, decompress, decompress_here, of_stream,
};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;

/// Bytes of a decompressed archive read at a time.
const BUFFER: usize = 128 << 10;
/// What a directory has that the archive says nothing about.
const IMPLIED: u32 = 0o755;

/// Whether `file` is an archive that `ADD` unpacks: a tar with at least one entry, compressed by gzip, bzip2, xz or zstd, or
/// not at all. Its content decides, not its name.
pub(crate) fn is_archive(file: impl Read + Send + 'static) -> bool {
    let Ok((_, plain)) = decompress_here(file) else { return false };
    matches!(TarReader::new(BufReader::with_capacity(BUFFER, plain)).next_entry(), Ok(Some(_)))
}

/// Contents that wait to be written in another order: a file without a name.
pub(crate) struct Spool {
    file: File,
    length: u64,
    files: u64,
}

impl Spool {
    pub(crate) fn new() -> Result<Spool, Failure> {
        let file = tempfile::tempfile().map_err(in_spool)?;
        Ok(Spool { file, length: 0, files: 0 })
    }

    /// Stores what comes, a file with a number of its own.
    fn store(&mut self, content: &mut impl Read) -> Result<Content, Failure> {
        let at = self.length;
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = content.read(&mut buffer).map_err(of_stream)?;
            if count == 0 {
                break;
            }
            self.write(&buffer[..count]).map_err(in_spool)?;
        }
        self.files += 1;
        Ok(Content::Stored { at, number: Some(self.files) })
    }

    /// Zeros take no room on the disk.
    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        if piece.iter().any(|byte| *byte != 0) {
            self.file.write_all_at(piece, self.length)?;
        }
        self.length += piece.len() as u64;
        Ok(())
    }

    /// All has been stored: what ends in zeros is as long as it should be.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        self.file.set_len(self.length).map_err(in_spool)
    }

    /// The bytes from `at` on.
    pub(crate) fn read_from(&mut self, at: u64) -> io::Result<&File> {
        self.file.seek(SeekFrom::Start(at))?;
        Ok(&self.file)
    }
}

fn in_spool(error: io::Error) -> Failure {
    Failure::io("a temporary file", error)
}

/// Unpacks archives into the directory `root` of a stage.
pub(crate) struct Unpacking<'a, 'v> {
    pub(crate) target: &'a mut Target<'v>,
    pub(crate) root: TreePath,
    /// Whose everything shall be, if not whose the archive says.
    pub(crate) owner: Option<(u32, u32)>,
    /// The time that nothing is younger than.
    pub(crate) epoch: Option<Time>,
    pub(crate) spool: &'a mut Spool,
    /// The number of the part that the archive is.
    pub(crate) part: u32,
}

impl Unpacking<'_, '_> {
    /// Unpacks one; a directory is kept where one is already, everything else is replaced.
    ///
    /// # Errors
    /// It is broken, or leads out of its directory.
    pub(crate) fn unpack(&mut self, archive: impl Read + Send + 'static) -> Result<(), Failure> {
        let (_, plain) = decompress(archive).map_err(of_stream)?;
        let mut reader = TarReader::new(BufReader::with_capacity(BUFFER, plain));
        while let Some(entry) = reader.next_entry().map_err(of_stream)? {
            let shown = String::from_utf8_lossy(&entry.path).into_owned();
            let kind = match &entry.kind {
                Kind::File { size, .. } => Kind::File { size: *size, pieces: None },
                other => other.clone(),
            };
            let content = match entry.kind {
                Kind::File { size, ref pieces } => {
                    let mut content = Holes::new(reader.content(), size, pieces.clone());
                    self.spool.store(&mut content).map_err(|error| error.at(&shown))?
                }
                _ => Content::Nothing,
            };
            self.entry(&entry, kind, content).map_err(|error| error.at(&shown))?;
        }
        reader.finish().map(drop).map_err(of_stream)?;
        self.spool.finish()
    }

    fn entry(&mut self, entry: &Entry, kind: Kind, content: Content) -> Result<(), Failure> {
        let Some(path) = self.place(&entry.path)? else { return Ok(()) };
        let existing = self.target.get(&path);
        let mut metadata = self.metadata(&entry.metadata);
        if matches!(kind, Kind::Symlink { .. }) {
            // whatever a tar says, Linux gives a symlink all permissions
            metadata.mode = 0o777;
        }
        match (existing, &kind) {
            (Some(Existing::Directory(there)), Kind::Directory) => {
                let ours = std::mem::take(&mut metadata.xattrs);
                metadata.xattrs = there.xattrs.clone();
                metadata.xattrs.extend(ours);
            }
            (Some(_), _) => self.target.remove(&path),
            (None, _) => {}
        }
        if let Kind::HardLink { target } = &kind {
            return self.link(target, path, &metadata);
        }
        let origin = (content != Content::Nothing).then_some(Origin { part: self.part, file: u32::MAX });
        self.target.put(path, Placed { node: Node { kind, metadata, content }, origin })
    }

    /// Where an entry goes, the directories above it made; `None` for the root itself, which is there.
    fn place(&mut self, name: &[u8]) -> Result<Option<TreePath>, Failure> {
        let clean = cleaned(name);
        if clean == b".." || clean.starts_with(b"../") {
            return Err(Failure::new(Class::Integrity, "a name that leads out of the archive"));
        }
        let Some((parent, name)) = TreePath::of(&clean).split().map(|(parent, name)| (parent, name.to_vec()))
        else {
            return Ok(None);
        };
        let directory = self.target.resolve(&self.root, &parent)?;
        let implied =
            Metadata { mode: IMPLIED, mtime: self.epoch.unwrap_or_default(), ..Metadata::default() };
        self.target.make_directories(&directory, &implied)?;
        Ok(Some(directory.join(&name)))
    }

    /// Gives a file one more name; as with docker, what the entry says goes with the file then, whatever it is called.
    fn link(&mut self, target: &[u8], name: TreePath, metadata: &Metadata) -> Result<(), Failure> {
        let (path, mut placed) = self.linked(target)?;
        if !matches!(placed.node.kind, Kind::Symlink { .. }) {
            let xattrs = std::mem::take(&mut placed.node.metadata.xattrs);
            placed.node.metadata = Metadata { xattrs, ..metadata.clone() };
        }
        self.target.put(path, placed.clone())?;
        self.target.put(name, placed)
    }

    /// What the target of a hard link is, as a file of several names.
    fn linked(&mut self, target: &[u8]) -> Result<(TreePath, Placed), Failure> {
        let missing = || {
            let shown = String::from_utf8_lossy(target).into_owned();
            Failure::new(Class::Integrity, format_args!("a hard link to {shown:?}, which is not there"))
        };
        let (parent, name) =
            TreePath::of(target).split().map(|(parent, name)| (parent, name.to_vec())).ok_or_else(missing)?;
        let path = self.target.resolve(&self.root, &parent)?.join(&name);
        if let Some(placed) = self.target.placed(&path) {
            return Ok((path.clone(), placed.clone()));
        }
        let mut node = self.target.below(&path).map(node_of).ok_or_else(missing)?;
        if let Content::InLayer { number, .. } = node.content {
            node.content = Content::OfStage { path: path.clone(), number };
        }
        Ok((path, Placed { node, origin: Some(Origin { part: u32::MAX, file: u32::MAX }) }))
    }

    fn metadata(&self, said: &Metadata) -> Metadata {
        let (uid, gid) = self.owner.unwrap_or((said.uid, said.gid));
        let mut xattrs = said.xattrs.clone();
        xattrs.retain(|name, _| !layer::is_of_the_machine(name));
        let mtime = self.epoch.map_or(said.mtime, |epoch| said.mtime.min(epoch));
        Metadata { mode: said.mode, uid, gid, mtime, xattrs }
    }
}
