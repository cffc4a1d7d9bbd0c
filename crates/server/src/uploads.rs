//! Uploads of blobs: in one request, in two, or in chunks; mounts.
//!
//! Everything that is to be known of an upload is its file, so that any process goes on with it.
//!
//! Spec: distribution-spec 1.1, "Pushing blobs", "Mounting a blob from another repository".

use crate::arriving::BodyPieces;
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
use std::time::{Duration, Instant};

const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");
/// How long a request waits for one before it that its client has given up on.
const BUSY: Duration = Duration::from_secs(3);
const BUSY_PAUSE: Duration = Duration::from_millis(20);

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
    let Some(digest) = asked.query.get("digest").map(route::digest).transpose()? else {
        return blocking(move || {
            let _lease = service.leases.sink()?;
            let upload = service.layout.begin_upload()?;
            Ok(progress(&name, upload.id(), 0, StatusCode::ACCEPTED))
        })
        .await;
    };
    let chunk = Chunk::of(&asked)?;
    let work = move |pieces: BodyPieces| {
        let _lease = service.leases.sink()?;
        let upload = service.layout.begin_upload()?;
        let id = upload.id();
        let fits = chunk.fits(&name, &upload);
        let done = fits.and_then(|()| complete(&service, &name, upload, pieces, digest));
        if done.is_err() {
            // its id was never told to anybody
            let _ = discard(&service, id);
        }
        done
    };
    asked.body.feed(work).await
}

/// GET and HEAD (end-13): how much has arrived.
pub(crate) async fn status(asked: Asked, name: RepositoryName, id: UploadId) -> Answer {
    let service = asked.service;
    let length = blocking(move || Ok(service.layout.upload_length(id)?)).await?;
    Ok(progress(&name, id, length.ok_or_else(|| unknown(id))?, StatusCode::NO_CONTENT))
}

/// PATCH (end-5): the next bytes. What arrived of a body that broke off stays.
pub(crate) async fn append(asked: Asked, name: RepositoryName, id: UploadId) -> Answer {
    let (service, opened) = open_for(&asked, &name, id).await?;
    let work = move |pieces: BodyPieces| {
        let (_lease, upload) = opened;
        let upload = receive(&service, upload, pieces)?;
        let length = upload.length();
        service.sessions.keep(id, upload.hash());
        Ok(progress(&name, id, length, StatusCode::ACCEPTED))
    };
    // whoever reads the answer finds the upload unlocked
    asked.body.feed(work).await
}

/// PUT (end-6): the last bytes, if any, and the digest of all.
pub(crate) async fn finish(asked: Asked, name: RepositoryName, id: UploadId) -> Answer {
    let digest = asked.query.get("digest").ok_or_else(|| {
        ApiError::new(Code::DigestInvalid, "the parameter digest is missing; expected the blob's digest")
    })?;
    let digest = route::digest(digest)?;
    let (service, opened) = open_for(&asked, &name, id).await?;
    let work = move |pieces: BodyPieces| {
        let (_lease, upload) = opened;
        complete(&service, &name, upload, pieces, digest)
    };
    asked.body.feed(work).await
}

/// DELETE (end-14): the upload is given up.
pub(crate) async fn cancel(asked: Asked, id: UploadId) -> Answer {
    let service = asked.service;
    blocking(move || discard(&service, id)).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

fn discard(service: &Service, id: UploadId) -> Result<(), ApiError> {
    let (_lease, upload) = open(service, id)?;
    service.sessions.take(id);
    Ok(upload.discard()?)
}

type Opened = (Arc<LayoutSink>, Upload);

/// Opens an upload for the body of a request, if it is meant for that place: who is refused need not send it.
///
/// What is opened is handed to the blocking pool and let go of there.
async fn open_for(
    asked: &Asked,
    name: &RepositoryName,
    id: UploadId,
) -> Result<(Arc<Service>, Opened), ApiError> {
    let (service, name, chunk) = (asked.service.clone(), name.clone(), Chunk::of(asked)?);
    blocking(move || {
        let (lease, mut upload) = open(&service, id)?;
        chunk.fits(&name, &upload)?;
        // only now: who sends a chunk out of order sends the right one next
        service.sessions.take(id).into_iter().for_each(|hash| upload.resume_hash(hash));
        Ok((service, (lease, upload)))
    })
    .await
}

/// Opens an upload, and waits for a while for whoever writes it; not to be called where waiting holds up others.
fn open(service: &Service, id: UploadId) -> Result<Opened, ApiError> {
    let end = Instant::now() + BUSY;
    loop {
        match service.layout.open_upload(id) {
            Ok(upload) => return Ok((service.leases.sink()?, upload)),
            Err(failure) if failure.class() == Class::Conflict && Instant::now() < end => {
                std::thread::sleep(BUSY_PAUSE);
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

/// Writes the body behind what is there.
fn receive(service: &Service, mut upload: Upload, mut pieces: BodyPieces) -> Result<Upload, ApiError> {
    match pieces.write_to(&mut upload) {
        Ok(()) => Ok(upload),
        Err(error) if error.is_full() => {
            // it would only keep the disk full
            upload.discard()?;
            Err(error)
        }
        Err(error) => {
            service.sessions.keep(upload.id(), upload.hash());
            Err(error)
        }
    }
}

fn complete(
    service: &Service,
    name: &RepositoryName,
    mut upload: Upload,
    pieces: BodyPieces,
    digest: Digest,
) -> Answer {
    upload.expect(digest.algorithm());
    let upload = receive(service, upload, pieces)?;
    let id = upload.id();
    let finished = upload.finish(&digest).map_err(ApiError::from);
    if finished.as_ref().is_err_and(ApiError::is_full) {
        discard(service, id)?;
    }
    finished?;
    Ok(created(name, &digest))
}

/// Where a request says that its body belongs.
struct Chunk {
    /// Its first byte's.
    first: Option<u64>,
}

impl Chunk {
    /// # Errors
    /// `Content-Range` is no range, or another than the length of the body.
    fn of(asked: &Asked) -> Result<Chunk, ApiError> {
        let Some(text) = asked.header(&header::CONTENT_RANGE) else { return Ok(Chunk { first: None }) };
        let invalid = |message: String| ApiError::new(Code::BlobUploadInvalid, message);
        let sent = asked.header(&header::CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
        let (first, last) =
            chunk_of(text).ok_or_else(|| invalid(format!("{text:?} is no range; expected FIRST-LAST")))?;
        let length = last.checked_sub(first).and_then(|length| length.checked_add(1));
        if length.is_none() || sent.is_some() && sent != length {
            return Err(invalid(format!("Content-Range {text:?} and the length of the body differ")));
        }
        Ok(Chunk { first: Some(first) })
    }

    /// A chunk out of order is refused with 416, and told what has arrived.
    fn fits(&self, name: &RepositoryName, upload: &Upload) -> Result<(), ApiError> {
        let (id, length) = (upload.id(), upload.length());
        match self.first {
            Some(first) if first != length => {
                let message = format!("the chunk begins at {first}; expected {length}");
                Err(ApiError::new(Code::RangeInvalid, message)
                    .with_header(header::LOCATION, &location(name, id))
                    .with_header(header::RANGE, &range(length))
                    .with_header(UPLOAD_ID, &id.to_string()))
            }
            _ => Ok(()),
        }
    }
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
