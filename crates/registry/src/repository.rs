//! A repository of a registry: what its tags mean, its manifests.

use crate::auth::Scope;
use crate::client::Inner;
use crate::host::Host;
use crate::manifests::Manifests;
use crate::request::Request;
use crate::upload::Opened;
use crate::{Error, Reference, page, runtime};
use bytes::Bytes;
use image_format::{Descriptor, Digest, MAX_MANIFEST_BYTES, MediaType, Node, Origin, Tag};
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

/// A repository: a [`Source`](image_format::Source) and a [`Sink`](image_format::Sink) of images.
///
/// Cheap to clone; clones share what is known of it.
#[derive(Clone)]
pub struct Repository(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) inner: Arc<Inner>,
    pub(crate) host: Arc<Host>,
    /// The path in the registry.
    pub(crate) path: String,
    pub(crate) manifests: Manifests,
    /// Uploads that a refused mount has opened.
    pub(crate) opened: Mutex<HashMap<Digest, Opened>>,
    /// It has refused a blob in one piece.
    pub(crate) chunked: AtomicBool,
}

/// A manifest or index as it was received, verified.
#[derive(Clone, Debug)]
pub struct FetchedManifest {
    /// Its media type, digest and size.
    pub descriptor: Descriptor,
    /// The exact bytes.
    pub bytes: Vec<u8>,
}

impl Repository {
    pub(crate) fn new(inner: Arc<Inner>, host: Arc<Host>, path: &str) -> Repository {
        Repository(Arc::new(Shared {
            inner,
            host,
            path: path.to_owned(),
            manifests: Manifests::default(),
            opened: Mutex::default(),
            chunked: AtomicBool::new(false),
        }))
    }

    /// The registry's `HOST[:PORT]`.
    pub fn registry(&self) -> &str {
        &self.0.host.name
    }

    /// The path in the registry.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// What a tag points at, without its content: one HEAD where the registry answers it in full.
    ///
    /// A registry that counts pulls counts no HEAD. What it says is not verified before the manifest is read;
    /// [`Repository::manifest`] does both in one request.
    ///
    /// # Errors
    /// There is no such manifest, or the registry cannot be asked.
    pub fn resolve<'a>(&self, reference: impl Into<Reference<'a>>) -> Result<Descriptor, Error> {
        let reference = reference.into();
        let (shared, asked) = (self.0.clone(), Asked::new(&self.0, reference));
        if let Some(found) = runtime::wait(async move { shared.head_manifest(asked).await })? {
            return Ok(found);
        }
        Ok(self.manifest(reference)?.descriptor)
    }

    /// A manifest or index, its digest verified: against the one that was asked for, or the one that the
    /// registry says it has sent.
    ///
    /// # Errors
    /// There is no such manifest, it is none or not what it claims, or the registry cannot be asked.
    pub fn manifest<'a>(&self, reference: impl Into<Reference<'a>>) -> Result<FetchedManifest, Error> {
        let (shared, asked) = (self.0.clone(), Asked::new(&self.0, reference.into()));
        let (descriptor, bytes) = runtime::wait(async move { shared.get_manifest(asked).await })?;
        Ok(FetchedManifest { descriptor, bytes: bytes.to_vec() })
    }

    /// Another repository of this registry that has the blob, as far as this client has put or found it there.
    pub fn elsewhere(&self, blob: &Digest) -> Option<Origin> {
        let repository = self.0.host.holder(blob).filter(|holder| *holder != self.0.path)?;
        Some(Origin::Repository { registry: self.0.host.name.clone(), repository })
    }

    /// All tags, as the registry orders them; what is no tag is passed over.
    ///
    /// # Errors
    /// There is no such repository, its list does not end, or the registry cannot be asked.
    pub fn tags(&self) -> Result<Vec<Tag>, Error> {
        let shared = self.0.clone();
        runtime::wait(async move { page::tags(&shared).await })
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Repository({})", self.0.locator())
    }
}

/// A reference that may travel to the other thread.
pub(crate) struct Asked {
    pub(crate) text: String,
    pub(crate) digest: Option<Digest>,
    pub(crate) object: String,
}

impl Asked {
    pub(crate) fn new(shared: &Shared, reference: Reference<'_>) -> Asked {
        Asked {
            text: reference.to_string(),
            digest: reference.digest().copied(),
            object: reference.within(&shared.locator()),
        }
    }
}

impl Shared {
    pub(crate) fn locator(&self) -> String {
        format!("{}/{}", self.host.name, self.path)
    }

    pub(crate) fn pull(&self) -> Scope {
        Scope::new(&self.path, "pull")
    }

    pub(crate) fn push(&self) -> Scope {
        Scope::new(&self.path, "pull,push")
    }

    /// A request for something below this repository.
    pub(crate) async fn request(
        &self,
        method: Method,
        below: &str,
        scope: Scope,
        object: &str,
    ) -> Result<Request, Error> {
        let url = self.inner.url(&self.host, &format!("{}/{below}", self.path)).await?;
        Ok(Request::new(method, url, scope, object))
    }

    /// A request for a blob, which a redirect may lead elsewhere.
    pub(crate) async fn blob_request(&self, blob: &Descriptor) -> Result<Request, Error> {
        let below = format!("blobs/{}", blob.digest);
        self.request(Method::GET, &below, self.pull(), &self.blob_object(&blob.digest)).await
    }

    async fn manifest_request(&self, method: Method, asked: &Asked) -> Result<Request, Error> {
        let below = format!("manifests/{}", asked.text);
        let mut request = self.request(method, &below, self.pull(), &asked.object).await?;
        request.headers.insert(ACCEPT, accept());
        Ok(request)
    }

    async fn head_manifest(&self, asked: Asked) -> Result<Option<Descriptor>, Error> {
        let request = self.manifest_request(Method::HEAD, &asked).await?;
        let response = match self.inner.send(&self.host, &request).await {
            Ok(response) => response,
            // some registries know no HEAD; and the GET's error says more
            Err(error) if error.status().is_some_and(|status| status != 404) => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = described(response.headers());
        let found = found.filter(|found| asked.digest.is_none_or(|want| want == found.digest));
        if let (Some(found), None) = (&found, &asked.digest) {
            self.manifests.was_said(found.digest, asked.text);
        }
        Ok(found)
    }

    pub(crate) async fn get_manifest(&self, asked: Asked) -> Result<(Descriptor, Bytes), Error> {
        let request = self.manifest_request(Method::GET, &asked).await?;
        let most = usize::try_from(MAX_MANIFEST_BYTES).unwrap_or(usize::MAX);
        let (headers, bytes) = self.inner.fetch(&self.host, &request, most).await?;
        let media_type = media_type(&headers, &bytes, &asked.object)?;
        let said = digest_of(&headers);
        let digest = asked.digest.or(said).unwrap_or_else(|| Digest::sha256(&bytes));
        let found = Digest::of(digest.algorithm(), &bytes);
        if found != digest {
            let what = if asked.digest.is_some() { "the" } else { "the registry announced another;" };
            return Err(Error::integrity(&asked.object, format!("{what} content's digest is {found}")));
        }
        let descriptor = Descriptor::new(media_type, digest, bytes.len() as u64);
        self.manifests.keep(digest, bytes.clone());
        Ok((descriptor, bytes))
    }

    /// Stores a manifest under a tag or its digest.
    ///
    /// Spec: distribution-spec, "Pushing Manifests".
    pub(crate) async fn put_manifest(
        &self,
        asked: &Asked,
        descriptor: &Descriptor,
        bytes: Bytes,
    ) -> Result<(), Error> {
        let below = format!("manifests/{}", asked.text);
        let mut request = self.request(Method::PUT, &below, self.push(), &asked.object).await?;
        let kind = HeaderValue::from_str(descriptor.media_type.as_str())
            .map_err(|_| Error::integrity(&asked.object, "its media type is not one"))?;
        request.headers.insert(CONTENT_TYPE, kind);
        request.body = crate::request::Payload::Bytes(bytes);
        request.timeout = Some(crate::upload::answer_time(0));
        let response = self.inner.send(&self.host, &request).await?;
        crate::upload::stored(&response, &descriptor.digest, &asked.object)
    }
}

/// One header, as all registries understand it.
fn accept() -> HeaderValue {
    let types: Vec<&str> = MediaType::MANIFESTS.iter().map(MediaType::as_str).collect();
    HeaderValue::from_str(&types.join(", ")).unwrap_or_else(|_| HeaderValue::from_static("*/*"))
}

/// The registry's own digest of what it has sent; one that is none counts as not said.
pub(crate) fn digest_of(headers: &HeaderMap) -> Option<Digest> {
    headers.get("docker-content-digest")?.to_str().ok()?.trim().parse().ok()
}

fn content_type(headers: &HeaderMap) -> Option<MediaType> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let text = text.split(';').next().unwrap_or(text).trim();
    MediaType::MANIFESTS.into_iter().find(|kind| kind.as_str() == text)
}

/// A descriptor from the headers of a HEAD; `None` where one is missing or makes no sense.
fn described(headers: &HeaderMap) -> Option<Descriptor> {
    let size = headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()?;
    (1..=MAX_MANIFEST_BYTES).contains(&size).then_some(())?;
    Some(Descriptor::new(content_type(headers)?, digest_of(headers)?, size))
}

/// What the registry says it is must be what the document says; a header that names no manifest's type counts
/// as not said. CVE-2021-41190.
fn media_type(headers: &HeaderMap, bytes: &[u8], object: &str) -> Result<MediaType, Error> {
    let inside = Node::media_type_of(bytes);
    match (content_type(headers), inside) {
        (Some(header), Some(inside)) if header.is_index() != inside.is_index() => {
            Err(Error::integrity(object, format!("the registry sends it as {header}, but it is {inside}")))
        }
        (Some(header), _) => Ok(header),
        (None, Some(inside)) => Ok(inside),
        (None, None) => Err(Error::integrity(object, "not a manifest or index")),
    }
}

/// Is this a document for `/manifests/` rather than `/blobs/`?
pub(crate) fn is_document(descriptor: &Descriptor) -> bool {
    descriptor.media_type.is_document()
}

/// Did the registry say that something is not there?
pub(crate) fn is_absent(error: &Error) -> bool {
    error.status() == Some(StatusCode::NOT_FOUND.as_u16())
}
