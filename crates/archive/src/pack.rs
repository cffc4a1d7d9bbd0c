//! Images into an archive: what is written, and in which order.

use crate::conversion::Conversion;
use crate::format::Format;
use crate::output::Output;
use crate::supply::Supply;
use crate::write::ArchiveWriter;
use image_format::{Blob, Class, Descriptor, Digest, Failure, Observer, Platform, Root, Source};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;

/// An image to put into an archive, and where its blobs are until the archive is written.
#[derive(Clone)]
pub struct HeldImage {
    /// Where the blobs are.
    pub source: Arc<dyn Source + Send>,
    /// The image and its names.
    pub root: Root,
}

impl HeldImage {
    /// What its manifests and indexes name: configs and layers above all.
    pub fn blobs(&self) -> Vec<Digest> {
        let children = self.root.documents.iter().flat_map(|(_, node)| node.children());
        children.map(|child| child.digest).collect()
    }
}

impl fmt::Debug for HeldImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldImage").field("root", &self.root).finish_non_exhaustive()
    }
}

/// How images are packed.
pub struct PackOptions<'a> {
    /// The form of the archive.
    pub format: Format,
    /// The platform of an image that is alone in a docker-archive; the host's where that is `None`.
    pub platform: Option<Platform>,
    /// Blobs that the other side has: they are left out. Manifests and configs never are.
    pub leave_out: &'a dyn Fn(&Digest) -> bool,
    /// Hears how many bytes are read to learn what layers become, and may stop that.
    pub observer: &'a dyn Observer,
}

/// What an archive will hold. It is the source of all that, each blob in the form that it has in the archive.
pub struct Packing {
    format: Format,
    platform: Option<Platform>,
    images: Vec<Root>,
    documents: Vec<Descriptor>,
    configs: Vec<Descriptor>,
    others: Vec<Descriptor>,
    left_out: Vec<Descriptor>,
    supplies: HashMap<Digest, Supply>,
    converted: usize,
}

impl Packing {
    /// Finds out what is to be written. Layers that the format does not take are read once to learn what they become.
    ///
    /// # Errors
    /// A blob is not there or not what its descriptor says; the images cannot stand in one archive.
    pub fn new(images: Vec<HeldImage>, options: PackOptions<'_>) -> Result<Packing, Failure> {
        let mut conversion = Conversion::new(&options);
        let roots = images.iter().map(|image| conversion.image(image)).collect::<Result<Vec<Root>, _>>()?;
        let mut converted = conversion.into_supplies();
        let mut packing = Packing {
            format: options.format,
            platform: options.platform,
            images: Vec::new(),
            documents: Vec::new(),
            configs: Vec::new(),
            others: Vec::new(),
            left_out: Vec::new(),
            supplies: HashMap::new(),
            converted: converted.len(),
        };
        for (root, image) in roots.iter().zip(&images) {
            for (descriptor, node) in &root.documents {
                if options.format != Format::Docker {
                    packing.add(descriptor.clone(), Supply::Document(node.bytes().into()));
                }
                for child in node.children().into_iter().filter(|child| !child.media_type.is_document()) {
                    if child.media_type.is_config() || !(options.leave_out)(&child.digest) {
                        let as_it_is = || Supply::Copy(Arc::clone(&image.source));
                        let supply = converted.remove(&child.digest).unwrap_or_else(as_it_is);
                        packing.add(child, supply);
                    } else if packing.left_out.iter().all(|other| other.digest != child.digest) {
                        packing.left_out.push(child);
                    }
                }
            }
        }
        packing.images = roots;
        Ok(packing)
    }

    /// Adds a blob, unless it is there.
    fn add(&mut self, blob: Descriptor, supply: Supply) {
        let Entry::Vacant(place) = self.supplies.entry(blob.digest) else { return };
        place.insert(supply);
        match &blob.media_type {
            kind if kind.is_document() => self.documents.push(blob),
            kind if kind.is_config() => self.configs.push(blob),
            _ => self.others.push(blob),
        }
    }

    /// The blobs in the order in which they stand in the archive: manifests, then configs, then layers.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.documents.iter().chain(&self.configs).chain(&self.others)
    }

    /// The blobs that [`PackOptions::leave_out`] left out.
    pub fn left_out(&self) -> &[Descriptor] {
        &self.left_out
    }

    /// The images as they are in the archive.
    pub fn images(&self) -> &[Root] {
        &self.images
    }

    /// How many layers are stored in another form than they have.
    pub fn converted(&self) -> usize {
        self.converted
    }

    /// What whoever asked for this may not expect of it; `not_in`: what the other side has should be left out.
    pub fn remark(&self, not_in: bool) -> Option<String> {
        let layers = match self.converted {
            0 => return None,
            1 => "1 layer is".to_owned(),
            many => format!("{many} layers are"),
        };
        match self.format {
            _ if not_in => Some(format!(
                "{layers} converted, and so never left out; --format oci keeps layers, and leaves out what the other \
                 side has"
            )),
            Format::Hybrid => Some(
                "layers compressed by zstd become gzip, which docker reads; --format oci keeps them"
                    .to_owned(),
            ),
            Format::Oci | Format::Docker => None,
        }
    }

    /// The archive that all of this is to be written to, on `output`.
    pub fn writer(&self, output: Output) -> ArchiveWriter {
        ArchiveWriter::new(output, self.format, self.platform.clone())
    }
}

impl Source for Packing {
    fn open(&self, descriptor: &Descriptor, from: u64) -> Result<Blob, Failure> {
        let digest = descriptor.digest;
        let absent = || Failure::new(Class::NotFound, format_args!("{digest}: not in the archive"));
        self.supplies.get(&digest).ok_or_else(absent)?.open(descriptor, from)
    }
}

impl fmt::Debug for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packing")
            .field("format", &self.format)
            .field("images", &self.images)
            .finish_non_exhaustive()
    }
}
