//! Which name a row of an `index.json` claims, whoever wrote it (docs/contract.md, "Names").

use crate::ImageName;
use std::fmt;

/// How strong a claim is: among rows that claim one name, the higher wins, and among equals the later row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rank {
    /// By containerd's annotation: skopeo leaves it behind when it moves a name.
    Containerd,
    /// By `ref.name`: what skopeo, umoci and oras go by.
    RefName,
}

/// The one name that a row claims.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Claim {
    /// A full image name, normalised.
    Name(ImageName),
    /// A `ref.name` that is a bare tag, or no image name at all; looked up verbatim.
    Verbatim(String),
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Claim::Name(name) => name.fmt(f),
            Claim::Verbatim(text) => f.write_str(text),
        }
    }
}

impl Claim {
    /// A full `ref.name`; else containerd's name; else a bare `ref.name`.
    ///
    /// `NAME@DIGEST` without a tag, as containerd and `oci-serve` write it, says where the image belongs and claims
    /// nothing: its row is an image without a name.
    pub fn of(ref_name: Option<&str>, containerd: Option<&str>) -> Option<(Claim, Rank)> {
        let filled = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let (ref_name, containerd) = (filled(ref_name), filled(containerd));
        match (ref_name, containerd) {
            (Some(full), _) if full.contains(['/', ':']) => Some((Claim::full(full)?, Rank::RefName)),
            (_, Some(name)) => Some((Claim::full(name)?, Rank::Containerd)),
            (Some(tag), None) => Some((Claim::Verbatim(tag), Rank::RefName)),
            (None, None) => None,
        }
    }

    fn full(text: String) -> Option<Claim> {
        match text.parse::<ImageName>() {
            Ok(name) if name.tag().is_some() => Some(Claim::Name(name.unpinned())),
            Ok(_) => None,
            Err(_) => Some(Claim::Verbatim(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PINNED: &str =
        "docker.io/library/a@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn each_row_claims_one_name_whoever_wrote_it() {
        for (ref_name, containerd, claim) in [
            // ours, docker's and BuildKit's
            (Some("docker.io/library/a:1"), Some("docker.io/library/a:1"), Some("docker.io/library/a:1")),
            (Some("1"), Some("docker.io/library/a:1"), Some("docker.io/library/a:1")),
            // skopeo oci:DIR:a:1, oci:DIR:v1; crane --annotate-ref
            (Some("a:1"), None, Some("docker.io/library/a:1")),
            (Some("team/a"), None, Some("docker.io/team/a:latest")),
            (Some("v1"), None, Some("v1")),
            (Some("index.docker.io/library/a:1"), None, Some("docker.io/library/a:1")),
            // a name that ref.name's grammar forbids
            (None, Some("quay.io/a__b:1"), Some("quay.io/a__b:1")),
            // umoci tag copies the row with its containerd name
            (Some("docker.io/library/b:1"), Some("docker.io/library/a:1"), Some("docker.io/library/b:1")),
            (None, None, None),
            (Some(""), None, None),
            // put by digest alone
            (None, Some(PINNED), None),
            (Some(PINNED), None, None),
        ] {
            let found = Claim::of(ref_name, containerd).map(|(claim, _)| claim.to_string());
            assert_eq!(found.as_deref(), claim, "{ref_name:?} {containerd:?}");
        }
    }
}
