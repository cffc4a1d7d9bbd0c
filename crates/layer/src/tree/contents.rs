//! The tree that layers make, in memory, with what is needed of its files' content to compare it with another: their
//! digests, and the packages that the databases among them name.

use super::apply::check_count;
use super::held::{Hashing, Held};
use super::index::Indexed;
use super::model::{FileNode, NodeId, NodeKind, Tree};
use super::stream::LayerStream;
use super::weight::{self, MAX_HELD, check_held};
use super::{Amount, Note, TreePath};
use crate::entry::{Entry, Kind, TarReader};
use crate::failure::of_stream;
use crate::packages::{DATABASES, DIRECTORY, Package, PackageManager};
use image_format::{Failure, Layer, Observer, Source};
use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, ErrorKind};

/// What the packages of all databases of a tree may take, in bytes.
const MAX_PACKAGES: usize = 32 << 20;

/// A tree and what its files hold, by digest. Its memory grows with the number of names alone, up to a limit.
#[derive(Clone, Debug)]
pub struct Contents {
    pub(super) tree: Tree,
    pub(super) layers: Vec<ReadLayer>,
    /// By where they begin: the number of a layer and the offset in its tar.
    databases: HashMap<(u32, u64), Vec<Package>>,
    /// Has it been said that a database was left out?
    noted: bool,
}

/// What is kept of a layer.
#[derive(Clone, Debug, Default)]
pub(super) struct ReadLayer {
    /// What its files hold, by where that begins in its tar, ascending.
    held: Vec<(u64, Held)>,
    /// How many bytes they store.
    bytes: u64,
}

impl ReadLayer {
    /// How much it takes in memory, in bytes.
    fn weight(&self) -> usize {
        size_of_val(&self.held[..])
    }

    /// What its files store; empty ones are left out.
    pub(super) fn stored(&self) -> Amount {
        Amount { count: self.held.len() as u64, bytes: self.bytes }
    }
}

impl Default for Contents {
    fn default() -> Contents {
        Contents { tree: Tree::new(), layers: Vec::new(), databases: HashMap::new(), noted: false }
    }
}

impl Contents {
    /// Puts `layers`, bottom first, on top of what is there. Each blob and each tar is verified.
    ///
    /// # Errors
    /// A layer is not what it claims ([`image_format::Class::Integrity`]), or is not there; those of `observer`.
    pub fn add(
        &mut self,
        source: &dyn Source,
        layers: &[Layer],
        observer: &dyn Observer,
    ) -> Result<(), Failure> {
        self.add_each(source, layers, observer, |_, _| Ok(()))
    }

    /// The same; `after` sees the tree behind each layer, and gets its position.
    pub(super) fn add_each(
        &mut self,
        source: &dyn Source,
        layers: &[Layer],
        observer: &dyn Observer,
        mut after: impl FnMut(&Contents, usize) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        // the next layer is decompressed while this one is hashed
        let mut next = layers.first().map(|layer| LayerStream::open(source, layer, observer));
        for (position, layer) in layers.iter().enumerate() {
            let stream = next.take().unwrap_or_else(|| LayerStream::open(source, layer, observer));
            next = layers.get(position + 1).map(|layer| LayerStream::open(source, layer, observer));
            let read = stream.and_then(|stream| self.read(stream, observer));
            read.map_err(|error| error.at(format_args!("layer {}", layer.descriptor.digest)))?;
            after(self, position)?;
        }
        Ok(())
    }

    /// The packages that are installed.
    pub fn packages(&self) -> Vec<Package> {
        self.databases.values().flatten().cloned().collect()
    }

    /// What a file holds; `None` for an empty one.
    pub(super) fn held(&self, file: &FileNode) -> Option<Held> {
        let held = &self.layers.get(file.layer as usize)?.held;
        let at = held.binary_search_by_key(&file.offset, |(offset, _)| *offset).ok()?;
        Some(held[at].1)
    }

    fn read(&mut self, mut stream: LayerStream<'_>, observer: &dyn Observer) -> Result<(), Failure> {
        let number = self.layers.len() as u32;
        let (mut layer, mut entries) = (ReadLayer::default(), Vec::new());
        let mut taken: usize = self.layers.iter().map(ReadLayer::weight).sum();
        let mut reader = TarReader::new(&mut stream);
        while let Some(entry) = reader.next_entry().map_err(of_stream)? {
            let offset = reader.offset();
            if let Kind::File { size: 1.., .. } = entry.kind {
                let mut content = Hashing::new(reader.content());
                if let Some(packages) = self.database(&entry, &mut content, observer).map_err(of_stream)? {
                    self.databases.insert((number, offset), packages);
                }
                layer.bytes = layer.bytes.saturating_add(entry.stored_size());
                layer.held.push((offset, content.finish(&entry.kind).map_err(of_stream)?));
            }
            let indexed = Indexed { entry, offset };
            taken += weight::of_entry(&indexed);
            entries.push(indexed);
            check_held(taken + layer.weight(), MAX_HELD)?;
            check_count(entries.len() as u64)?;
        }
        reader.finish().map_err(of_stream)?;
        stream.finish()?;
        self.layers.push(layer);
        self.tree.apply(number, entries)?;
        self.forget_databases();
        Ok(())
    }

    /// The packages of an entry that is a database by its name.
    fn database(
        &mut self,
        entry: &Entry,
        content: impl BufRead,
        observer: &dyn Observer,
    ) -> io::Result<Option<Vec<Package>>> {
        let is_whole = matches!(entry.kind, Kind::File { pieces: None, .. });
        let Some(manager) = PackageManager::of_path(&entry.path).filter(|_| is_whole) else {
            return Ok(None);
        };
        let kept: usize = self.databases.values().flatten().map(Package::bytes).sum();
        let why = match manager.installed(content) {
            Ok(packages) if kept + packages.iter().map(Package::bytes).sum::<usize>() <= MAX_PACKAGES => {
                return Ok(Some(packages));
            }
            Ok(_) => "more packages than are taken".to_owned(),
            Err(error) if error.kind() == ErrorKind::InvalidData => error.to_string(),
            Err(error) => return Err(error),
        };
        if !std::mem::replace(&mut self.noted, true) {
            observer.note(&Note::Packages(TreePath::of(&entry.path), why));
        }
        Ok(None)
    }

    /// Forgets the databases that are none in the tree, by now or from the beginning.
    fn forget_databases(&mut self) {
        let mut places: HashSet<(u32, u64)> = HashSet::new();
        for path in DATABASES {
            places.extend(self.find(path).and_then(|node| self.place(node)));
        }
        if let Some(directory) = self.find(DIRECTORY) {
            places.extend(self.tree.children(directory).filter_map(|(_, node)| self.place(node)));
        }
        self.databases.retain(|place, _| places.contains(place));
    }

    fn find(&self, path: &str) -> Option<NodeId> {
        self.tree.find(&TreePath::of(path.as_bytes()), true).map(|(_, node)| node)
    }

    fn place(&self, node: NodeId) -> Option<(u32, u64)> {
        match &self.tree.node(node).kind {
            NodeKind::File(file) => Some((file.layer, file.offset)),
            _ => None,
        }
    }
}
