//! What images become in a form of archive that does not take all of their layers.

use crate::docker_rows::chosen;
use crate::format::Format;
use crate::hashing::Hashing;
use crate::pack::{HeldImage, PackOptions};
use crate::relayer::{layers, relayer, wrong};
use crate::supply::{Supply, gzip};
use image_format::{
    Algorithm, Class, Descriptor, Digest, DigestHasher, Failure, ImageConfig, MAX_CONFIG_BYTES, MediaType,
    Node, Observer, Raw, Root, read_verified,
};
use layer::of_stream;
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::Arc;

/// What is read at a time.
const BUFFER: usize = 256 << 10;

/// The layers that are stored in another form than they have.
pub(crate) struct Conversion<'a> {
    options: &'a PackOptions<'a>,
    /// By the digest before.
    forms: HashMap<Digest, Descriptor>,
    /// By the digest after.
    supplies: HashMap<Digest, Supply>,
}

impl<'a> Conversion<'a> {
    pub(crate) fn new(options: &'a PackOptions<'a>) -> Conversion<'a> {
        Conversion { options, forms: HashMap::new(), supplies: HashMap::new() }
    }

    /// Where the converted layers come from, by their new digests.
    pub(crate) fn into_supplies(self) -> HashMap<Digest, Supply> {
        self.supplies
    }

    /// The image as it will be in the archive.
    pub(crate) fn image(&mut self, image: &HeldImage) -> Result<Root, Failure> {
        let format = self.options.format;
        let root = match format {
            Format::Docker => self.one_platform(&image.root)?,
            Format::Hybrid | Format::Oci => image.root.clone(),
        };
        for layer in layers(&root) {
            if format.refuses(&layer.media_type) && !self.forms.contains_key(&layer.digest) {
                let (new, supply) = match format {
                    Format::Docker => self.plain_form(image, &root, &layer)?,
                    Format::Hybrid | Format::Oci => self.gzip_form(image, &root, &layer)?,
                };
                self.supplies.insert(new.digest, supply);
                self.forms.insert(layer.digest, new);
            }
        }
        relayer(root, &self.forms)
    }

    /// A docker-archive knows no index.
    fn one_platform(&self, root: &Root) -> Result<Root, Failure> {
        let manifest = chosen(root, self.options.platform.as_ref()).ok_or_else(|| {
            Failure::new(Class::Usage, "an artifact, which no docker-archive can hold")
                .at(root.descriptor.digest)
                .with_hint("--format oci takes it")
        })?;
        let digest = Digest::sha256(manifest.bytes());
        let documents: Vec<_> = root
            .documents
            .iter()
            .filter(|(descriptor, _)| {
                descriptor.digest == digest || descriptor.digest == root.descriptor.digest
            })
            .filter(|(_, node)| node.bytes() == manifest.bytes())
            .cloned()
            .collect();
        let descriptor = documents.first().map_or_else(|| root.descriptor.clone(), |(it, _)| it.clone());
        Ok(Root { descriptor, documents, names: root.names.clone() })
    }

    /// What a layer is when it is decompressed: its digest is the DiffID, its length is counted where nothing says it.
    fn plain_form(
        &self,
        image: &HeldImage,
        root: &Root,
        layer: &Descriptor,
    ) -> Result<(Descriptor, Supply), Failure> {
        let diff_id = diff_id(image, root, layer)?;
        let supply = Supply::Plain(Arc::clone(&image.source), layer.clone());
        let mut new = Descriptor::new(MediaType::OciLayer, diff_id, 0);
        new.size = match layer::unpacked_size_of(&*image.source, layer) {
            Some(size) => size,
            None => pump(supply.open(&new, 0)?, &mut io::sink(), self.options.observer)?,
        };
        Ok((new, supply))
    }

    /// What a layer is when it is compressed by gzip: it is compressed twice, to learn its digest and to be written,
    /// since nothing is kept between.
    fn gzip_form(
        &self,
        image: &HeldImage,
        root: &Root,
        layer: &Descriptor,
    ) -> Result<(Descriptor, Supply), Failure> {
        let (blob, digest) = Hashing::new(image.source.open(layer, 0)?, layer.digest.algorithm());
        let mut hasher = Hasher(DigestHasher::new(Algorithm::Sha256));
        let compressed = gzip(blob, layer).and_then(|mut compressed| {
            let size = pump(&mut compressed, &mut hasher, self.options.observer)?;
            Ok((size, compressed.diff_id()))
        });
        let compressed = match compressed {
            Err(error) if error.class() != Class::Integrity => return Err(error),
            other => other,
        };
        // that it is another blob is the truer cause why it could not be decompressed
        let found = match digest.get() {
            Some(found) => *found,
            None => Digest::of_reader(layer.digest.algorithm(), image.source.open(layer, 0)?)
                .map_err(|error| Failure::io(layer.digest, error))?,
        };
        if found != layer.digest {
            return Err(wrong(layer, format_args!("the content's digest is {found}")));
        }
        let (size, plain) = compressed?;
        // an artifact has no DiffIDs; a new digest must not make another content look sound
        if let (Ok(expected), Some(found)) = (diff_id(image, root, layer), plain)
            && found.digest() != &expected
        {
            return Err(wrong(layer, format_args!("decompresses to {found}; the config says {expected}")));
        }
        let media_type =
            if layer.media_type.is_docker() { MediaType::DockerLayerGzip } else { MediaType::OciLayerGzip };
        let supply = Supply::Gzip(Arc::clone(&image.source), layer.clone());
        Ok((Descriptor::new(media_type, hasher.0.finish(), size), supply))
    }
}

fn diff_id(image: &HeldImage, root: &Root, layer: &Descriptor) -> Result<Digest, Failure> {
    for (_, node) in &root.documents {
        let Node::Manifest(manifest) = node else { continue };
        let Some(at) = manifest.layers.iter().position(|other| other.digest == layer.digest) else {
            continue;
        };
        let config = read_verified(&*image.source, &manifest.config, MAX_CONFIG_BYTES)?;
        let config: Raw<ImageConfig> =
            Raw::parse("image config", config).map_err(|error| wrong(&manifest.config, error))?;
        if let Some(diff_id) = config.rootfs.diff_ids.get(at) {
            return Ok(*diff_id.digest());
        }
    }
    Err(wrong(layer, "the image's config has no DiffID for this layer"))
}

/// Moves all bytes; returns how many.
fn pump(mut from: impl Read, to: &mut dyn Write, observer: &dyn Observer) -> Result<u64, Failure> {
    let mut buffer = vec![0; BUFFER];
    let mut size = 0;
    loop {
        let count = layer::read_full(&mut from, &mut buffer).map_err(of_stream)?;
        if count == 0 {
            return Ok(size);
        }
        to.write_all(&buffer[..count]).map_err(Failure::from)?;
        size += count as u64;
        observer.advance(count as u64)?;
    }
}

struct Hasher(DigestHasher);

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
