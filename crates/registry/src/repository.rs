//! A repository of a registry: what its tags mean, its manifests and blobs.

use crate::auth::Scope;
use crate::client::Inner;
use crate::download::Download;
use crate::host::Host;
use crate::mounts::Mounts;
use crate::pushed::Pushed;
use crate::request::Request;
use crate::{Error, runtime};
use bytes::Bytes;
use image_format::{
    Blob, Descriptor, Digest, Failure, ImageName, MAX_MANIFEST_BYTES, MediaType, Node, Origin, Source,
};
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use std::io::Cursor;
use std::sync::Arc;

const CONTENT_DIGEST: &str = "docker-content-digest";

/// One repository. Clones share what is known of it.
#[derive(Clone)]
pub struct Repository {
    pub(crate) client: Arc<Inner>,
    pub(crate) host: Arc<Host>,
    pub(crate) path: Arc<str>,
    pub(crate) pushed: Arc<Pushed>,
    pub(crate) mounts: Arc<Mounts>,
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Repository({}/{})", self.host.name, self.path)
    }
}

impl Repository {
    pub(crate) fn new(client: Arc<Inner>, host: Arc<Host>, path: &str) -> Repository {
        Repository { client, host, path: path.into(), pushed: Arc::default(), mounts: Arc::default() }
    }

    /// What `name`'s digest, or else its tag, stands for.
    ///
    /// By tag a HEAD is enough, so that a registry that counts pulls counts none. The bytes are not checked yet:
    /// whoever reads the manifest behind the digest does that.
    ///
    /// Spec: distribution-spec, "Pulling manifests".
    ///
    /// # Errors
    /// There is no such image, or the registry cannot be asked.
    pub fn resolve(&self, name: &ImageName) -> Result<Descriptor, Failure> {
        let reference = match (name.digest(), name.tag()) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.to_string(),
            (None, None) => "latest".to_owned(),
        };
        let (repository, name) = (self.clone(), name.clone());
        let found = runtime::wait(async move { repository.find(&reference, &name).await })?;
        Ok(found)
    }

    async fn find(&self, reference: &str, name: &ImageName) -> Result<Descriptor, Error> {
        let request = self.manifest(Method::HEAD, reference, "pull").await?;
        let headers = match self.client.send(&self.host, &request).await {
            Ok(response) => response.headers().clone(),
            // some registries know no HEAD here
            Err(error) if matches!(error.status(), Some(400 | 405 | 501)) => HeaderMap::new(),
            Err(error) => return Err(error),
        };
        let found = match described(&headers) {
            Some(found) => found,
            None => self.read_manifest(reference).await?.0,
        };
        match name.digest() {
            Some(digest) if *digest != found.digest => {
                let problem = format!("the registry has {} under this digest", found.digest);
                Err(Error::integrity(&self.object(reference), problem))
            }
            _ => Ok(found),
        }
    }

    /// A manifest by tag or digest, described by its own bytes.
    pub(crate) async fn read_manifest(&self, reference: &str) -> Result<(Descriptor, Bytes), Error> {
        let request = self.manifest(Method::GET, reference, "pull").await?;
        let most = usize::try_from(MAX_MANIFEST_BYTES).unwrap_or(usize::MAX);
        let (headers, bytes) = self.client.fetch(&self.host, &request, most).await?;
        let algorithm = reference.parse::<Digest>().map(|digest| digest.algorithm()).unwrap_or_default();
        let media_type = media_type(&headers)
            .filter(|kind| kind.is_manifest() || kind.is_index())
            .or_else(|| Node::media_type_of(&bytes))
            .ok_or_else(|| Error::integrity(&self.object(reference), "neither a manifest nor an index"))?;
        Ok((Descriptor::new(media_type, Digest::of(algorithm, &bytes), bytes.len() as u64), bytes))
    }

    /// A request for a manifest.
    pub(crate) async fn manifest(
        &self,
        method: Method,
        reference: &str,
        actions: &str,
    ) -> Result<Request, Error> {
        let url = self.client.url(&self.host, &format!("{}/manifests/{reference}", self.path)).await?;
        let scope = Scope::new(&self.path, actions);
        let mut request = Request::new(method, url, scope, &self.object(reference));
        let accepted = MediaType::MANIFESTS.map(|kind| kind.to_string()).join(", ");
        request.headers.extend(HeaderValue::from_str(&accepted).ok().map(|value| (ACCEPT, value)));
        Ok(request)
    }

    /// What the user knows this reference as.
    pub(crate) fn object(&self, reference: &str) -> String {
        let separator = if reference.contains(':') { '@' } else { ':' };
        format!("{}/{}{separator}{reference}", self.host.name, self.path)
    }
}

/// What the headers say of a manifest; `None` where they do not say enough.
fn described(headers: &HeaderMap) -> Option<Descriptor> {
    let digest = headers.get(CONTENT_DIGEST)?.to_str().ok()?.parse().ok()?;
    let size = headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()?;
    let media_type = media_type(headers).filter(|kind| kind.is_manifest() || kind.is_index())?;
    Some(Descriptor::new(media_type, digest, size))
}

fn media_type(headers: &HeaderMap) -> Option<MediaType> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(MediaType::from(text.split(';').next().unwrap_or(text).trim()))
}

impl Source for Repository {
    fn open(&self, descriptor: &Descriptor, from: u64) -> Result<Blob, Failure> {
        let kind = &descriptor.media_type;
        if kind.is_manifest() || kind.is_index() {
            let (repository, reference) = (self.clone(), descriptor.digest.to_string());
            let (_, bytes) = runtime::wait(async move { repository.read_manifest(&reference).await })?;
            let mut reader = Cursor::new(bytes);
            reader.set_position(from);
            return Ok(Blob::from_reader(reader));
        }
        let download = Download {
            client: Arc::clone(&self.client),
            host: Arc::clone(&self.host),
            repository: self.path.to_string(),
            digest: descriptor.digest,
            size: descriptor.size,
            from,
        };
        Ok(download.start()?)
    }

    fn origin(&self, _: &Descriptor) -> Option<Origin> {
        Some(Origin::Repository { registry: self.host.name.clone(), repository: self.path.to_string() })
    }
}
