//! What has to move, and moving it.

use crate::convert;
use crate::graph::{Graph, Member};
use crate::observer::Observer;
use crate::platforms::Platforms;
use crate::send;
use image_format::{Class, Descriptor, Expected, Failure, Sink, Source};
use std::io::Write;
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

/// A transfer that is ready to run. What it will do is what it says.
pub struct Plan {
    source: Box<dyn Source + Send>,
    sink: Arc<dyn Sink + Send + Sync>,
    graph: Graph,
    missing: Vec<Descriptor>,
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
    /// How many bytes of blobs were moved.
    pub bytes: u64,
    /// How many blobs were moved.
    pub blobs: usize,
    /// How many blobs were there before.
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
    let mut missing: Vec<Descriptor> = sink.missing(&graph.blobs)?.into_iter().cloned().collect();
    // The big ones first, so that none is left over at the end.
    missing.sort_by_key(|blob| std::cmp::Reverse(blob.size));
    let source = source.hold(&missing)?.unwrap_or(source);
    Ok(Plan { source, sink, graph, missing, jobs: options.jobs })
}

impl Plan {
    /// The image as it will be at the other side.
    pub fn root(&self) -> &Descriptor {
        &self.graph.root
    }

    /// The image's manifests and blobs.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The blobs that the other side lacks, the big ones first.
    pub fn missing(&self) -> &[Descriptor] {
        &self.missing
    }

    /// How many bytes of blobs will be moved.
    pub fn bytes(&self) -> u64 {
        self.missing.iter().map(|blob| blob.size).sum()
    }

    /// Moves the blobs, side by side, then the manifests, children first. It gives no name: see [`Sink::name`].
    ///
    /// # Errors
    /// The first failure, after which everything stops; what has arrived whole stays, and what has arrived in part
    /// is gone on with by the next transfer.
    pub fn run(self, observer: &dyn Observer) -> Result<Report, Failure> {
        observer.begin(self.missing.len(), self.bytes());
        send::all(&*self.source, &*self.sink, &self.missing, self.jobs, observer)?;
        for member in &self.graph.manifests {
            if observer.stopped() {
                return Err(interrupted());
            }
            self.store(member)?;
        }
        Ok(Report {
            bytes: self.bytes(),
            blobs: self.missing.len(),
            here: self.graph.blobs.len() - self.missing.len(),
            root: self.graph.root,
        })
    }

    fn store(&self, member: &Member) -> Result<(), Failure> {
        if self.sink.missing(std::slice::from_ref(&member.descriptor))?.is_empty() {
            return Ok(());
        }
        let mut writer = self.sink.writer(Expected::Descriptor(member.descriptor.clone()))?;
        if writer.have() > 0 {
            writer.restart()?;
        }
        writer.write_all(member.node.bytes()).map_err(Failure::from)?;
        writer.commit().map(drop)
    }
}

pub(crate) fn interrupted() -> Failure {
    Failure::new(Class::Interrupted, "interrupted")
}
