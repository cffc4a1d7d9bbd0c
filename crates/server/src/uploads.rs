//! Uploads of blobs: in one request, in two, or in chunks; mounts.
//!
//! Everything that is to be known of an upload is its file, so that any process goes on with it.
//!
//! Spec: distribution-spec 1.1, "Pushing blobs", "Mounting a blob from another repository".

use crate::error::{ApiError, Code};
use crate::handler::{Answer, Asked, CONTENT_DIGEST, empty, set};
use crate::name::RepositoryName;
use crate::range::chunk_of;
use crate::route;
use crate::service::{Service, blocking};
use hyper::header::{self, HeaderName};
use hyper::{Response, StatusCode};
use image_format::{Class, Digest, Failure};
use layout::{LayoutSink, Upload, UploadId};
use std::sync::Arc;
use std::time::Duration;

const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");
/// How long a request waits for one before it that its client has given up on.
const BUSY: Duration = Duration::from_secs(3);

/// POST (end-4a, end-4b, end-11): a whole blob, a mount, or the beginning of an upload.
pub(crate) async fn begin(asked: Asked, name: RepositoryName) -> Answer {
    let service = asked.service.clone();
    if let Some(digest) = asked.query.get("mount") {
        let digest = route::digest(digest)?;
        let lookup = service.clone();
        if blocking(move || lookup.refreshed(&digest)).await?.is_some() {
            return Ok(created(&name, &digest));
        }
    }
    let digest = asked.query.get("digest").map(route::digest).transpose()?;
    let beginning = service.clone();
    let (lease, upload) =
        blocking(move || Ok((beginning.leases.sink()?, beginning.layout.begin_upload()?))).await?;
    match digest {
        None => Ok(progress(&name, upload.id(), 0, StatusCode::ACCEPTED)),
        Some(digest) => {
            let id = upload.id();
            let result = complete(asked, &name, lease, upload, digest).await;
            if result.is_err() {
                // its id was never told to anybody
                let _ = discard(service, id).await;
            }
            result
        }
    }
}

/// GET and HEAD (end-13): how much has arrived.
pub(crate) async fn status(asked: Asked, name: RepositoryName, id: UploadId) -> Answer {
    let service = asked.service;
    let length = blocking(move || Ok(service.layout.upload_length(id)?)).await?;
    Ok(progress(&name, id, length.ok_or_else(|| unknown(id))?, StatusCode::NO_CONTENT))
}

/// PATCH (end-5): the next bytes. What arrived of a body that broke off stays.
pub(crate) async fn append(asked: Asked, name: RepositoryName, id: UploadId) -> Answer {
    let service = asked.service.clone();
    let (lease, upload) = open(&service, id).await?;
    let upload = receive(asked, &name, upload).await?;
    let length = upload.length();
    service.sessions.keep(id, upload.hash());
    // whoever reads the answer finds the upload unlocked
    drop((upload, lease));
    Ok(progress(&name, id, length, StatusCode::ACCEPTED))
}

/// PUT (end-6): the last bytes, if any, and the digest of all.
pub(crate) async fn finish(asked: Asked, name: RepositoryName, id: UploadId) -> Answer {
    let digest = asked.query.get("digest").ok_or_else(|| {
        ApiError::new(Code::DigestInvalid, "the parameter digest is missing; expected the blob's digest")
    })?;
    let digest = route::digest(digest)?;
    let (lease, upload) = open(&asked.service, id).await?;
    complete(asked, &name, lease, upload, digest).await
}

/// DELETE (end-14): the upload is given up.
pub(crate) async fn cancel(asked: Asked, id: UploadId) -> Answer {
    discard(asked.service, id).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

async fn discard(service: Arc<Service>, id: UploadId) -> Result<(), ApiError> {
    let (_lease, upload) = open(&service, id).await?;
    blocking(move || Ok(upload.discard()?)).await
}

async fn open(service: &Arc<Service>, id: UploadId) -> Result<(Arc<LayoutSink>, Upload), ApiError> {
    let end = tokio::time::Instant::now() + BUSY;
    loop {
        let opening = service.clone();
        let opened = blocking(move || {
            let upload = opening.layout.open_upload(id);
            Ok((opening.leases.sink()?, upload))
        });
        let (lease, opened) = opened.await?;
        match opened {
            Ok(mut upload) => {
                service.sessions.take(id).into_iter().for_each(|hash| upload.resume_hash(hash));
                return Ok((lease, upload));
            }
            Err(failure) if failure.class() == Class::Conflict && tokio::time::Instant::now() < end => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(failure) => return Err(not_opened(id, failure)),
        }
    }
}

fn not_opened(id: UploadId, failure: Failure) -> ApiError {
    match failure.class() {
        Class::NotFound => unknown(id),
        Class::Conflict => ApiError::new(Code::BlobUploadInvalid, failure).with_status(StatusCode::CONFLICT),
        _ => ApiError::from(failure),
    }
}

/// Writes the body behind what is there, if it is meant for that place.
async fn receive(asked: Asked, name: &RepositoryName, upload: Upload) -> Result<Upload, ApiError> {
    check_place(&asked, name, &upload)?;
    let id = upload.id();
    let (upload, result) = asked.body.write_to(upload).await?;
    if result.is_err() {
        asked.service.sessions.keep(id, upload.hash());
    }
    result.map(|()| upload)
}

/// A chunk out of order is refused with 416, and told what has arrived.
fn check_place(asked: &Asked, name: &RepositoryName, upload: &Upload) -> Result<(), ApiError> {
    let Some(text) = asked.header(&header::CONTENT_RANGE) else { return Ok(()) };
    let (id, length) = (upload.id(), upload.length());
    let invalid = |message: String| ApiError::new(Code::BlobUploadInvalid, message);
    let (first, last) =
        chunk_of(text).ok_or_else(|| invalid(format!("{text:?} is no range; expected FIRST-LAST")))?;
    if first != length {
        let message = format!("the chunk begins at {first}; expected {length}");
        return Err(ApiError::new(Code::RangeInvalid, message)
            .with_header(header::LOCATION, &location(name, id))
            .with_header(header::RANGE, &range(length))
            .with_header(UPLOAD_ID, &id.to_string()));
    }
    let sent = asked.header(&header::CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
    if last < first || sent.is_some_and(|sent| sent != last - first + 1) {
        return Err(invalid(format!("Content-Range {text:?} and the length of the body differ")));
    }
    Ok(())
}

async fn complete(
    asked: Asked,
    name: &RepositoryName,
    lease: Arc<LayoutSink>,
    mut upload: Upload,
    digest: Digest,
) -> Answer {
    upload.expect(digest.algorithm());
    let upload = receive(asked, name, upload).await?;
    blocking(move || Ok(upload.finish(&digest)?)).await?;
    drop(lease);
    Ok(created(name, &digest))
}

fn created(name: &RepositoryName, digest: &Digest) -> Response<crate::body::Body> {
    let mut response = empty(StatusCode::CREATED);
    set(&mut response, header::LOCATION, name.url(&format!("blobs/{digest}")));
    set(&mut response, CONTENT_DIGEST, digest);
    response
}

fn progress(
    name: &RepositoryName,
    id: UploadId,
    length: u64,
    status: StatusCode,
) -> Response<crate::body::Body> {
    let mut response = empty(status);
    set(&mut response, header::LOCATION, location(name, id));
    set(&mut response, header::RANGE, range(length));
    set(&mut response, UPLOAD_ID, id);
    response
}

fn location(name: &RepositoryName, id: UploadId) -> String {
    name.url(&format!("blobs/uploads/{id}"))
}

/// The last byte is included; that nothing has arrived cannot be said, and all clients know `0-0` for it.
fn range(length: u64) -> String {
    format!("0-{}", length.saturating_sub(1))
}

fn unknown(id: UploadId) -> ApiError {
    ApiError::new(Code::BlobUploadUnknown, format_args!("{id}: no such upload"))
}
