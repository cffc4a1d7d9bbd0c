//! How a layer's tar is compressed: the choice a user makes, as text and as a value.
//! What bytes a choice gives is [`crate::LayerWriter`]'s part.

use image_format::MediaType;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// The compression of a new layer. Its text is `gzip`, `gzip:5`, `zstd`, `zstd:3` or `none`.
///
/// docs/layer-format.md says what each level costs and saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// One gzip member and a table of chunks, at this level.
    Gzip(GzipLevel),
    /// One zstd frame a chunk and a table of chunks, at this level.
    Zstd(ZstdLevel),
    /// The plain tar.
    None,
}

impl Compression {
    /// OCI's media type of a layer that is compressed so.
    pub fn media_type(self) -> MediaType {
        match self {
            Compression::Gzip(_) => MediaType::OciLayerGzip,
            Compression::Zstd(_) => MediaType::OciLayerZstd,
            Compression::None => MediaType::OciLayer,
        }
    }
}

impl Default for Compression {
    /// gzip at level 5, which every reader of layers understands.
    fn default() -> Compression {
        Compression::Gzip(GzipLevel::default())
    }
}

/// A level of gzip that gives the same bytes everywhere: 2 to 9, by default 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GzipLevel(u8);

impl GzipLevel {
    /// The levels that may be used.
    pub const RANGE: RangeInclusive<u8> = 2..=9;

    /// Takes a level of [`GzipLevel::RANGE`].
    ///
    /// # Errors
    /// [`CompressionError::GzipLevel`] for any other number.
    pub fn new(level: u8) -> Result<GzipLevel, CompressionError> {
        if Self::RANGE.contains(&level) {
            Ok(GzipLevel(level))
        } else {
            Err(CompressionError::GzipLevel(level.to_string()))
        }
    }

    /// The level as a number.
    pub fn get(self) -> u8 {
        self.0
    }
}

impl Default for GzipLevel {
    fn default() -> GzipLevel {
        GzipLevel(5)
    }
}

/// A level of zstd: 1 to 19, by default 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZstdLevel(u8);

impl ZstdLevel {
    /// The levels that may be used; those above 19 need more memory to read than readers allow.
    pub const RANGE: RangeInclusive<u8> = 1..=19;

    /// Takes a level of [`ZstdLevel::RANGE`].
    ///
    /// # Errors
    /// [`CompressionError::ZstdLevel`] for any other number.
    pub fn new(level: u8) -> Result<ZstdLevel, CompressionError> {
        if Self::RANGE.contains(&level) {
            Ok(ZstdLevel(level))
        } else {
            Err(CompressionError::ZstdLevel(level.to_string()))
        }
    }

    /// The level as a number.
    pub fn get(self) -> u8 {
        self.0
    }
}

impl Default for ZstdLevel {
    fn default() -> ZstdLevel {
        ZstdLevel(3)
    }
}

/// Why a text does not name a compression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompressionError {
    /// Neither gzip, zstd nor none.
    #[error("compression {0:?}: unknown; expected gzip, gzip:LEVEL, zstd, zstd:LEVEL or none")]
    Unknown(String),
    /// A level that gzip here does not have.
    #[error(
        "gzip level {0}: not usable; expected 2 to 9: 0 stores, and the bytes of 1 differ from run to run"
    )]
    GzipLevel(String),
    /// A level that zstd here does not have.
    #[error("zstd level {0}: not usable; expected 1 to 19")]
    ZstdLevel(String),
    /// `none:3`.
    #[error("compression {0:?}: none has no level")]
    LevelOfNone(String),
}

impl FromStr for Compression {
    type Err = CompressionError;

    fn from_str(text: &str) -> Result<Compression, CompressionError> {
        match text.split_once(':') {
            None => match text {
                "gzip" => Ok(Compression::Gzip(GzipLevel::default())),
                "zstd" => Ok(Compression::Zstd(ZstdLevel::default())),
                "none" => Ok(Compression::None),
                _ => Err(CompressionError::Unknown(text.to_owned())),
            },
            Some(("gzip", level)) => {
                let number =
                    plain_number(level).ok_or_else(|| CompressionError::GzipLevel(level.to_owned()))?;
                GzipLevel::new(number).map(Compression::Gzip)
            }
            Some(("zstd", level)) => {
                let number =
                    plain_number(level).ok_or_else(|| CompressionError::ZstdLevel(level.to_owned()))?;
                ZstdLevel::new(number).map(Compression::Zstd)
            }
            Some(("none", _)) => Err(CompressionError::LevelOfNone(text.to_owned())),
            Some(_) => Err(CompressionError::Unknown(text.to_owned())),
        }
    }
}

/// Digits alone: `u8::from_str` would take `+5` too.
fn plain_number(text: &str) -> Option<u8> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Compression::Gzip(level) => write!(f, "gzip:{}", level.0),
            Compression::Zstd(level) => write!(f, "zstd:{}", level.0),
            Compression::None => f.write_str("none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_alone_takes_the_default_level() {
        assert_eq!("gzip".parse::<Compression>().unwrap().to_string(), "gzip:5");
        assert_eq!("zstd".parse::<Compression>().unwrap().to_string(), "zstd:3");
        assert_eq!("gzip".parse(), Ok(Compression::default()));
    }

    #[test]
    fn every_compression_parses_as_it_prints() {
        let gzip = GzipLevel::RANGE.map(|level| Compression::Gzip(GzipLevel::new(level).unwrap()));
        let zstd = ZstdLevel::RANGE.map(|level| Compression::Zstd(ZstdLevel::new(level).unwrap()));
        for compression in gzip.chain(zstd).chain([Compression::None]) {
            assert_eq!(compression.to_string().parse(), Ok(compression));
        }
    }

    #[test]
    fn levels_whose_bytes_are_no_contract_are_refused_with_the_reason() {
        for level in ["0", "1", "10", "", "+5", "five", "999"] {
            let error = format!("gzip:{level}").parse::<Compression>().unwrap_err();
            assert_eq!(error, CompressionError::GzipLevel(level.to_owned()));
        }
        assert!("gzip:1".parse::<Compression>().unwrap_err().to_string().contains("differ from run to run"));
        for level in ["0", "20", "-1", ""] {
            let error = format!("zstd:{level}").parse::<Compression>().unwrap_err();
            assert_eq!(error, CompressionError::ZstdLevel(level.to_owned()));
        }
    }

    #[test]
    fn other_names_are_refused() {
        for text in ["", "xz", "GZIP", "gz:3", " gzip"] {
            assert_eq!(text.parse::<Compression>(), Err(CompressionError::Unknown(text.to_owned())));
        }
        assert!(matches!("none:0".parse::<Compression>(), Err(CompressionError::LevelOfNone(_))));
    }
}
