//! One image of several platforms, for tools that change or write one alone: the others are not lost in silence.

use crate::ambient::Place;
use crate::error::Error;
use crate::image::Image;
use crate::io::Io;
use image_format::{ImageName, Platform, platforms_of};

/// The most platforms that a message names.
const MOST_NAMED: usize = 8;

impl Image {
    /// The one image: itself, or that of an index for `platform` (the host's, where that is `None`). Where nobody chose
    /// among several, a warning names them, and says what `is_done` to the one: `is changed`.
    ///
    /// # Errors
    /// There is none for that platform, or it cannot be read.
    pub fn alone(&self, io: &Io, platform: Option<&Platform>, is_done: &str) -> Result<Image, Error> {
        let one = self.of_platform(platform)?;
        if platform.is_none()
            && let Some(several) = self.several()?
        {
            let taken = one.descriptor.platform.clone().unwrap_or_else(Platform::host);
            io.messages().warn(format_args!("{several}; {taken} alone {is_done}"));
        }
        Ok(one)
    }

    /// Nobody chose among this image's platforms: may what is made of one of them be called `name` in `place`?
    ///
    /// # Errors
    /// It is the name of all of them, who would lose it.
    pub fn check_not_lost(
        &self,
        platform: Option<&Platform>,
        place: &Place,
        name: &ImageName,
    ) -> Result<(), Error> {
        let own = self.image_name().is_some_and(|own| own.unpinned() == name.unpinned());
        if platform.is_some() || !own || !self.place.is_same(place) {
            return Ok(());
        }
        match self.several()? {
            None => Ok(()),
            Some(several) => {
                let error = Error::usage(format_args!("{several}; all but one would lose this name"));
                Err(error.with_hint("take another name, or choose one with --platform"))
            }
        }
    }

    /// Where it has several platforms: `NAME has linux/amd64 and linux/arm64`.
    pub fn several(&self) -> Result<Option<String>, Error> {
        let platforms = platforms_of(self.place.layout(), &self.descriptor)?;
        if platforms.len() < 2 {
            return Ok(None);
        }
        let name = self.name.as_ref().map_or_else(|| self.to_text(), ToString::to_string);
        Ok(Some(format!("{name} has {}", listed(&platforms))))
    }
}

fn listed(platforms: &[Platform]) -> String {
    let mut names: Vec<String> = platforms.iter().take(MOST_NAMED).map(ToString::to_string).collect();
    if platforms.len() > MOST_NAMED {
        names.push(format!("{} more", platforms.len() - MOST_NAMED));
    }
    let last = names.pop().unwrap_or_default();
    if names.is_empty() { last } else { format!("{} and {last}", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_named_and_many_are_counted() {
        let platform = |name: &str| name.parse::<Platform>().unwrap();
        let two = ["linux/amd64", "linux/arm64"].map(platform);
        assert_eq!(listed(&two), "linux/amd64 and linux/arm64");
        let many: Vec<Platform> = (0..20).map(|n| platform(&format!("linux/x{n}"))).collect();
        assert!(listed(&many).ends_with(", linux/x7 and 12 more"));
    }
}
