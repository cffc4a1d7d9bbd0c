//! From a URL to what it names. Pure: nothing here looks at the layout.
//!
//! Spec: distribution-spec 1.1, "Endpoints".

use crate::error::{ApiError, Code};
use crate::name::RepositoryName;
use crate::query::{Query, decode};
use image_format::{Digest, Tag};
use layout::UploadId;

/// What a URL names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// `/v2/` (end-1)
    Base,
    /// `/v2/_catalog`
    Catalog,
    /// `/v2/NAME/blobs/DIGEST` (end-2, end-10)
    Blob(RepositoryName, Digest),
    /// `/v2/NAME/blobs/uploads/` (end-4, end-11)
    Uploads(RepositoryName),
    /// `/v2/NAME/blobs/uploads/ID` (end-5, end-6, end-13)
    Upload(RepositoryName, UploadId),
    /// `/v2/NAME/manifests/REFERENCE` (end-3, end-7, end-9)
    Manifest(RepositoryName, Reference),
    /// `/v2/NAME/tags/list` (end-8)
    Tags(RepositoryName),
    /// `/v2/NAME/referrers/DIGEST` (end-12)
    Referrers(RepositoryName, Digest),
}

/// How a manifest is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    Tag(Tag),
    Digest(Digest),
    /// No tag can be spelled so: nothing of that name is there, and nothing can be put there.
    Invalid(String),
}

/// Reads a URL's path; `query` says the host where containerd does.
///
/// # Errors
/// 404 where it is none of the endpoints, 400 where one of its parts is not what it should be.
pub(crate) fn parse(path: &str, query: &Query) -> Result<Endpoint, ApiError> {
    let segments = path.split('/').map(decode).collect::<Option<Vec<String>>>();
    let segments = segments.ok_or_else(|| ApiError::new(Code::NameInvalid, "not valid percent-encoding"))?;
    // what was encoded in a segment is not a separator
    if segments.iter().any(|segment| segment.contains('/')) {
        return Err(ApiError::new(Code::NameInvalid, "a component has a slash in it"));
    }
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let Some(below) = segments.strip_prefix(&["", "v2"]) else { return Err(no_endpoint()) };
    let name = |parts: &[&str]| {
        RepositoryName::new(&parts.join("/"), query.get("ns"))
            .map_err(|error| ApiError::new(Code::NameInvalid, error))
    };
    match below {
        [] | [""] => Ok(Endpoint::Base),
        ["_catalog"] => Ok(Endpoint::Catalog),
        [parts @ .., "blobs", "uploads"] | [parts @ .., "blobs", "uploads", ""] => {
            Ok(Endpoint::Uploads(name(parts)?))
        }
        [parts @ .., "blobs", "uploads", id] => Ok(Endpoint::Upload(name(parts)?, upload_id(id)?)),
        [parts @ .., "blobs", text] => Ok(Endpoint::Blob(name(parts)?, digest(text)?)),
        [parts @ .., "manifests", text] => Ok(Endpoint::Manifest(name(parts)?, reference(text)?)),
        [parts @ .., "tags", "list"] => Ok(Endpoint::Tags(name(parts)?)),
        [parts @ .., "referrers", text] => Ok(Endpoint::Referrers(name(parts)?, digest(text)?)),
        _ => Err(no_endpoint()),
    }
}

/// A digest from a URL.
///
/// # Errors
/// DIGEST_INVALID.
pub(crate) fn digest(text: &str) -> Result<Digest, ApiError> {
    text.parse().map_err(|error| ApiError::new(Code::DigestInvalid, error))
}

fn reference(text: &str) -> Result<Reference, ApiError> {
    if text.contains(':') {
        return Ok(Reference::Digest(digest(text)?));
    }
    Ok(text.parse().map(Reference::Tag).unwrap_or_else(|_| Reference::Invalid(text.to_owned())))
}

fn upload_id(text: &str) -> Result<UploadId, ApiError> {
    text.parse().map_err(|error| ApiError::new(Code::BlobUploadUnknown, error))
}

fn no_endpoint() -> ApiError {
    ApiError::new(Code::NameUnknown, "no such endpoint; expected one below /v2/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::StatusCode;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const ID: &str = "00000000-0000-4000-8000-000000000001";

    fn at(path: &str) -> Result<Endpoint, ApiError> {
        parse(path, &Query::default())
    }

    #[test]
    fn each_endpoint_is_told_by_the_end_of_its_path() {
        let name = |path| RepositoryName::new(path, None).unwrap();
        let (digest, id) = (DIGEST.parse().unwrap(), ID.parse().unwrap());
        let tag = |text: &str| Reference::Tag(text.parse().unwrap());
        for (path, endpoint) in [
            ("/v2/".to_owned(), Endpoint::Base),
            ("/v2".to_owned(), Endpoint::Base),
            ("/v2/_catalog".to_owned(), Endpoint::Catalog),
            ("/v2/a/b/c/manifests/1".to_owned(), Endpoint::Manifest(name("a/b/c"), tag("1"))),
            (format!("/v2/a/manifests/{DIGEST}"), Endpoint::Manifest(name("a"), Reference::Digest(digest))),
            (format!("/v2/a/blobs/{DIGEST}"), Endpoint::Blob(name("a"), digest)),
            (format!("/v2/a/blobs/{}", DIGEST.replace(':', "%3a")), Endpoint::Blob(name("a"), digest)),
            ("/v2/a/blobs/uploads/".to_owned(), Endpoint::Uploads(name("a"))),
            ("/v2/a/blobs/uploads".to_owned(), Endpoint::Uploads(name("a"))),
            (format!("/v2/a/blobs/uploads/{ID}"), Endpoint::Upload(name("a"), id)),
            ("/v2/a/tags/list".to_owned(), Endpoint::Tags(name("a"))),
            (format!("/v2/a/referrers/{DIGEST}"), Endpoint::Referrers(name("a"), digest)),
            (
                "/v2/a/manifests/.1".to_owned(),
                Endpoint::Manifest(name("a"), Reference::Invalid(".1".to_owned())),
            ),
            ("/v2/a/manifests/".to_owned(), Endpoint::Manifest(name("a"), Reference::Invalid(String::new()))),
            ("/v2/manifests/manifests/tags".to_owned(), Endpoint::Manifest(name("manifests"), tag("tags"))),
            ("/v2/blobs/uploads/tags/list".to_owned(), Endpoint::Tags(name("blobs/uploads"))),
        ] {
            assert_eq!(at(&path).unwrap(), endpoint, "{path}");
        }
    }

    #[test]
    fn what_is_no_endpoint_says_what_is_wrong() {
        for (path, code, status) in [
            ("/", "NAME_UNKNOWN", 404),
            ("/v1/", "NAME_UNKNOWN", 404),
            ("/v2/a", "NAME_UNKNOWN", 404),
            ("/v2/a/tags/other", "NAME_UNKNOWN", 404),
            ("//v2/", "NAME_UNKNOWN", 404),
            ("/v2/manifests/1", "NAME_INVALID", 400),
            ("/v2/A/manifests/1", "NAME_INVALID", 400),
            ("/v2/../../etc/manifests/1", "NAME_INVALID", 400),
            ("/v2/%2e%2e/manifests/1", "NAME_INVALID", 400),
            ("/v2/a%2Fb/manifests/1", "NAME_INVALID", 400),
            ("/v2/a%00/manifests/1", "NAME_INVALID", 400),
            ("/v2/a%/manifests/1", "NAME_INVALID", 400),
            ("/v2/a%ff/manifests/1", "NAME_INVALID", 400),
            ("/v2/a//b/manifests/1", "NAME_INVALID", 400),
            ("/v2/a/manifests/..%2f..", "NAME_INVALID", 400),
            ("/v2/a/manifests/md5:00", "DIGEST_INVALID", 400),
            ("/v2/a/blobs/sha256:..", "DIGEST_INVALID", 400),
            ("/v2/a/blobs/", "DIGEST_INVALID", 400),
            ("/v2/a/referrers/x", "DIGEST_INVALID", 400),
            ("/v2/a/blobs/uploads/..", "BLOB_UPLOAD_UNKNOWN", 404),
        ] {
            let response = at(path).unwrap_err().to_response();
            assert_eq!(response.status(), StatusCode::from_u16(status).unwrap(), "{path}");
            let text = response.into_body().into_whole();
            assert!(String::from_utf8_lossy(&text).contains(code), "{path}: {text:?}");
        }
    }
}
