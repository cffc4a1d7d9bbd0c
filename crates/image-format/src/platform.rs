//! Platforms: what an image runs on, and which image of an index fits a machine.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Why a text is not a platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a platform; expected OS/ARCH[/VARIANT], for example linux/arm64 or linux/arm/v7")]
pub struct PlatformError(String);

/// The operating system and processor of an image.
///
/// Spec: image-spec, image-index.md, `platform`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// GOARCH: `amd64`, `arm64`, `arm`.
    pub architecture: String,
    /// GOOS: `linux`.
    pub os: String,
    /// The variant of the processor: `v7`, `v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The version of the operating system, for Windows.
    #[serde(rename = "os.version", default, skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// Features of the operating system that are needed.
    #[serde(rename = "os.features", default, skip_serializing_if = "Option::is_none")]
    pub os_features: Option<Vec<String>>,
}

impl Platform {
    /// A platform from its parts.
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Platform {
        Platform {
            architecture: architecture.to_owned(),
            os: os.to_owned(),
            variant: variant.map(str::to_owned),
            ..Platform::default()
        }
    }

    /// The platform that this program was built for.
    pub fn host() -> Platform {
        let (architecture, variant) = match std::env::consts::ARCH {
            "x86_64" => ("amd64", None),
            "aarch64" => ("arm64", Some("v8")),
            "x86" => ("386", None),
            "arm" => ("arm", Some("v7")),
            "powerpc64" => ("ppc64le", None),
            other => (other, None),
        };
        Platform::new("linux", architecture, variant)
    }

    /// Is it a real platform? Attestations in an index are `unknown/unknown`.
    pub fn is_known(&self) -> bool {
        self.os != "unknown" && self.architecture != "unknown"
    }

    /// How well an image for `offered` runs on `self`: `None` not at all, else the higher the better.
    ///
    /// `arm/v7` also runs `v6` and `v5`; `arm64` is `v8`, `amd64` is `v1`; a newer variant never fits an older one.
    pub fn rank(&self, offered: &Platform) -> Option<u8> {
        if self.os != offered.os || self.architecture != offered.architecture {
            return None;
        }
        let (wanted, given) = (self.variant_level(), offered.variant_level());
        match (wanted, given) {
            (Some(wanted), Some(given)) => (given <= wanted).then_some(given),
            _ => (self.variant == offered.variant).then_some(0),
        }
    }

    /// `v7` is 7; a missing variant is the architecture's usual one; `None` where it is no number.
    fn variant_level(&self) -> Option<u8> {
        match (self.variant.as_deref(), self.architecture.as_str()) {
            (None | Some(""), "arm64") => Some(8),
            (None | Some(""), "arm") => Some(7),
            (None | Some(""), _) => Some(1),
            (Some(text), _) => text.strip_prefix('v').unwrap_or(text).parse().ok(),
        }
    }

    /// May two documents that say these speak of one image? A variant counts only where both say it.
    pub fn agrees_with(&self, other: &Platform) -> bool {
        let [one, two] =
            [self, other].map(|platform| platform.variant.as_deref().filter(|text| !text.is_empty()));
        let variants = one.is_none() || two.is_none() || self.variant_level() == other.variant_level();
        (&self.os, &self.architecture) == (&other.os, &other.architecture) && variants
    }

    /// The candidate that fits `self` best: the highest variant, and among equals the first.
    pub fn best<'a, T>(
        &self,
        candidates: impl IntoIterator<Item = &'a T>,
        platform: impl Fn(&T) -> Option<&Platform>,
    ) -> Option<&'a T> {
        let mut best: Option<(u8, &T)> = None;
        for candidate in candidates {
            let Some(rank) = platform(candidate).and_then(|offered| self.rank(offered)) else { continue };
            if best.is_none_or(|(highest, _)| rank > highest) {
                best = Some((rank, candidate));
            }
        }
        best.map(|(_, candidate)| candidate)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match &self.variant {
            Some(variant) => format!("{}/{}/{variant}", self.os, self.architecture),
            None => format!("{}/{}", self.os, self.architecture),
        };
        f.pad(&text)
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    /// Takes docker's spellings too: `amd64` alone, `x86_64`, `aarch64`, `armhf`.
    fn from_str(text: &str) -> Result<Platform, PlatformError> {
        let parts: Vec<&str> = text.split('/').collect();
        let valid = |part: &&str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        };
        if !parts.iter().all(valid) {
            return Err(PlatformError(text.to_owned()));
        }
        let (os, architecture, variant) = match parts[..] {
            [architecture] if known_architecture(architecture) => ("linux", architecture, None),
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant)),
            _ => return Err(PlatformError(text.to_owned())),
        };
        let (architecture, implied) = canonical_architecture(architecture);
        Ok(Platform::new(os, architecture, variant.or(implied)))
    }
}

fn known_architecture(text: &str) -> bool {
    let known = ["amd64", "arm64", "arm", "386", "ppc64le", "s390x", "riscv64", "mips64le", "loong64"];
    known.contains(&canonical_architecture(text).0)
}

fn canonical_architecture(text: &str) -> (&str, Option<&'static str>) {
    match text {
        "x86_64" | "x86-64" => ("amd64", None),
        "aarch64" => ("arm64", None),
        "armhf" => ("arm", Some("v7")),
        "armel" => ("arm", Some("v6")),
        "i386" | "i686" => ("386", None),
        other => (other, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        text.parse().unwrap()
    }

    #[test]
    fn platforms_are_read_in_dockers_spellings() {
        for (given, printed) in [
            ("linux/amd64", "linux/amd64"),
            ("linux/arm/v7", "linux/arm/v7"),
            ("aarch64", "linux/arm64"),
            ("linux/x86_64", "linux/amd64"),
            ("armhf", "linux/arm/v7"),
        ] {
            assert_eq!(platform(given).to_string(), printed);
        }
        for wrong in ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux/a b"] {
            assert!(wrong.parse::<Platform>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_best_variant_that_still_runs_is_taken() {
        let offered: Vec<Platform> = [
            "linux/amd64",
            "linux/arm/v5",
            "linux/arm/v6",
            "linux/arm/v7",
            "linux/arm64/v8",
            "windows/amd64",
        ]
        .map(platform)
        .to_vec();
        for (wanted, taken) in [
            ("linux/arm/v7", Some("linux/arm/v7")),
            ("linux/arm/v6", Some("linux/arm/v6")),
            ("linux/arm", Some("linux/arm/v7")),
            ("linux/arm64", Some("linux/arm64/v8")),
            ("linux/amd64/v3", Some("linux/amd64")),
            ("linux/riscv64", None),
        ] {
            let best = platform(wanted).best(&offered, |offered| Some(offered));
            assert_eq!(best.map(ToString::to_string).as_deref(), taken, "{wanted}");
        }
    }

    #[test]
    fn a_newer_variant_never_fits_an_older_machine() {
        assert_eq!(platform("linux/amd64").rank(&platform("linux/amd64/v3")), None);
        assert_eq!(platform("linux/arm/v6").rank(&platform("linux/arm/v7")), None);
    }
}
