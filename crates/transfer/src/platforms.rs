//! Which images of an index are to move.

use image_format::Platform;

/// The platforms that are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Platforms {
    /// This machine's.
    #[default]
    Host,
    /// These; several make a new index.
    These(Vec<Platform>),
    /// All, the index as it is.
    All,
}
