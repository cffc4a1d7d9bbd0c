//! What has to move, and moving it.

use crate::convert;
use crate::graph::Graph;
use crate::platforms::Platforms;
use crate::send::{Moved, Transfer};
use image_format::{Descriptor, Failure, Observer, Sink, Source};
use std::num::NonZeroUsize;
use std::sync::Arc;

/// How an image is moved.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which images of an index.
    pub platforms: Platforms,
    /// Convert docker's media types to OCI's.
    pub to_oci: bool,
    /// How many blobs move side by side.
    pub jobs: NonZeroUsize,
}

impl Options {
    /// How many blobs move side by side unless the user says otherwise.
    pub const JOBS: NonZeroUsize = NonZeroUsize::new(6).expect("six is not zero");
}

impl Default for Options {
    fn default() -> Options {
        Options { platforms: Platforms::Host, to_oci: false, jobs: Options::JOBS }
    }
}

/// A blob that the other side lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The blob.
    pub blob: Descriptor,
    /// How many bytes of it have to be moved; the first ones may be there from an earlier attempt.
    pub bytes: u64,
}

impl Missing {
    /// Nothing of the blob is there.
    pub(crate) fn whole(blob: Descriptor) -> Missing {
        Missing { bytes: blob.size, blob }
    }
}

/// A transfer that is ready to run. What it will do is what it says.
pub struct Plan {
    source: Box<dyn Source + Send>,
    sink: Arc<dyn Sink + Send + Sync>,
    graph: Graph,
    missing: Vec<Missing>,
    jobs: NonZeroUsize,
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("graph", &self.graph)
            .field("missing", &self.missing)
            .finish_non_exhaustive()
    }
}

/// What a transfer did.
#[derive(Clone, Debug)]
pub struct Report {
    /// The image as it is at the other side.
    pub root: Descriptor,
    /// How many bytes were moved: none of what was mounted or linked, twice what was sent twice.
    pub bytes: u64,
    /// How many blobs, manifests among them, are there now that were not.
    pub blobs: usize,
    /// How many of them were there before.
    pub here: usize,
}

/// Finds out what of the image `root` has to move from `source` to `sink`.
///
/// # Errors
/// The manifests cannot be read, or a side cannot be asked.
pub fn plan(
    source: Box<dyn Source + Send>,
    sink: Arc<dyn Sink + Send + Sync>,
    root: &Descriptor,
    options: &Options,
) -> Result<Plan, Failure> {
    let mut graph = Graph::read(&*source, root, &options.platforms)?;
    if options.to_oci {
        graph = convert::to_oci(graph)?;
    }
    let mut blobs: Vec<Descriptor> = sink.missing(&graph.blobs)?.into_iter().cloned().collect();
    // The big ones first, so that none is left over at the end.
    blobs.sort_by_key(|blob| std::cmp::Reverse(blob.size));
    let source = source.hold(&blobs)?.unwrap_or(source);
    let left = |blob: Descriptor| {
        let have = sink.have(&blob)?;
        Ok(Missing { bytes: blob.size.saturating_sub(have), blob })
    };
    let missing = blobs.into_iter().map(left).collect::<Result<_, Failure>>()?;
    Ok(Plan { source, sink, graph, missing, jobs: options.jobs })
}

impl Plan {
    /// The image as it will be at the other side.
    pub fn root(&self) -> &Descriptor {
        &self.graph.image.descriptor
    }

    /// The image's manifests and blobs.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The configs and layers that the other side lacks, the big ones first.
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// The manifests that the other side lacks, which is asked for them now.
    ///
    /// # Errors
    /// It cannot be asked.
    pub fn missing_manifests(&self) -> Result<Vec<Missing>, Failure> {
        let manifests = self.graph.descriptors_of_manifests();
        let missing = self.sink.missing(&manifests)?;
        Ok(missing.into_iter().cloned().map(Missing::whole).collect())
    }

    /// How many bytes of configs and layers will be moved.
    pub fn bytes(&self) -> u64 {
        self.missing.iter().map(|missing| missing.bytes).fold(0, u64::saturating_add)
    }

    /// Moves the blobs, side by side, then the manifests, children first. It gives no name: see [`Sink::name`].
    ///
    /// # Errors
    /// The first failure, after which everything stops; what has arrived whole stays, and what has arrived in part
    /// is gone on with by the next transfer.
    pub fn run(self, observer: &dyn Observer) -> Result<Report, Failure> {
        let image = &self.graph.image;
        let transfer = Transfer {
            source: &*self.source,
            sink: &*self.sink,
            images: std::slice::from_ref(image),
            blobs: &self.missing,
            documents: &image.documents,
            jobs: self.jobs,
        };
        let Moved { bytes, blobs } = transfer.run(observer)?;
        let all = self.graph.blobs.len() + image.documents.len();
        Ok(Report { bytes, blobs, here: all - blobs, root: self.graph.image.descriptor })
    }
}
