//! The images that go into an archive of images.

use crate::Args;
use archive::{Format, HeldImage};
use cli::{Error, Image, Io};
use image_format::ImageName;
use std::ffi::OsStr;
use std::path::Path;
use transfer::Platforms;

impl Args {
    /// Opens the images, each once, with all the names that it was asked for by.
    pub(crate) fn hold(&self, io: &Io, images: &[Image], format: Format) -> Result<Vec<HeldImage>, Error> {
        let name = self.name.as_deref().map(cli::single_name).transpose()?;
        let mut distinct: Vec<(&Image, Vec<ImageName>)> = Vec::new();
        for image in images {
            let names = name.as_ref().or(image.image_name()).map(ImageName::unpinned);
            match distinct.iter_mut().find(|(other, _)| other.descriptor.digest == image.descriptor.digest) {
                Some((_, others)) => others.extend(names.filter(|name| !others.contains(name))),
                None => distinct.push((image, names.into_iter().collect())),
            }
        }
        if name.is_some() && distinct.len() > 1 {
            return Err(Error::usage("--name: several images would have this name; expected one IMAGE"));
        }
        let platforms = match &self.platform[..] {
            [] => Platforms::All,
            wanted => Platforms::These(wanted.to_vec()),
        };
        if format == Format::Docker && self.platform.is_empty() {
            let what = "a docker-archive holds one of them: --platform chooses, --format hybrid holds all";
            distinct.iter().try_for_each(|(image, _)| tell_of_others(io, image, what))?;
        }
        let open = |(image, names): (&Image, Vec<ImageName>)| {
            let source = Box::new(image.place.layout().clone());
            transfer::hold(source, &image.descriptor, names, &platforms)
                .map_err(|failure| Error::from(failure).at(image.to_text()))
        };
        distinct.into_iter().map(open).collect()
    }
}

/// The archive is a plain tar: a file is not called what it is not.
pub(crate) fn check_plain(path: &Path) -> Result<(), Error> {
    const COMPRESSED: [(&str, &str); 6] =
        [("gz", "gzip"), ("tgz", "gzip"), ("zst", "zstd"), ("tzst", "zstd"), ("xz", "xz"), ("bz2", "bzip2")];
    let extension = path.extension().and_then(OsStr::to_str);
    let known = COMPRESSED.iter().find(|(known, _)| extension == Some(known));
    let Some((_, program)) = known else { return Ok(()) };
    let path = path.display();
    let error =
        Error::usage(format_args!("{path}: the archive is a plain tar; expected a file of that name"));
    Err(error.with_hint(format_args!("compress it: oci-export … | {program} > {path}")))
}

/// An image of several platforms of which one is written: those that are left out are named.
pub(crate) fn tell_of_others(io: &Io, image: &Image, what: &str) -> Result<(), Error> {
    if let Some(several) = image.several()? {
        io.messages().warn(format_args!("{several}; {what}"));
    }
    Ok(())
}
