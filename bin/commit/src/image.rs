//! The new image: the changes, and what is said of them.

use crate::Args;
use crate::base::Base;
use cli::{Error, Io};
use container::TreeChanges;
use image_format::{Descriptor, History, Observer as _, edit};
use layer::Threads;
use layout::LayoutSink;

impl Args {
    /// Stores the new image; the same where nothing is to be said.
    pub(crate) fn committed(
        &self,
        io: &Io,
        base: &Base,
        changes: &TreeChanges,
        sink: &LayoutSink,
    ) -> Result<Descriptor, Error> {
        let is_silent = self.changes.is_empty() && self.message.is_none() && self.author.is_none();
        if changes.is_empty() {
            io.messages().say(format_args!("{}: nothing has changed; there is no new layer", io.tool()));
            if is_silent {
                return Ok(base.image().descriptor.clone());
            }
        }
        let lines =
            std::iter::once(base.command()).chain(self.changes.iter().map(|change| change.line().to_owned()));
        let history = History {
            created: Some(io.clock().created()),
            created_by: Some(lines.collect::<Vec<_>>().join("; ")),
            author: self.author.clone(),
            comment: self.message.clone(),
            empty_layer: changes.is_empty().then_some(true),
        };
        let image = match changes.is_empty() {
            true => edit::set_config(base.parts(), &self.changes, Some(&history))?,
            false => {
                let progress = io.progress();
                progress.expect(changes.size());
                let threads = self.jobs.map_or_else(Threads::default, Threads::new);
                let layer = changes.store(sink, self.compression, threads, &progress)?;
                progress.finish();
                let image = edit::append_layer(base.parts(), &layer, &history)?;
                edit::annotate(&edit::set_config(&image, &self.changes, None)?, &base.annotations())?
            }
        };
        let image = self
            .author
            .as_ref()
            .map_or_else(|| Ok(image.clone()), |author| edit::set_author(&image, author))?;
        cli::put_image(sink, &image)
    }
}
