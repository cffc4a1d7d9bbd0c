//! Image names, normalised exactly as docker does (`debian` is `docker.io/library/debian:latest`).
//!
//! Grammar and rules: distribution/reference, `reference.go` and `normalize.go`.

use crate::{Digest, DigestError, hub};
use std::fmt;
use std::str::FromStr;

const OFFICIAL_PREFIX: &str = "library/";
const DEFAULT_TAG: &str = "latest";
/// The longest repository path, in bytes.
const MAX_REPOSITORY: usize = 255;
/// The longest tag, in bytes.
const MAX_TAG: usize = 128;

/// Why a text is not an image name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing was given.
    #[error("image name is empty; expected NAME[:TAG][@DIGEST]")]
    Empty,
    /// 64 hex digits name an ID, never a repository.
    #[error("{0}: 64 hex digits are an ID, not a name; write @sha256:{0} for a digest")]
    IsId(String),
    /// The host is not one.
    #[error("{0:?} is not a registry host; expected HOST[:PORT]")]
    Registry(String),
    /// The path has letters that docker refuses.
    #[error(
        "{0:?} is not a repository; expected lower-case letters and digits, separated by one of . _ __ - or /"
    )]
    Repository(String),
    /// The path has upper-case letters.
    #[error("repository {0:?} must be lower case; try {lower:?}", lower = .0.to_lowercase())]
    UpperCase(String),
    /// The path is longer than registries take.
    #[error("repository {0:?} is longer than 255 bytes")]
    TooLong(String),
    /// The tag has letters that docker refuses, or more than 128.
    #[error("{0:?} is not a tag; expected up to 128 letters, digits, _ . - that do not begin with . or -")]
    Tag(String),
    /// What follows the `@` is not a digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
}

/// A repository's path in its registry: `library/debian`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository(String);

impl Repository {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Repository {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Repository, NameError> {
        if text.len() > MAX_REPOSITORY {
            return Err(NameError::TooLong(text.to_owned()));
        }
        if text.split('/').all(is_path_component) {
            return Ok(Repository(text.to_owned()));
        }
        if text.split('/').all(|component| is_path_component(&component.to_lowercase())) {
            return Err(NameError::UpperCase(text.to_owned()));
        }
        Err(NameError::Repository(text.to_owned()))
    }
}

/// A tag: `bookworm`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

impl Tag {
    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Tag {
    fn default() -> Tag {
        Tag(DEFAULT_TAG.to_owned())
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Tag {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Tag, NameError> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let well_formed = match text.as_bytes() {
            [] => false,
            [first, rest @ ..] => word(*first) && rest.iter().all(|b| word(*b) || matches!(b, b'.' | b'-')),
        };
        if well_formed && text.len() <= MAX_TAG {
            Ok(Tag(text.to_owned()))
        } else {
            Err(NameError::Tag(text.to_owned()))
        }
    }
}

/// A full image name: registry, repository, and a tag or a digest or both.
///
/// Where both are there, the digest says *what*, the name only *where* (docs/contract.md).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageName {
    registry: String,
    repository: Repository,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

impl ImageName {
    /// A name from its parts; without tag and digest it gets the tag `latest`.
    ///
    /// # Errors
    /// The registry is not `HOST[:PORT]`.
    pub fn new(
        registry: &str,
        repository: Repository,
        tag: Option<Tag>,
        digest: Option<Digest>,
    ) -> Result<ImageName, NameError> {
        if !is_registry(registry) {
            return Err(NameError::Registry(registry.to_owned()));
        }
        let tag = if tag.is_none() && digest.is_none() { Some(Tag::default()) } else { tag };
        Ok(ImageName { registry: registry.to_owned(), repository, tag, digest })
    }

    /// Parses a name that may lack its tag; none is filled in where it does.
    ///
    /// A DEST without a tag keeps each image's own (docs/contract.md), so it matters whether one was written.
    ///
    /// # Errors
    /// As [`ImageName::from_str`].
    pub fn parse_untagged(text: &str) -> Result<ImageName, NameError> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.parse()?)),
            None => (text, None),
        };
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(NameError::IsId(name.to_owned()));
        }
        let (registry, remainder) = split_registry(name);
        let (path, tag) = match remainder.split_once(':') {
            Some((path, tag)) => (path, Some(tag.parse()?)),
            None => (remainder, None),
        };
        if path.is_empty() {
            return Err(NameError::Repository(name.to_owned()));
        }
        let official = registry == hub::NAME && !path.contains('/');
        let prefix = if official { OFFICIAL_PREFIX } else { "" };
        let repository = format!("{prefix}{path}").parse()?;
        if !is_registry(registry) {
            return Err(NameError::Registry(registry.to_owned()));
        }
        Ok(ImageName { registry: registry.to_owned(), repository, tag, digest })
    }

    /// The registry's `HOST[:PORT]`; Docker Hub's is `docker.io`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path in the registry.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The tag, if there is one.
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The digest, if the name is pinned.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The name without its digest; `latest` where that leaves no tag.
    #[must_use]
    pub fn unpinned(&self) -> ImageName {
        let tag = self.tag.clone().unwrap_or_default();
        ImageName { tag: Some(tag), digest: None, ..self.clone() }
    }

    /// The name with this digest.
    #[must_use]
    pub fn pinned(&self, digest: Digest) -> ImageName {
        ImageName { digest: Some(digest), ..self.clone() }
    }

    /// The name with this tag.
    #[must_use]
    pub fn tagged(&self, tag: Tag) -> ImageName {
        ImageName { tag: Some(tag), ..self.clone() }
    }

    /// `HOST/REPOSITORY`, without tag and digest.
    pub fn locator(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The repository as docker shows it: without `docker.io/` and `library/`.
    pub fn familiar_repository(&self) -> String {
        if self.registry != hub::NAME {
            return self.locator();
        }
        let path = self.repository.as_str();
        match path.strip_prefix(OFFICIAL_PREFIX) {
            Some(short) if !short.contains('/') => short.to_owned(),
            _ => path.to_owned(),
        }
    }

    /// May this text stand in [`crate::annotation::REF_NAME`]? Some valid docker names may not.
    ///
    /// Spec: image-spec, annotations.md, the grammar of `org.opencontainers.image.ref.name`.
    pub fn fits_ref_name(text: &str) -> bool {
        !text.is_empty() && text.split('/').all(is_ref_component)
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for ImageName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<ImageName, NameError> {
        let mut name = ImageName::parse_untagged(text)?;
        if name.tag.is_none() && name.digest.is_none() {
            name.tag = Some(Tag::default());
        }
        Ok(name)
    }
}

/// Docker's rule for what is a host: it has a dot, a colon or an upper-case letter, or is `localhost`.
fn split_registry(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((hub::LEGACY, rest)) => (hub::NAME, rest),
        Some((host, rest))
            if host == "localhost"
                || host.contains(['.', ':'])
                || host.chars().any(|c| c.is_ascii_uppercase()) =>
        {
            (host, rest)
        }
        _ => (hub::NAME, name),
    }
}

fn is_registry(text: &str) -> bool {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        let hex = address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
        if address.is_empty() || !hex {
            return false;
        }
        ("v6", if port.is_empty() { None } else { port.strip_prefix(':').or(Some("")) })
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    host.split('.').all(is_host_component)
        && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_host_component(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Runs of lower-case letters and digits, between them one of `.`, `_`, `__` or any number of `-`.
fn is_path_component(text: &str) -> bool {
    separated(
        text,
        |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit(),
        |separator| matches!(separator, "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-'),
    )
}

fn is_ref_component(text: &str) -> bool {
    separated(
        text,
        |byte| byte.is_ascii_alphanumeric(),
        |separator| matches!(separator, "-" | "." | "_" | ":" | "@" | "+" | "--"),
    )
}

/// Does `text` consist of words, with a valid separator between any two and none at the ends?
fn separated(text: &str, in_word: fn(u8) -> bool, is_separator: fn(&str) -> bool) -> bool {
    let mut rest = text;
    loop {
        let word = rest.bytes().take_while(|byte| in_word(*byte)).count();
        if word == 0 {
            return false;
        }
        rest = &rest[word..];
        if rest.is_empty() {
            return true;
        }
        let gap = rest.bytes().take_while(|byte| !in_word(*byte)).count();
        if !rest.is_char_boundary(gap) || !is_separator(&rest[..gap]) {
            return false;
        }
        rest = &rest[gap..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_normalised_as_docker_does() {
        let digest = format!("sha256:{}", "0".repeat(64));
        for (given, canonical) in [
            ("debian", "docker.io/library/debian:latest"),
            ("debian:bookworm", "docker.io/library/debian:bookworm"),
            ("library/debian", "docker.io/library/debian:latest"),
            ("docker.io/debian", "docker.io/library/debian:latest"),
            ("index.docker.io/library/alpine:3.20", "docker.io/library/alpine:3.20"),
            ("index.docker.io/alpine", "docker.io/library/alpine:latest"),
            ("registry-1.docker.io/library/x", "registry-1.docker.io/library/x:latest"),
            ("team/app", "docker.io/team/app:latest"),
            ("localhost", "docker.io/library/localhost:latest"),
            ("localhost/app", "localhost/app:latest"),
            ("localhost:5000/a/b:1.0", "localhost:5000/a/b:1.0"),
            ("quay.io/a__b:1", "quay.io/a__b:1"),
            ("quay.io/a---b", "quay.io/a---b:latest"),
            ("Foo/bar", "Foo/bar:latest"),
            ("[::1]:5000/x", "[::1]:5000/x:latest"),
            ("[2001:db8::1]/x", "[2001:db8::1]/x:latest"),
            ("oci", "docker.io/library/oci:latest"),
            ("app:_x", "docker.io/library/app:_x"),
            ("app:v1.", "docker.io/library/app:v1."),
            ("app:V1__2", "docker.io/library/app:V1__2"),
            ("127.0.0.1:5000/app", "127.0.0.1:5000/app:latest"),
            (&format!("debian@{digest}"), &format!("docker.io/library/debian@{digest}")),
            (&format!("debian:12@{digest}"), &format!("docker.io/library/debian:12@{digest}")),
            (&"a".repeat(63), &format!("docker.io/library/{}:latest", "a".repeat(63))),
        ] {
            assert_eq!(given.parse::<ImageName>().unwrap().to_string(), *canonical, "{given}");
        }
    }

    #[test]
    fn what_docker_refuses_is_refused() {
        let long = format!("a:{}", "t".repeat(129));
        let id = "0123456789abcdef".repeat(4);
        for given in [
            "",
            ":",
            ":tag",
            "/a",
            "a/",
            "a//b",
            "Debian",
            "docker.io/Debian",
            "a/B",
            "a..b",
            "a___b",
            "-a",
            "a-",
            "a._b",
            "a:.x",
            "a:-x",
            "a:x y",
            "a:",
            "a@",
            "a@sha256:00",
            "a@md5:d41d8cd98f00b204e9800998ecf8427e",
            "a b",
            "ä",
            "host-.io/a",
            "-host.io/a",
            "host.io:x/a",
            "host.io:/a",
            "[zz]/a",
            "[::1/a",
            "https://host.io/a",
            "../a",
            "a\n",
            &long,
            &id,
        ] {
            assert!(given.parse::<ImageName>().is_err(), "{given:?}");
        }
        let deep = format!("{}x", "a/".repeat(127));
        assert!(format!("h.io/{deep}").parse::<ImageName>().is_ok());
        assert!(matches!(format!("h.io/{deep}x").parse::<ImageName>(), Err(NameError::TooLong(_))));
    }

    #[test]
    fn an_upper_case_repository_says_what_to_write() {
        let error = "docker.io/Team/App".parse::<ImageName>().unwrap_err();
        assert_eq!(error.to_string(), "repository \"Team/App\" must be lower case; try \"team/app\"");
    }

    #[test]
    fn the_familiar_form_drops_hub_and_library() {
        for (given, familiar) in [
            ("debian", "debian"),
            ("team/app", "team/app"),
            ("docker.io/library/a/b", "library/a/b"),
            ("localhost:5000/library/x", "localhost:5000/library/x"),
        ] {
            assert_eq!(given.parse::<ImageName>().unwrap().familiar_repository(), familiar);
        }
    }

    #[test]
    fn the_ref_name_grammar_takes_what_skopeo_takes() {
        for legal in [
            "docker.io/library/alpine:3.20",
            "localhost:5000/a/b:1.0",
            "1.0-rc.1+meta",
            "REPO/X:Y",
            "latest",
            &format!("a/b:t@sha256:{}", "0".repeat(64)),
        ] {
            assert!(ImageName::fits_ref_name(legal), "{legal}");
        }
        for illegal in
            ["quay.io/a__b:1", "a---b", "_x", "x:_y", "v1.", "v1-", "x..y", "v1__2", "[::1]:5000/x", "", "a/"]
        {
            assert!(!ImageName::fits_ref_name(illegal), "{illegal}");
        }
    }

    proptest! {
        #[test]
        fn a_parsed_name_prints_to_itself(text in "([a-z0-9.:\\[\\]]{1,8}/)?[a-z0-9._/-]{1,20}(:[A-Za-z0-9_.-]{1,8})?") {
            if let Ok(name) = text.parse::<ImageName>() {
                prop_assert_eq!(name.to_string().parse::<ImageName>().unwrap(), name);
            }
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC{0,40}") {
            let _ = text.parse::<ImageName>();
            let _ = ImageName::fits_ref_name(&text);
        }
    }
}
