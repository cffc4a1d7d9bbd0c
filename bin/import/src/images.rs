//! The images of an archive.

use crate::Args;
use archive::{ArchiveReader, ReceiveOptions};
use cli::{Error, Image, Io, Place};
use layout::LayoutSink;
use transfer::{Naming, Platforms};

impl Args {
    /// Stores an archive's images, and names them in one edit of the index.
    pub(crate) fn images(
        &self,
        io: &Io,
        place: &Place,
        sink: &LayoutSink,
        mut archive: ArchiveReader,
        naming: Naming<'_>,
        file: &str,
    ) -> Result<Vec<Image>, Error> {
        if self.onto.is_some() {
            let message = format!("{file}: an archive of images; --onto puts a tar of files on an image");
            return Err(Error::usage(message).with_hint("--format rootfs takes the archive itself as files"));
        }
        if self.message.is_some() || !self.changes.is_empty() {
            let message =
                format!("{file}: an archive of images; --change and --message are for root filesystems");
            return Err(Error::usage(message).with_hint("oci-config changes the config of an image"));
        }
        let platforms = self.platform.clone().map_or(Platforms::All, |wanted| Platforms::These(vec![wanted]));
        let progress = io.progress();
        let (compression, threads) = (self.compression(), self.threads());
        let options = ReceiveOptions { compression, threads, observer: &progress };
        let arrivals = transfer::receive(&mut archive, sink, &platforms, naming, options);
        progress.finish();
        let mut images = Vec::new();
        for image in arrivals.map_err(|failure| failure.at(file))? {
            if let Some(tag) = image.tag.filter(|_| image.names.is_empty()) {
                io.messages()
                    .warn(format_args!("{file}: {tag:?} is a tag of no name; --name gives the image one"));
            }
            if image.changed {
                io.messages().note(format_args!(
                    "{file}: its plain layers were compressed, so that this is {} now; --as-is keeps digests",
                    image.descriptor.digest
                ));
            }
            match image.names {
                names if names.is_empty() => images.push((None, image.descriptor)),
                names => images.extend(names.into_iter().map(|name| (Some(name), image.descriptor.clone()))),
            }
        }
        cli::keep_images(io, place, &images)
    }
}
