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
        // whether the config can be changed is seen before anything is stored
        let image = match &self.author {
            Some(author) => edit::set_author(base.parts(), author)?,
            None => base.parts().clone(),
        };
        if changes.is_empty() {
            return cli::put_image(sink, &edit::set_config(&image, &self.changes, Some(&history))?);
        }
        let image = edit::annotate(
            &edit::set_config(&image, &self.changes, None)?,
            &base.image().base_annotations(),
        )?;
        let progress = io.progress();
        progress.expect(changes.size());
        let threads = self.jobs.map_or_else(Threads::default, Threads::new);
        let layer = changes.store(sink, self.compression, threads, &progress)?;
        progress.finish();
        cli::put_image(sink, &edit::append_layer(&image, &layer, &history)?)
    }
}
