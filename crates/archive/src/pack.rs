//! Images into an archive: what is written, in which order, and writing it.

use crate::docker_rows::chosen;
use crate::format::{Format, is_plain};
use crate::output::Output;
use crate::relayer::{layers, relayer, wrong};
use crate::write::ArchiveWriter;
use image_format::{
    Algorithm, Class, Descriptor, Digest, DigestHasher, Expected, Failure, ImageConfig, MAX_CONFIG_BYTES,
    MediaType, Node, Observer, Platform, Raw, Root, Sink, Source, read_verified,
};
use layer::{Compression, LayerWriter, Threads, decompress, of_stream};
use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};

/// What is read at a time.
const BUFFER: usize = 256 << 10;

/// An image to put into an archive, and where its blobs are.
pub struct Image<'a> {
    /// Where the blobs are.
    pub source: &'a dyn Source,
    /// The image and its names.
    pub root: Root,
}

/// How images are packed.
pub struct PackOptions<'a> {
    /// The form of the archive.
    pub format: Format,
    /// The platform of an image that is alone in a docker-archive; the host's where that is `None`.
    pub platform: Option<Platform>,
    /// Blobs that the other side has: they are left out. Manifests and configs never are.
    pub leave_out: &'a dyn Fn(&Digest) -> bool,
    /// Hears how many bytes were read, and may stop everything.
    pub observer: &'a dyn Observer,
}

/// An archive that is ready to be written.
pub struct Packing<'a> {
    options: PackOptions<'a>,
    roots: Vec<Root>,
    items: Vec<Item<'a>>,
    converted: usize,
}

/// One blob of the archive.
struct Item<'a> {
    blob: Descriptor,
    supply: Supply<'a>,
}

/// Where a blob's bytes come from.
enum Supply<'a> {
    /// A manifest, which was read already.
    Bytes(Vec<u8>),
    /// As they are.
    Copy(&'a dyn Source),
    /// Decompressed.
    Plain(&'a dyn Source, Descriptor),
    /// Decompressed, and compressed by gzip.
    Gzip(&'a dyn Source, Descriptor),
}

impl<'a> Packing<'a> {
    /// Finds out what is to be written. Layers that the format does not take are read once to learn what they become.
    ///
    /// # Errors
    /// A blob is not there or not what its descriptor says; the images cannot stand in one archive.
    pub fn new(images: Vec<Image<'a>>, options: PackOptions<'a>) -> Result<Packing<'a>, Failure> {
        let mut packing = Packing { options, roots: Vec::new(), items: Vec::new(), converted: 0 };
        let mut known = Known { forms: HashMap::new(), supplies: HashMap::new() };
        let mut sources = Vec::with_capacity(images.len());
        for image in images {
            let root = packing.convert(&image, &mut known)?;
            packing.roots.push(root);
            sources.push(image.source);
        }
        packing.converted = known.supplies.len();
        packing.collect(&sources, known);
        Ok(packing)
    }

    /// The blobs in the order in which they are written, the manifests first.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.items.iter().map(|item| &item.blob)
    }

    /// The images as they are in the archive.
    pub fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// How many layers are stored in another form than they have.
    pub fn converted(&self) -> usize {
        self.converted
    }

    /// The length of all blobs in bytes.
    pub fn bytes(&self) -> u64 {
        self.blobs().map(|blob| blob.size).fold(0, u64::saturating_add)
    }

    /// Writes the archive. Every blob is checked on its way: after an error the output is to be thrown away.
    ///
    /// # Errors
    /// A blob is not what its descriptor says, or the output cannot be written.
    pub fn write(self, output: Output) -> Result<(), Failure> {
        let archive = ArchiveWriter::new(output, self.options.format, self.options.platform.clone());
        archive.begin(&self.roots)?;
        for item in &self.items {
            self.put(&archive, item)?;
        }
        archive.finish()
    }

    fn put(&self, archive: &ArchiveWriter, item: &Item<'_>) -> Result<(), Failure> {
        let mut writer = archive.writer(Expected::Descriptor(item.blob.clone()))?;
        let observer = self.options.observer;
        match &item.supply {
            Supply::Bytes(bytes) => writer.write_all(bytes).map_err(Failure::from)?,
            Supply::Copy(source) => {
                let blob = source.open(&item.blob, 0)?;
                let taken = match blob.file_range() {
                    Some(range) => writer.take_file(range, observer)?,
                    None => false,
                };
                if !taken {
                    pump(blob, &mut writer, observer)?;
                }
            }
            Supply::Plain(source, layer) => {
                pump(plain(*source, layer)?, &mut writer, observer).map_err(|f| f.at(layer.digest))?;
            }
            Supply::Gzip(source, layer) => writer = gzip(*source, layer, writer, observer)?.1,
        }
        writer.commit().map(drop)
    }

    /// The image as it will be in the archive.
    fn convert(&self, image: &Image<'a>, known: &mut Known<'a>) -> Result<Root, Failure> {
        let root = match self.options.format {
            Format::Docker => self.one_platform(image)?,
            Format::Hybrid | Format::Oci => image.root.clone(),
        };
        for layer in layers(&root) {
            if self.options.format.refuses(&layer.media_type) && !known.forms.contains_key(&layer.digest) {
                let (new, supply) = match self.options.format {
                    Format::Docker => self.plain_form(image, &root, &layer)?,
                    Format::Hybrid | Format::Oci => self.gzip_form(image, &layer)?,
                };
                known.supplies.insert(new.digest, supply);
                known.forms.insert(layer.digest, new);
            }
        }
        relayer(root, &known.forms)
    }

    /// A docker-archive knows no index.
    fn one_platform(&self, image: &Image<'a>) -> Result<Root, Failure> {
        let manifest = chosen(&image.root, self.options.platform.as_ref()).ok_or_else(|| {
            Failure::new(Class::Usage, "an artifact, which no docker-archive can hold")
                .at(image.root.descriptor.digest)
                .with_hint("--format oci takes it")
        })?;
        let digest = Digest::sha256(manifest.bytes());
        let documents: Vec<_> = image
            .root
            .documents
            .iter()
            .filter(|(descriptor, _)| {
                descriptor.digest == digest || descriptor.digest == image.root.descriptor.digest
            })
            .filter(|(_, node)| node.bytes() == manifest.bytes())
            .cloned()
            .collect();
        let descriptor =
            documents.first().map_or_else(|| image.root.descriptor.clone(), |(it, _)| it.clone());
        Ok(Root { descriptor, documents, names: image.root.names.clone() })
    }

    /// What a layer is when it is decompressed: its digest is the DiffID, its length is counted where nothing says it.
    fn plain_form(
        &self,
        image: &Image<'a>,
        root: &Root,
        layer: &Descriptor,
    ) -> Result<(Descriptor, Supply<'a>), Failure> {
        let diff_id = self.diff_id(image, root, layer)?;
        let size = match layer::unpacked_size_of(image.source, layer) {
            Some(size) => size,
            None => pump(plain(image.source, layer)?, &mut io::sink(), self.options.observer)
                .map_err(|failure| failure.at(layer.digest))?,
        };
        let new = Descriptor::new(MediaType::OciLayer, diff_id, size);
        Ok((new, Supply::Plain(image.source, layer.clone())))
    }

    fn diff_id(&self, image: &Image<'a>, root: &Root, layer: &Descriptor) -> Result<Digest, Failure> {
        for (_, node) in &root.documents {
            let Node::Manifest(manifest) = node else { continue };
            let Some(at) = manifest.layers.iter().position(|other| other.digest == layer.digest) else {
                continue;
            };
            let config = read_verified(image.source, &manifest.config, MAX_CONFIG_BYTES)?;
            let config: Raw<ImageConfig> =
                Raw::parse("image config", config).map_err(|error| wrong(&manifest.config, error))?;
            if let Some(diff_id) = config.rootfs.diff_ids.get(at) {
                return Ok(*diff_id.digest());
            }
        }
        Err(wrong(layer, "the image's config has no DiffID for this layer"))
    }

    /// What a layer is when it is compressed by gzip: it is compressed twice, to learn its digest and to be written,
    /// since nothing is kept between.
    fn gzip_form(&self, image: &Image<'a>, layer: &Descriptor) -> Result<(Descriptor, Supply<'a>), Failure> {
        let found = Digest::of_reader(layer.digest.algorithm(), image.source.open(layer, 0)?);
        let found = found.map_err(|error| Failure::io(layer.digest, error))?;
        if found != layer.digest {
            return Err(wrong(layer, format_args!("the content's digest is {found}")));
        }
        let counter = Counter { hasher: DigestHasher::new(Algorithm::Sha256), size: 0 };
        let (_, counter) = gzip(image.source, layer, counter, self.options.observer)?;
        let new = Descriptor::new(MediaType::OciLayerGzip, counter.hasher.finish(), counter.size);
        let media_type =
            if layer.media_type.is_docker() { MediaType::DockerLayerGzip } else { MediaType::OciLayerGzip };
        Ok((Descriptor { media_type, ..new }, Supply::Gzip(image.source, layer.clone())))
    }

    /// Manifests, then configs, then layers, each digest once.
    fn collect(&mut self, sources: &[&'a dyn Source], mut known: Known<'a>) {
        let mut seen = HashSet::new();
        let (mut configs, mut rest) = (Vec::new(), Vec::new());
        for (root, source) in self.roots.iter().zip(sources) {
            for (descriptor, node) in &root.documents {
                if self.options.format != Format::Docker && seen.insert(descriptor.digest) {
                    let supply = Supply::Bytes(node.bytes().to_vec());
                    self.items.push(Item { blob: descriptor.clone(), supply });
                }
                for child in node.children() {
                    let document = child.media_type.is_document();
                    if document || !seen.insert(child.digest) {
                        continue;
                    }
                    if child.media_type.is_config() {
                        configs.push(Item { blob: child, supply: Supply::Copy(*source) });
                    } else if !(self.options.leave_out)(&child.digest) {
                        let supply = known.supplies.remove(&child.digest).unwrap_or(Supply::Copy(*source));
                        rest.push(Item { blob: child, supply });
                    }
                }
            }
        }
        self.items.append(&mut configs);
        self.items.append(&mut rest);
    }
}

/// Layers in another form, by their digest before and after.
struct Known<'a> {
    forms: HashMap<Digest, Descriptor>,
    supplies: HashMap<Digest, Supply<'a>>,
}

/// A layer's plain tar.
fn plain(source: &dyn Source, layer: &Descriptor) -> Result<Box<dyn Read + Send>, Failure> {
    if is_plain(&layer.media_type) {
        return Ok(Box::new(source.open(layer, 0)?));
    }
    let (_, plain) = decompress(source.open(layer, 0)?).map_err(|error| corrupt(layer, error))?;
    Ok(plain)
}

/// Compresses a layer anew into `sink`.
fn gzip<W: Write>(
    source: &dyn Source,
    layer: &Descriptor,
    sink: W,
    observer: &dyn Observer,
) -> Result<(layer::Finished, W), Failure> {
    let mut new = LayerWriter::new(sink, Compression::default(), Threads::default());
    pump(plain(source, layer)?, &mut new, observer).map_err(|failure| failure.at(layer.digest))?;
    new.finish().map_err(Failure::from)
}

fn corrupt(layer: &Descriptor, error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => wrong(layer, error),
        _ => Failure::io(layer.digest, error),
    }
}

/// Moves all bytes; returns how many.
fn pump(mut from: impl Read, to: &mut dyn Write, observer: &dyn Observer) -> Result<u64, Failure> {
    let mut buffer = vec![0; BUFFER];
    let mut size = 0;
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok(size),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(of_stream(error)),
        };
        to.write_all(&buffer[..count]).map_err(Failure::from)?;
        size += count as u64;
        observer.advance(count as u64)?;
    }
}

/// Hashes and counts what it is given.
struct Counter {
    hasher: DigestHasher,
    size: u64,
}

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
