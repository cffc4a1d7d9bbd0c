//! What an image consists of, its manifests read and verified.

use crate::platforms::Platforms;
use image_format::{
    Class, Descriptor, Digest, Failure, ImageName, Index, Node, Place, Platform, Raw, Root, Source, Visitor,
    check_platforms, edit, images_for, read_node, walk,
};
use std::collections::HashSet;

/// The most bytes of manifests that one image may have: they are all held in memory.
const MAX_GRAPH_BYTES: usize = 16 << 20;

/// An image's manifests, children before parents, and the blobs that they name.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The image, under no name.
    pub(crate) image: Root,
    pub(crate) blobs: Vec<Descriptor>,
    /// Is the root's digest another than the one that was asked for?
    pub changed: bool,
}

impl Graph {
    /// Reads the manifests that `root` reaches, for these platforms.
    ///
    /// # Errors
    /// A manifest is missing or not what its descriptor says; no image fits a platform; there are too many.
    pub fn read(source: &dyn Source, root: &Descriptor, platforms: &Platforms) -> Result<Graph, Failure> {
        Graph::read_from(source, root, platforms, Lacks::Nothing)
    }

    /// The same of a source that may lack some of an index's images, though not all of them.
    ///
    /// # Errors
    /// As [`Graph::read`].
    pub fn read_what_is_there(
        source: &dyn Source,
        root: &Descriptor,
        platforms: &Platforms,
    ) -> Result<Graph, Failure> {
        Graph::read_from(source, root, platforms, Lacks::SomeImages)
    }

    fn read_from(
        source: &dyn Source,
        root: &Descriptor,
        platforms: &Platforms,
        lacks: Lacks,
    ) -> Result<Graph, Failure> {
        let (root, made) = choose(source, root, platforms)?;
        let changed = made.is_some();
        let mut reader = Reader::new(source, made, lacks);
        walk(&root, &mut reader)?;
        let is_image = |(_, node): &(Descriptor, Node)| matches!(node, Node::Manifest(_));
        if let Some(failure) = reader.lacking.filter(|_| !reader.documents.iter().any(is_image)) {
            return Err(failure);
        }
        let image = Root { descriptor: root, names: Vec::new(), documents: reader.documents };
        Ok(Graph { image, blobs: reader.blobs, changed })
    }

    /// The image as a stream hears of it.
    pub fn into_root(self, names: Vec<ImageName>) -> Root {
        Root { names, ..self.image }
    }

    /// The blobs (configs and layers), each once.
    pub fn blobs(&self) -> &[Descriptor] {
        &self.blobs
    }

    /// Its manifests and indexes, children before parents.
    pub fn descriptors_of_manifests(&self) -> Vec<Descriptor> {
        self.image.documents.iter().map(|(descriptor, _)| descriptor.clone()).collect()
    }

    /// How many bytes all of it has: manifests, configs and layers.
    pub fn bytes(&self) -> u64 {
        let documents = self.image.documents.iter().map(|(descriptor, _)| descriptor.size);
        documents.chain(self.blobs.iter().map(|blob| blob.size)).fold(0, u64::saturating_add)
    }

    /// Has it manifests of docker's media types, which older tools do not find in a layout?
    pub fn is_docker(&self) -> bool {
        self.image.documents.iter().any(|(descriptor, _)| descriptor.media_type.is_docker())
    }
}

/// The root to take: the index, one of its images, or a new index of some.
fn choose(
    source: &dyn Source,
    root: &Descriptor,
    platforms: &Platforms,
) -> Result<(Descriptor, Option<Document>), Failure> {
    let wanted = match platforms {
        Platforms::All => return Ok((root.clone(), None)),
        Platforms::Host => vec![Platform::host()],
        Platforms::These(wanted) => wanted.clone(),
    };
    if !root.media_type.is_index() {
        if matches!(platforms, Platforms::These(_)) {
            check_platforms(source, root, &wanted)?;
        }
        return Ok((root.clone(), None));
    }
    let Node::Index(index) = read_node(source, root)? else { return Ok((root.clone(), None)) };
    let chosen = images_for(source, &index, &wanted).map_err(|failure| match platforms {
        Platforms::Host if failure.class() == Class::NotFound => {
            failure.with_hint("choose one with --platform, or take --all-platforms")
        }
        _ => failure,
    })?;
    match &chosen[..] {
        [only] if wanted.len() == 1 => Ok((row_of(only), None)),
        all if index.manifests.iter().all(|child| all.iter().any(|image| image.digest == child.digest)) => {
            Ok((root.clone(), None))
        }
        _ => {
            let made = subset(&index, root, &chosen)?;
            Ok((made.0.clone(), Some(made)))
        }
    }
}

/// What of a child's descriptor is the image's own, and not the index's.
fn row_of(child: &Descriptor) -> Descriptor {
    Descriptor {
        artifact_type: child.artifact_type.clone(),
        ..Descriptor::new(child.media_type.clone(), child.digest, child.size)
    }
    .with_platform(child.platform.clone())
}

/// An index of these alone. It is in no source.
fn subset(index: &Raw<Index>, root: &Descriptor, chosen: &[Descriptor]) -> Result<Document, Failure> {
    let index = edit::index_with(index, chosen)?;
    Ok((index.descriptor(root.media_type.clone()), Node::Index(index)))
}

/// A manifest or an index.
type Document = (Descriptor, Node);

/// What a source may lack of an image.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lacks {
    Nothing,
    SomeImages,
}

struct Reader<'a> {
    source: &'a dyn Source,
    lacks: Lacks,
    /// Why the first of them could not be read.
    lacking: Option<Failure>,
    /// The root, where it was made here and is in no source.
    made: Option<Document>,
    /// Those that led to where the walk is.
    open: Vec<Option<Document>>,
    bytes: usize,
    seen: HashSet<Digest>,
    documents: Vec<Document>,
    blobs: Vec<Descriptor>,
}

impl<'a> Reader<'a> {
    fn new(source: &'a dyn Source, made: Option<Document>, lacks: Lacks) -> Reader<'a> {
        let (open, seen, documents, blobs) = (Vec::new(), HashSet::new(), Vec::new(), Vec::new());
        Reader { source, lacks, lacking: None, made, open, bytes: 0, seen, documents, blobs }
    }

    fn read(&mut self, descriptor: &Descriptor) -> Result<Document, Failure> {
        let document = match self.made.take() {
            Some(made) => made,
            None => (descriptor.clone(), read_node(self.source, descriptor)?),
        };
        self.bytes += document.1.bytes().len();
        if self.bytes > MAX_GRAPH_BYTES {
            let message = format!("the image has more than {MAX_GRAPH_BYTES} bytes of manifests");
            return Err(Failure::new(Class::Integrity, message));
        }
        Ok(document)
    }
}

impl Visitor for Reader<'_> {
    fn enter(&mut self, place: Place<'_>) -> Result<Vec<Descriptor>, Failure> {
        let descriptor = place.descriptor;
        if descriptor.media_type.is_document() {
            let document = match self.read(descriptor) {
                Err(failure)
                    if failure.class() == Class::NotFound
                        && self.lacks == Lacks::SomeImages
                        && place.depth > 0 =>
                {
                    self.lacking.get_or_insert(failure);
                    None
                }
                read => Some(read?),
            };
            let parts = document.as_ref().map(|(_, node)| node.children()).unwrap_or_default();
            self.open.push(document);
            return Ok(parts);
        }
        if self.seen.insert(descriptor.digest) {
            self.blobs.push(descriptor.clone());
        }
        Ok(Vec::new())
    }

    fn leave(&mut self, descriptor: &Descriptor) -> Result<(), Failure> {
        if descriptor.media_type.is_document() {
            self.documents.extend(self.open.pop().flatten());
        }
        Ok(())
    }
}
