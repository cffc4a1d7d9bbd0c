//! An image of the tar of a root filesystem.

use crate::Args;
use cli::{Error, Image, Io};
use image_format::{Descriptor, History, Platform, edit};
use layer::{Compression, ImportOptions, Links};
use layout::LayoutSink;
use std::collections::BTreeMap;
use std::io::Read;

impl Args {
    /// Stores the tar as a layer, alone or on `base`, and the image that it makes.
    pub(crate) fn rootfs(
        &self,
        io: &Io,
        sink: &LayoutSink,
        base: Option<&Image>,
        from: &str,
        tar: Box<dyn Read + Send>,
    ) -> Result<Descriptor, Error> {
        let created = io.clock().created();
        let (below, annotations) = self.below(&created, base)?;
        let compression = self.compression().unwrap_or(Compression::None);
        let links = if base.is_some() { Links::Below } else { Links::Inside };
        let options = ImportOptions { from, compression, threads: self.threads(), links };
        let progress = io.progress();
        let imported = layer::import(tar, sink, options, &progress)?;
        progress.finish();
        if let Some(remark) = imported.remark() {
            io.messages().warn(format_args!("{from}: {remark}"));
        }
        let comment = self.message.clone().unwrap_or_else(|| "Imported from -".to_owned());
        let history = History { created: Some(created), comment: Some(comment), ..History::default() };
        let image = edit::append_layer(&below, &imported.layer, &history)?;
        let image = edit::set_config(&image, &self.changes, None)?;
        cli::put_image(sink, &edit::annotate(&image, &annotations)?)
    }

    /// What the layer is put on, and how the manifest says so.
    fn below(
        &self,
        created: &str,
        base: Option<&Image>,
    ) -> Result<(edit::Image, BTreeMap<String, String>), Error> {
        let Some(base) = base else {
            let platform = self.platform.clone().unwrap_or_else(Platform::host);
            return Ok((edit::Image::scratch(&platform, created), BTreeMap::new()));
        };
        Ok((base.editable(self.platform.as_ref())?.1, base.base_annotations()))
    }
}
