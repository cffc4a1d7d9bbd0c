//! Standard output: the result, one record a line, as a pinned reference or a JSON object.

use crate::error::Error;
use crate::image::Image;
use crate::json::{self, Shape};
use crate::listing;
use crate::table::Table;
use crate::weight::Weights;
use image_format::{Descriptor, Failure, ImageName, MediaType, Source, escaped};
use serde::Serialize;
use std::fmt;
use std::fs::File;
use std::io::{BufWriter, IsTerminal, Stdout, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;

/// `--json` and `-0`, for every tool that prints images.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct RecordOptions {
    /// Print one JSON object a line
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Records end with NUL, on standard input too
    #[arg(short = '0', long, help_heading = "Output")]
    pub null: bool,
}

/// Standard output. Records are written as they come, tables and bytes in blocks.
pub struct Output {
    writer: BufWriter<Stdout>,
    terminal: bool,
    options: RecordOptions,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("terminal", &self.terminal).field("options", &self.options).finish()
    }
}

impl Output {
    pub(crate) fn new(options: RecordOptions) -> Output {
        let stdout = std::io::stdout();
        Output { terminal: stdout.is_terminal(), writer: BufWriter::with_capacity(64 << 10, stdout), options }
    }

    /// Is it a terminal?
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Was `--json` given?
    pub fn is_json(&self) -> bool {
        self.options.json
    }

    /// Standard output as a file, for what is written without a buffer of ours.
    ///
    /// # Errors
    /// As [`Output::bytes`].
    pub fn file(&mut self) -> Result<File, Error> {
        self.flush()?;
        let descriptor = std::io::stdout().as_fd().try_clone_to_owned().map_err(failed)?;
        Ok(File::from(descriptor))
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// The reader is gone, or the disk is full.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.writer.write_all(bytes).map_err(failed)
    }

    /// Writes a table.
    ///
    /// # Errors
    /// As [`Output::bytes`].
    pub fn table(&mut self, table: &Table) -> Result<(), Error> {
        self.bytes(table.to_text().as_bytes())
    }

    /// Writes one record at once: a line, or with `-0` what ends with NUL.
    ///
    /// # Errors
    /// As [`Output::bytes`].
    pub fn record(&mut self, record: &[u8]) -> Result<(), Error> {
        self.bytes(record)?;
        self.bytes(if self.options.null { b"\0" } else { b"\n" })?;
        self.flush()
    }

    /// Writes text that may be somebody else's as one record; harmless, where a terminal shows it.
    ///
    /// # Errors
    /// As [`Output::bytes`].
    pub fn text(&mut self, text: &str) -> Result<(), Error> {
        if self.terminal { self.record(escaped(text).as_bytes()) } else { self.record(text.as_bytes()) }
    }

    /// Writes lines that may be somebody else's; harmless, where a terminal shows them.
    ///
    /// # Errors
    /// As [`Output::bytes`].
    pub fn lines(&mut self, text: &str) -> Result<(), Error> {
        if !self.terminal {
            return self.bytes(text.as_bytes());
        }
        text.lines().try_for_each(|line| self.bytes(format!("{}\n", escaped(line)).as_bytes()))
    }

    /// Writes an object as one record.
    ///
    /// # Errors
    /// As [`Output::bytes`].
    pub fn object(&mut self, object: &impl Serialize) -> Result<(), Error> {
        let json = serde_json::to_string(object)
            .map_err(|error| Failure::new(image_format::Class::Failed, error))?;
        self.json(&json)
    }

    /// Writes JSON text as one record, in its shape.
    ///
    /// # Errors
    /// As [`Output::bytes`].
    pub fn json_shaped(&mut self, json: &str, shape: Shape) -> Result<(), Error> {
        self.json(&json::laid_out(json, shape))
    }

    /// On a terminal the same JSON is written with escapes for what could harm it.
    fn json(&mut self, json: &str) -> Result<(), Error> {
        if self.terminal {
            self.record(json::harmless(json).as_bytes())
        } else {
            self.record(json.as_bytes())
        }
    }

    /// Writes a document of JSON: its very bytes, but on a terminal the same JSON, harmless.
    ///
    /// # Errors
    /// As [`Output::bytes`].
    pub fn document(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if !self.terminal {
            return self.bytes(bytes);
        }
        self.bytes(json::harmless(&String::from_utf8_lossy(bytes)).as_bytes())
    }

    /// Writes an image: its pinned reference, or with `--json` its object.
    ///
    /// # Errors
    /// As [`Output::bytes`]; with `--json`, the layout cannot be read.
    pub fn image(&mut self, image: &Image) -> Result<(), Error> {
        self.images(std::slice::from_ref(image))
    }

    /// Writes images as [`Output::image`] does; for many, that costs one look at their layout.
    ///
    /// # Errors
    /// As [`Output::image`].
    pub fn images(&mut self, images: &[Image]) -> Result<(), Error> {
        if !self.options.json {
            return images.iter().try_for_each(|image| self.record(&image.reference()));
        }
        let mut weights: Option<(PathBuf, Weights)> = None;
        for image in images {
            let path = image.place.layout().path();
            if weights.as_ref().is_none_or(|(known, _)| known != path) {
                let snapshot = image.place.layout().snapshot()?;
                weights = Some((path.to_owned(), Weights::of(&image.place, &snapshot)));
            }
            if let Some((_, weights)) = &weights {
                self.object(&ImageObject::new(image, weights)?)?;
            }
        }
        Ok(())
    }

    /// Writes an image that is in a registry now: the reference that docker, kubectl and crane take.
    ///
    /// # Errors
    /// As [`Output::image`].
    pub fn pushed(&mut self, image: &Image, name: &ImageName, pushed: &Descriptor) -> Result<(), Error> {
        let reference = name.unpinned().pinned(pushed.digest).to_string();
        if !self.options.json {
            return self.record(reference.as_bytes());
        }
        let image = Image { descriptor: pushed.clone(), ..image.clone() };
        let weights = Weights::of(&image.place, &image.place.layout().snapshot()?);
        let object = ImageObject::new(&image, &weights)?;
        // whoever looks the reference up finds it in the registry, not in the layout that it came from
        let name = Some(name.unpinned().to_string());
        self.object(&ImageObject { reference, name, layout: None, unique: None, ..object })
    }

    /// Writes an image that went from one registry to another, where `repository` has it now; all its blobs have
    /// `bytes` bytes.
    ///
    /// # Errors
    /// As [`Output::bytes`].
    pub fn relayed(
        &mut self,
        repository: &dyn Source,
        name: &ImageName,
        root: &Descriptor,
        bytes: u64,
    ) -> Result<(), Error> {
        let reference = name.unpinned().pinned(root.digest).to_string();
        if !self.options.json {
            return self.record(reference.as_bytes());
        }
        self.object(&ImageObject {
            reference,
            name: Some(name.unpinned().to_string()),
            bytes,
            ..ImageObject::of(repository, root)
        })
    }

    /// Writes out what is buffered.
    ///
    /// # Errors
    /// As [`Output::bytes`].
    pub fn flush(&mut self) -> Result<(), Error> {
        self.writer.flush().map_err(failed)
    }

    /// Throws away what is buffered: nobody reads it.
    pub(crate) fn abandon(self) {
        drop(self.writer.into_parts());
    }
}

fn failed(error: std::io::Error) -> Error {
    Failure::io("standard output", error).into()
}

/// An image, as `--json` prints it: `docs/schemas/image.json`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageObject {
    /// The pinned reference.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The name; null where it has none.
    pub name: Option<String>,
    /// The digest of its manifest or index.
    pub digest: String,
    /// The digest of its config, docker's IMAGE ID; null for an index.
    pub id: Option<String>,
    /// When it was made; of an index, the image for this host or else its first. Null where that is not known.
    pub created: Option<String>,
    /// The type of its manifest or index.
    pub media_type: MediaType,
    /// The length of its manifest or index.
    pub size: u64,
    /// The length of all its blobs.
    pub bytes: u64,
    /// The length of those that only it needs; null where `layout` is.
    pub unique: Option<u64>,
    /// What it runs on; null for an index.
    pub platform: Option<String>,
    /// The path from the root of the layout that `reference` is in; null for one in a registry.
    pub layout: Option<String>,
    /// Does the layout lack blobs of it? Said only then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

impl ImageObject {
    /// # Errors
    /// A manifest is not what its descriptor says.
    pub fn new(image: &Image, weights: &Weights) -> Result<ImageObject, Error> {
        let own;
        let reach = match weights.reach(&image.descriptor.digest) {
            Some(reach) => reach,
            None => {
                own = image.place.layout().reachable(&image.descriptor)?;
                &own
            }
        };
        Ok(ImageObject {
            reference: image.to_text(),
            name: image.name.as_ref().map(ToString::to_string),
            bytes: reach.bytes(),
            unique: Some(weights.unique(reach)),
            layout: Some(image.place.absolute().to_string_lossy().into_owned()),
            partial: !reach.missing.is_empty(),
            ..ImageObject::of(image.place.layout(), &image.descriptor)
        })
    }

    /// What the image itself says, wherever it is.
    fn of(source: &dyn Source, root: &Descriptor) -> ImageObject {
        let shown = listing::shown_config(source, root).ok();
        let own = shown.as_ref().filter(|_| !root.media_type.is_index());
        let platform = root.platform.clone().or_else(|| own.and_then(|(_, config)| config.platform()));
        ImageObject {
            reference: String::new(),
            name: None,
            digest: root.digest.to_string(),
            id: own.map(|(digest, _)| digest.to_string()),
            created: shown.as_ref().and_then(|(_, config)| config.created.clone()),
            media_type: root.media_type.clone(),
            size: root.size,
            bytes: 0,
            unique: None,
            platform: platform.map(|platform| platform.to_string()),
            layout: None,
            partial: false,
        }
    }
}
