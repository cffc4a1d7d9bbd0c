//! Images of an archive as they will be stored: every blob accounted for, plain layers compressed.

use crate::part::{Part, Stored};
use crate::received::{Received, lacks, lock};
use crate::relayer::{relayer, wrong};
use image_format::{
    Algorithm, Class, Descriptor, DiffId, Digest, Failure, ImageConfig, MAX_CONFIG_BYTES, Manifest,
    MediaType, Node, Raw, Root,
};
use layer::{Compression, Form, begins_tar, decompress_here, of_stream, read_full};
use std::collections::HashMap;
use std::io::Cursor;

impl Received<'_> {
    /// The images as they will be stored: plain layers are compressed ones, and the manifests name those.
    ///
    /// # Errors
    /// Blobs are missing, here and in the sink: all are named ([`Class::NotFound`]). One has another size than its
    /// manifest says, or a layer another DiffID than its config ([`Class::Integrity`]).
    pub fn settle(&self, images: Vec<Root>) -> Result<Vec<Root>, Failure> {
        let mut settling = Settling { received: self, forms: HashMap::new(), missing: Vec::new() };
        for (_, node) in images.iter().flat_map(|image| &image.documents) {
            if let Node::Manifest(manifest) = node {
                settling.manifest(manifest)?;
            }
        }
        let Settling { forms, missing, .. } = settling;
        let absent = self.storing.sink.missing(&missing)?;
        if !absent.is_empty() {
            return Err(lacks(absent.iter().map(|blob| blob.digest)));
        }
        images.into_iter().map(|image| relayer(image, &forms)).collect()
    }

    /// The layer in this entry as it is stored, compressed now where it was small enough to wait for that; and what
    /// it unpacks to, as far as the bytes are here. `None` where there is no such entry.
    pub(crate) fn layer(&self, name: &str) -> Result<Option<(Descriptor, Option<DiffId>)>, Failure> {
        let Some((name, part)) = self.entry(name) else { return Ok(None) };
        let mut part = lock(part);
        if let Stored::Memory(bytes) = &part.stored
            && let Some(new) = self.late_layer(bytes)?
        {
            part.stored = new;
            lock(&self.names).insert(part.blob(), name.to_owned());
        }
        if part.unpacked.is_none() {
            part.unpacked = diff_id(&mut part).map_err(|failure| failure.at(name))?.map(Box::new);
        }
        Ok(Some((descriptor(&part), part.unpacked.as_deref().copied())))
    }

    /// A small layer in a form that is not kept.
    fn late_layer(&self, bytes: &[u8]) -> Result<Option<Stored>, Failure> {
        let compression = self.storing.compression.unwrap_or(Compression::None);
        let keep = match Form::of(bytes) {
            Form::Plain => compression == Compression::None || !begins_tar(bytes),
            Form::Gzip | Form::Zstd => true,
            Form::Xz | Form::Bzip2 => false,
        };
        if keep {
            return Ok(None);
        }
        let (_, mut plain) = decompress_here(Cursor::new(bytes)).map_err(of_stream)?;
        let waiting = self.storing.layer(&mut plain, compression, |_| {})?;
        Ok(Some(Stored::Layer(Box::new(waiting))))
    }
}

/// The blob that an entry is stored as.
fn descriptor(part: &Part) -> Descriptor {
    match (&part.stored, part.form()) {
        (Stored::Layer(waiting), _) => waiting.layer.descriptor.clone(),
        (_, Some(Form::Gzip)) => Descriptor::new(MediaType::OciLayerGzip, part.digest, part.size),
        (_, Some(Form::Zstd)) => Descriptor::new(MediaType::OciLayerZstd, part.digest, part.size),
        _ => Descriptor::new(MediaType::OciLayer, part.digest, part.size),
    }
}

/// What a layer unpacks to; `None` where its bytes are not here.
fn diff_id(part: &mut Part) -> Result<Option<DiffId>, Failure> {
    if let Stored::Layer(waiting) = &part.stored {
        return Ok(Some(waiting.layer.diff_id));
    }
    let plain = part.form() == Some(Form::Plain);
    let digest = part.digest;
    if let Stored::Here(_) = &part.stored {
        return Ok(plain.then(|| DiffId::new(digest)));
    }
    let (_, mut bytes) = decompress_here(part.read()?).map_err(of_stream)?;
    let mut start = [0; 512];
    let length = read_full(&mut bytes, &mut start).map_err(of_stream)?;
    if !begins_tar(&start[..length]) {
        return Err(Failure::new(Class::Integrity, "not a tar; expected a layer"));
    }
    if plain && digest.algorithm() == Algorithm::Sha256 {
        return Ok(Some(DiffId::new(digest)));
    }
    let whole = std::io::Read::chain(&start[..], bytes);
    Digest::of_reader(Algorithm::Sha256, whole).map(DiffId::new).map(Some).map_err(of_stream)
}

struct Settling<'a, 'r> {
    received: &'a Received<'r>,
    /// The layers that are stored in another form than the archive has.
    forms: HashMap<Digest, Descriptor>,
    missing: Vec<Descriptor>,
}

impl Settling<'_, '_> {
    fn manifest(&mut self, manifest: &Raw<Manifest>) -> Result<(), Failure> {
        let mut found = vec![self.blob(&manifest.config)?];
        for layer in &manifest.layers {
            found.push(if layer.is_foreign() { None } else { self.blob(layer)? });
        }
        if !manifest.config.media_type.is_config() {
            return Ok(());
        }
        let Some(name) = self.received.name_of(&manifest.config.digest) else { return Ok(()) };
        let Some(config) = self.received.document(&name, MAX_CONFIG_BYTES)? else { return Ok(()) };
        let config: Raw<ImageConfig> =
            Raw::parse("image config", config).map_err(|error| wrong(&manifest.config, error))?;
        let diff_ids = &config.rootfs.diff_ids;
        if diff_ids.len() != manifest.layers.len() {
            let (said, layers) = (diff_ids.len(), manifest.layers.len());
            let problem = format!("{said} DiffIDs; its manifest has {layers} layers");
            return Err(wrong(&manifest.config, problem));
        }
        for ((layer, diff_id), found) in manifest.layers.iter().zip(diff_ids).zip(&found[1..]) {
            check(layer, diff_id, found.as_ref())?;
        }
        Ok(())
    }

    /// Finds a blob, and what it unpacks to where that is known.
    fn blob(&mut self, blob: &Descriptor) -> Result<Option<DiffId>, Failure> {
        if self.received.made.contains_key(&blob.digest) {
            return Ok(None);
        }
        let Some(name) = self.received.name_of(&blob.digest) else {
            self.missing.push(blob.clone());
            return Ok(None);
        };
        let Some((_, part)) = self.received.entry(&name) else { return Ok(None) };
        let mut part = lock(part);
        if part.blob() == blob.digest && part.digest != blob.digest {
            // a manifest that was made here names what is stored
            return Ok(part.unpacked.as_deref().copied());
        }
        if part.size != blob.size {
            let (found, said) = (part.size, blob.size);
            return Err(wrong(blob, format_args!("{found} bytes; its descriptor says {said}")));
        }
        if !blob.media_type.is_plain_layer() {
            if part.blob() != blob.digest {
                self.undo(&mut part)?;
            }
            return Ok(None);
        }
        drop(part);
        let Some((new, diff_id)) = self.received.layer(&name)? else { return Ok(None) };
        if new.digest != blob.digest {
            let media_type =
                if blob.media_type.is_docker() { new.media_type.to_docker() } else { new.media_type.clone() };
            self.forms.insert(blob.digest, Descriptor { media_type, ..new });
        }
        Ok(diff_id)
    }

    /// Takes back a compression: what looked like a layer is something else to its manifest.
    fn undo(&self, part: &mut Part) -> Result<(), Failure> {
        let (size, digest) = (part.size, part.digest);
        let new = self.received.storing.verbatim(&mut *part.read()?, size, Some(digest), Form::Plain)?;
        *part = new;
        Ok(())
    }
}

fn check(layer: &Descriptor, said: &DiffId, found: Option<&DiffId>) -> Result<(), Failure> {
    match found {
        Some(found) if found != said && said.digest().algorithm() == Algorithm::Sha256 => {
            Err(wrong(layer, format_args!("its config says it unpacks to {said}; it unpacks to {found}")))
        }
        _ => Ok(()),
    }
}
