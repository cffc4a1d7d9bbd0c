//! A repository as a sink of blobs, manifests and names.

use crate::repository::{Asked, Shared, is_absent, is_document};
use crate::source::manifest_bytes;
use crate::upload::Mounted;
use crate::{Error, Reference, Repository, runtime, writer};
use bytes::Bytes;
use image_format::{BlobWriter, Descriptor, Expected, Failure, ImageName, Origin, Sink};
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, HeaderValue};
use std::sync::{Arc, PoisonError};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How many HEADs are under way at a time.
const SIDE_BY_SIDE: usize = 16;

impl Sink for Repository {
    fn missing<'a>(&self, descriptors: &'a [Descriptor]) -> Result<Vec<&'a Descriptor>, Failure> {
        let (shared, asked) = (self.0.clone(), descriptors.to_vec());
        let there = runtime::wait(async move { all_there(&shared, asked).await })?;
        let missing = descriptors.iter().zip(there).filter(|(_, there)| !there);
        Ok(missing.map(|(descriptor, _)| descriptor).collect())
    }

    fn adopt(&self, descriptor: &Descriptor, origin: &Origin) -> Result<bool, Failure> {
        let Origin::Repository { registry, repository } = origin else { return Ok(false) };
        if *registry != self.0.host.name || *repository == self.0.path || is_document(descriptor) {
            return Ok(false);
        }
        let (shared, digest, from) = (self.0.clone(), descriptor.digest, repository.clone());
        let mounted = runtime::wait(async move { shared.mount(&digest, &from).await });
        match mounted {
            Ok(Mounted::Yes) => Ok(true),
            Ok(Mounted::No(opened)) => {
                let mut all = self.0.opened.lock().unwrap_or_else(PoisonError::into_inner);
                all.extend(opened.map(|opened| (digest, opened)));
                Ok(false)
            }
            Err(error @ (Error::Unreachable { .. } | Error::Untrusted { .. })) => Err(error.into()),
            Err(error) => {
                log::debug!("not mounted: {error}");
                Ok(false)
            }
        }
    }

    fn writer(&self, expected: Expected) -> Result<Box<dyn BlobWriter>, Failure> {
        let document = matches!(&expected, Expected::Descriptor(descriptor) if is_document(descriptor));
        Ok(writer::new(self.0.clone(), expected, document))
    }

    /// Sends the manifest once more, under its tag; under its digest it was stored by its writer. The registry
    /// and path of `name` are not looked at: it is the tag that is given, in this repository.
    fn name(&self, name: Option<&ImageName>, descriptor: &Descriptor) -> Result<(), Failure> {
        let Some(tag) = name.and_then(ImageName::tag) else { return Ok(()) };
        let bytes = manifest_bytes(&self.0, descriptor)?;
        Ok(put(&self.0, tag.into(), descriptor, &bytes)?)
    }
}

/// Stores a manifest under its digest, and keeps it for its name.
pub(crate) fn commit_document(
    shared: &Arc<Shared>,
    descriptor: &Descriptor,
    bytes: &Bytes,
) -> Result<(), Error> {
    put(shared, Reference::Digest(&descriptor.digest), descriptor, bytes)?;
    shared.manifests.keep(descriptor.digest, bytes.clone());
    Ok(())
}

fn put(
    shared: &Arc<Shared>,
    reference: Reference<'_>,
    descriptor: &Descriptor,
    bytes: &Bytes,
) -> Result<(), Error> {
    let asked = Asked::new(shared, reference);
    let (shared, descriptor, bytes) = (shared.clone(), descriptor.clone(), bytes.clone());
    runtime::wait(async move { shared.put_manifest(&asked, &descriptor, bytes).await })
}

async fn all_there(shared: &Arc<Shared>, descriptors: Vec<Descriptor>) -> Result<Vec<bool>, Error> {
    let mut there = vec![false; descriptors.len()];
    let slots = Arc::new(Semaphore::new(SIDE_BY_SIDE));
    let mut asking = JoinSet::new();
    for (place, descriptor) in descriptors.into_iter().enumerate() {
        let (shared, slots) = (shared.clone(), slots.clone());
        asking.spawn(async move {
            let _slot = slots.acquire().await;
            (place, is_there(&shared, &descriptor).await)
        });
    }
    while let Some(answer) = asking.join_next().await {
        let (place, found) = answer.map_err(|_| Error::Failed("a request was given up".to_owned()))?;
        there[place] = found?;
    }
    Ok(there)
}

/// Spec: distribution-spec, "Checking if content exists in the registry".
async fn is_there(shared: &Shared, descriptor: &Descriptor) -> Result<bool, Error> {
    let digest = descriptor.digest;
    let kind = if is_document(descriptor) { "manifests" } else { "blobs" };
    let object = shared.blob_object(&digest);
    let mut request =
        shared.request(Method::HEAD, &format!("{kind}/{digest}"), shared.push(), &object).await?;
    if let Ok(accept) = HeaderValue::from_str(descriptor.media_type.as_str())
        && is_document(descriptor)
    {
        request.headers.insert(ACCEPT, accept);
    }
    match shared.inner.send(&shared.host, &request).await {
        Ok(response) => {
            let length = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
            let there = length.is_none_or(|length| length.parse() == Ok(descriptor.size));
            if there && !is_document(descriptor) {
                shared.host.is_held(digest, &shared.path);
            }
            Ok(there)
        }
        Err(error) if is_absent(&error) => Ok(false),
        // who may only write is told so by HEAD; the upload will say the truth
        Err(Error::NotAuthorised { .. } | Error::Status { status: 400..=499, .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
