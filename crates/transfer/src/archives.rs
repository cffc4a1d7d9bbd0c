//! Images out of a layout into an archive, and out of an archive into a layout.

use crate::graph::Graph;
use crate::plan::Missing;
use crate::platforms::Platforms;
use crate::send::Transfer;
use archive::{FoundImage, HeldImage, Output, Packing, ReceiveOptions, Received};
use image_format::{Class, Descriptor, Digest, Failure, ImageName, Observer, Sink, Source, Stream};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// The most bytes of manifests that the images of one archive may have: they are all held in memory.
const MAX_MANIFESTS: u64 = 8 << 20;

/// Opens all blobs of the image `root` for these platforms, so that nothing can take them away; in an archive it will
/// be called `names`.
///
/// # Errors
/// The image is not there or not whole ([`Class::NotFound`]), or not what it says.
pub fn hold(
    source: Box<dyn Source + Send>,
    root: &Descriptor,
    names: Vec<ImageName>,
    platforms: &Platforms,
) -> Result<HeldImage, Failure> {
    let graph = Graph::read(&*source, root, platforms)?;
    let source = source.hold(graph.blobs())?.unwrap_or(source);
    Ok(HeldImage { source: Arc::from(source), root: graph.into_root(names) })
}

/// Writes an archive. Every blob is checked on its way: what was written before an error is no archive to anybody.
///
/// # Errors
/// A blob is not what its descriptor says, or the output cannot be written.
pub fn export(packing: &Packing, output: Output, observer: &dyn Observer) -> Result<(), Failure> {
    let blobs: Vec<Missing> = packing.blobs().cloned().map(Missing::whole).collect();
    let archive = packing.writer(output);
    let transfer = Transfer {
        source: packing,
        sink: &archive,
        images: packing.images(),
        blobs: &blobs,
        documents: &[], // they are among the blobs: whoever reads a stream wants to know early what comes
        jobs: NonZeroUsize::MIN,
    };
    transfer.run(observer).map(drop).inspect_err(|_| archive.break_off())
}

/// An image that came out of an archive. Its blobs and manifests are in the sink; it has no name there yet.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Its manifest or index.
    pub descriptor: Descriptor,
    /// What the archive calls it.
    pub names: Vec<ImageName>,
    /// A tag that the archive gives it without saying of what.
    pub tag: Option<String>,
    /// Is its digest another than the archive's, since its layers are compressed by now?
    pub changed: bool,
}

/// What the images of an archive are to be called.
#[derive(Default)]
pub enum Naming<'a> {
    /// What the archive calls them.
    #[default]
    Own,
    /// This is its one image.
    One(ImageName),
    /// What is made of each of their names, or for an image without one.
    Each(Rename<'a>),
}

/// From an image's own name, where it has one, to its new one.
pub type Rename<'a> = Box<dyn Fn(Option<&ImageName>) -> Result<ImageName, Failure> + 'a>;

impl Naming<'_> {
    fn apply(&self, images: &mut [FoundImage]) -> Result<(), Failure> {
        match self {
            Naming::Own => Ok(()),
            Naming::One(name) => {
                let [only] = images else {
                    let message = format!("{} images; expected one to be called {name}", images.len());
                    return Err(Failure::new(Class::Usage, message));
                };
                (only.names, only.tag) = (vec![name.unpinned()], None);
                Ok(())
            }
            Naming::Each(new) => {
                let mut holders = BTreeMap::new();
                images.iter_mut().try_for_each(|image| rename(image, new, &mut holders))
            }
        }
    }
}

fn rename(
    image: &mut FoundImage,
    new: &Rename<'_>,
    holders: &mut BTreeMap<ImageName, Digest>,
) -> Result<(), Failure> {
    let digest = image.descriptor.digest;
    let names = match &image.names[..] {
        [] => vec![new(None).map_err(|failure| failure.at(digest))?],
        names => names.iter().map(|name| new(Some(name))).collect::<Result<_, _>>()?,
    };
    for name in &names {
        if let Some(other) = holders.insert(name.clone(), digest).filter(|other| *other != digest) {
            let message = format!("{name}: two images would have this name: {other} and {digest}");
            return Err(Failure::new(Class::Usage, message));
        }
    }
    image.names = names;
    Ok(())
}

/// Reads an archive to its end and stores its images for these platforms; nothing stays where anything is wrong.
///
/// # Errors
/// There are several images for one name, or none of its names is one ([`Class::Usage`]); as [`archive::receive`], [`Received::images`], [`Received::settle`] and [`Received::commit`]; no image fits a
/// platform.
pub fn receive(
    stream: &mut dyn Stream,
    sink: &dyn Sink,
    platforms: &Platforms,
    naming: Naming<'_>,
    options: ReceiveOptions<'_>,
) -> Result<Vec<Arrival>, Failure> {
    let mut received: Received<'_> = archive::receive(stream, sink, options)?;
    let mut found = received.images()?;
    naming.apply(&mut found)?;
    let mut roots = Vec::with_capacity(found.len());
    let mut bytes = 0;
    for image in &found {
        let graph = Graph::read_what_is_there(&received, &image.descriptor, platforms)?;
        let root = graph.into_root(image.names.clone());
        bytes += root.documents.iter().map(|(descriptor, _)| descriptor.size).sum::<u64>();
        if bytes > MAX_MANIFESTS {
            let message = format!("the archive's images have more than {MAX_MANIFESTS} bytes of manifests");
            return Err(Failure::new(Class::Integrity, message));
        }
        roots.push(root);
    }
    let digests: Vec<_> = roots.iter().map(|root| root.descriptor.digest).collect();
    let roots = received.settle(roots)?;
    received.commit(&roots)?;
    let arrivals = roots.into_iter().zip(found).zip(digests).map(|((root, image), digest)| Arrival {
        changed: root.descriptor.digest != digest,
        descriptor: root.descriptor,
        names: root.names,
        tag: image.tag,
    });
    Ok(arrivals.collect())
}
