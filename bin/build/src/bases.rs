//! Where images come from: the layout, another layout, a registry; and files behind URLs.

use build::{Base, Fetched, Remote};
use cli::{Error, Image, Io, Layouts, Operand, Place};
use image_format::{Class, Failure, ImageName, Layer, Observer, Platform};
use layer::Time;
use layout::LayoutSink;
use std::ffi::OsStr;
use std::sync::{Arc, Mutex, PoisonError};
use transfer::{Options, Platforms, Policy, Registries, TargetLayout};

/// Finds images for a build, and brings them into its layout.
pub(crate) struct Bases<'i> {
    pub(crate) io: &'i Io,
    pub(crate) place: &'i Place,
    pub(crate) sink: &'i Arc<LayoutSink>,
    pub(crate) layouts: Mutex<Layouts>,
    pub(crate) registries: Registries,
    /// Is a registry asked for what the layout has?
    pub(crate) pull: bool,
}

impl build::Bases for Bases<'_> {
    fn base(&self, reference: &str, platform: &Platform) -> Result<Base, Failure> {
        let image = self.image(reference, platform).map_err(|error| failure_of(&error))?;
        self.described(&image, platform).map_err(|error| failure_of(&image.blame(error.at(reference))))
    }
}

impl Remote for Bases<'_> {
    fn fetch(&self, url: &str, _: &dyn Observer) -> Result<Fetched, Failure> {
        let file = self.registries.web_file(url)?;
        Ok(Fetched { content: file.content, modified: file.modified.map(Time::from_seconds) })
    }
}

impl Bases<'_> {
    fn image(&self, reference: &str, platform: &Platform) -> Result<Image, Error> {
        // what docker takes for a name is one: `oci:1` too
        let remote = reference.strip_prefix("docker://").unwrap_or(reference);
        if !dockerfile::is_reference(remote) {
            let image = self.found(reference)?;
            self.brought(&image, platform)?;
            return Ok(image);
        }
        let name: ImageName = remote.parse().map_err(|error| Failure::new(Class::Usage, error))?;
        match self.found(remote) {
            Ok(image) if !self.pull => match self.brought(&image, platform) {
                // the layout has the name, but not all of the image, or none for the platform
                Err(error) if error.class() == Class::NotFound => self.pulled_beside(&image, &name, platform),
                // no reason to ask a registry: what is damaged here may have been built here
                Err(error) => Err(image.blame(error.at(remote))),
                Ok(()) => Ok(image),
            },
            Err(error) if !matches!(error.class(), Class::NotFound | Class::Usage) => Err(error),
            Err(_) => self.pulled(&name, platform),
            Ok(image) => self.pulled_beside(&image, &name, platform),
        }
    }

    /// The same as [`Bases::pulled`], where the layout has something of the name.
    fn pulled_beside(&self, here: &Image, name: &ImageName, platform: &Platform) -> Result<Image, Error> {
        self.pulled(name, platform).map_err(|error| match others_here(here, platform) {
            Some(others) => error.with_hint(format_args!("it is here only for {others}")),
            None => error,
        })
    }

    fn found(&self, reference: &str) -> Result<Image, Error> {
        let mut layouts = self.layouts.lock().unwrap_or_else(PoisonError::into_inner);
        layouts.resolve(self.io, &Operand::parse(OsStr::new(reference))?)
    }

    fn brought(&self, image: &Image, platform: &Platform) -> Result<(), Error> {
        cli::bring(self.io, self.place, self.sink, &image.of_platform(Some(platform))?)
    }

    fn pulled(&self, name: &ImageName, platform: &Platform) -> Result<Image, Error> {
        let options = Options { platforms: Platforms::These(vec![platform.clone()]), ..Options::default() };
        let target = TargetLayout::Write(self.sink.clone());
        let pull = transfer::pull(&self.registries, &target, name, Policy::Always, &options)
            .map_err(|failure| cli::named(failure, name))?;
        self.io.messages().say(format_args!("{}: pulling {name}", self.io.tool()));
        let claim = pull.name().cloned().map(image_format::Claim::Name);
        let progress = self.io.progress();
        let report = pull.run(&progress).map_err(|failure| cli::named(failure, name))?;
        progress.finish();
        Ok(Image::new(self.place, claim, report.root))
    }

    fn described(&self, image: &Image, platform: &Platform) -> Result<Base, Error> {
        let (_, parts) = image.editable(Some(platform))?;
        let layers = Layer::all(&parts.manifest, &parts.config)?;
        Ok(Base {
            name: image.image_name().map(ImageName::unpinned),
            digest: image.descriptor.digest,
            config: parts.config.value().clone(),
            layers,
        })
    }
}

/// The platforms that the layout has the image for, where the one that is wanted is not among them.
fn others_here(image: &Image, wanted: &Platform) -> Option<String> {
    if image.manifest(Some(wanted)).is_ok() {
        return None;
    }
    let mut here = image_format::platforms_of(image.place.layout(), &image.descriptor).ok()?;
    if here.is_empty() {
        here.extend(image.editable(None).ok()?.1.config.value().platform());
    }
    let names: Vec<String> = here.iter().map(ToString::to_string).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn failure_of(error: &Error) -> Failure {
    let failure = Failure::new(error.class(), error);
    match error.failure().hint() {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}
