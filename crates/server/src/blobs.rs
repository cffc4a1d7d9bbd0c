//! Blobs: pulled, looked for, deleted.
//!
//! Spec: distribution-spec 1.1, "Pulling blobs", "Checking if content exists", "Deleting Blobs".

use crate::body::Body;
use crate::error::{ApiError, Code};
use crate::handler::{Answer, Asked, CONTENT_DIGEST, empty, set};
use crate::range::{Part, part_of};
use crate::service::{Service, blocking};
use hyper::{Method, Response, StatusCode, header};
use image_format::{Class, Descriptor, Digest, FileRange, MediaType, Source};
use layout::Collection;
use std::collections::BTreeSet;
use std::time::Duration;

/// GET and HEAD (end-2). A HEAD keeps the blob from collection for a while: who asks will not send it.
pub(crate) async fn get(asked: Asked, digest: Digest) -> Answer {
    if asked.method == Method::HEAD {
        let service = asked.service.clone();
        let size = blocking(move || service.refreshed(&digest)).await?.ok_or_else(|| unknown(&digest))?;
        let mut response = described(&digest);
        set(&mut response, header::CONTENT_LENGTH, size);
        return Ok(response);
    }
    let service = asked.service.clone();
    let file = blocking(move || open(&service, &digest)).await?;
    let range = asked.header(&header::RANGE).filter(|_| is_current(&asked, &digest));
    let part = range.map_or(Part::Whole, |text| part_of(text, file.length));
    send(&asked.service, &digest, file, part)
}

/// RFC 9110, 13.1.5: a range of something else than the client has the rest of is not wanted.
fn is_current(asked: &Asked, digest: &Digest) -> bool {
    asked.header(&header::IF_RANGE).is_none_or(|tag| tag == format!("\"{digest}\""))
}

fn open(service: &Service, digest: &Digest) -> Result<FileRange, ApiError> {
    let descriptor = Descriptor::new(octets(), *digest, 0);
    let blob = service.layout.open(&descriptor, 0).map_err(|failure| match failure.class() {
        Class::NotFound => unknown(digest),
        _ => ApiError::from(failure),
    })?;
    blob.into_file_range().ok_or_else(|| ApiError::internal("the blob is no file"))
}

fn send(service: &Service, digest: &Digest, file: FileRange, part: Part) -> Answer {
    let size = file.length;
    let mut response = described(digest);
    match part {
        Part::Whole => *response.body_mut() = Body::file(file, &service.sending),
        Part::Range { first, last } => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            set(&mut response, header::CONTENT_RANGE, format_args!("bytes {first}-{last}/{size}"));
            let (offset, length) = (file.offset + first, last - first + 1);
            *response.body_mut() =
                Body::file(FileRange { file: file.file, offset, length }, &service.sending);
        }
        Part::Unsatisfiable => {
            return Err(ApiError::new(Code::SizeInvalid, format_args!("the blob has {size} bytes"))
                .with_status(StatusCode::RANGE_NOT_SATISFIABLE)
                .with_header(header::CONTENT_RANGE, &format!("bytes */{size}")));
        }
    }
    Ok(response)
}

fn described(digest: &Digest) -> Response<Body> {
    let mut response = empty(StatusCode::OK);
    set(&mut response, header::CONTENT_TYPE, octets());
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    set(&mut response, header::ETAG, format_args!("\"{digest}\""));
    set(&mut response, CONTENT_DIGEST, digest);
    response
}

/// DELETE (end-10). All repositories share their blobs, so one that an image needs, or that somebody was told of
/// lately, stays: 202 says that it is as good as gone for who asked, and a later collection takes it.
pub(crate) async fn delete(asked: Asked, digest: Digest) -> Answer {
    let service = asked.service;
    blocking(move || {
        service.layout.size_of(&digest)?.ok_or_else(|| unknown(&digest))?;
        // a layout that may not be written says so
        service.leases.sink()?;
        let only = BTreeSet::from([digest]);
        let collection = Collection { only: Some(&only), grace: Duration::ZERO, dry_run: false };
        service.layout.collect(&collection, &mut |_| Ok(())).map_err(ApiError::internal)
    })
    .await?;
    Ok(empty(StatusCode::ACCEPTED))
}

fn octets() -> MediaType {
    MediaType::from("application/octet-stream")
}

fn unknown(digest: &Digest) -> ApiError {
    ApiError::new(Code::BlobUnknown, format_args!("{digest}: no such blob"))
}
