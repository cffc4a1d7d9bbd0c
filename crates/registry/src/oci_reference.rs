//! Our names for those who use oci-client beside us.

use image_format::ImageName;
use oci_distribution::Reference;

/// The same name as oci-client has it. Its own parser is not asked: it compiles a regular expression of megabytes,
/// and normalises otherwise than docker does.
pub fn reference(name: &ImageName) -> Reference {
    let (registry, repository) = (name.registry().to_owned(), name.repository().to_string());
    match (name.tag(), name.digest()) {
        (Some(tag), Some(digest)) => {
            Reference::with_tag_and_digest(registry, repository, tag.to_string(), digest.to_string())
        }
        (None, Some(digest)) => Reference::with_digest(registry, repository, digest.to_string()),
        (tag, None) => {
            let tag = tag.cloned().unwrap_or_default();
            Reference::with_tag(registry, repository, tag.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_the_same_reference() {
        let name: ImageName = "localhost:5000/team/app:1".parse().unwrap();
        assert_eq!(reference(&name).whole(), "localhost:5000/team/app:1");
    }
}
