//! The annotation keys that this project reads or writes, each with who else does.

/// The reference of a row in an index: a tag or a full name (image-spec, annotations.md).
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The full canonical name, as containerd, docker and BuildKit write it.
pub const CONTAINERD_NAME: &str = "io.containerd.image.name";
/// Where a pulled row came from: `HOST/REPO:TAG@DIGEST`.
pub const SOURCE: &str = "dev.ociutils.source";
/// The digest that a referrer's row is about.
pub const SUBJECT: &str = "dev.ociutils.subject";
/// The name of the image that this one stands on (image-spec, annotations.md).
pub const BASE_NAME: &str = "org.opencontainers.image.base.name";
/// The digest of the image that this one stands on (image-spec, annotations.md).
pub const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";
