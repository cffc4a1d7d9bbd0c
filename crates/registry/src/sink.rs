//! Writing to a repository: what is there, what can be mounted, manifests and their names.

use crate::auth::Scope;
use crate::repository::Repository;
use crate::request::{Payload, Request};
use crate::upload::Upload;
use crate::{Error, runtime};
use bytes::Bytes;
use image_format::{
    Algorithm, BlobWriter, Class, Descriptor, Digest, Expected, Failure, ImageName, Origin, Sink,
};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Method, Response, StatusCode};
use std::collections::HashSet;
use std::io::{self, Write};
use tokio::task::JoinSet;

/// How many HEADs are under way at a time.
const HEADS: usize = 8;

impl Sink for Repository {
    fn missing<'a>(&self, descriptors: &'a [Descriptor]) -> Result<Vec<&'a Descriptor>, Failure> {
        let (repository, asked) = (self.clone(), descriptors.to_vec());
        let here = runtime::wait(async move { repository.which_are_here(asked).await })?;
        Ok(descriptors.iter().filter(|descriptor| !here.contains(&descriptor.digest)).collect())
    }

    fn adopt(&self, descriptor: &Descriptor, origin: &Origin) -> Result<bool, Failure> {
        let Origin::Repository { registry, repository: from } = origin else { return Ok(false) };
        if *registry != self.host.name || **from == *self.path {
            return Ok(false);
        }
        let (repository, digest, from) = (self.clone(), descriptor.digest, from.clone());
        Ok(runtime::wait(async move { repository.mount(digest, &from).await })?)
    }

    fn writer(&self, expected: Expected) -> Result<Box<dyn BlobWriter>, Failure> {
        match expected {
            Expected::Descriptor(descriptor)
                if descriptor.media_type.is_manifest() || descriptor.media_type.is_index() =>
            {
                Ok(Box::new(ManifestWriter { repository: self.clone(), descriptor, bytes: Vec::new() }))
            }
            expected => Ok(Box::new(Upload::new(self.clone(), expected))),
        }
    }

    /// Sends the manifest once more, under its tag. Without a name it was stored under its digest already.
    fn name(&self, name: Option<&ImageName>, descriptor: &Descriptor) -> Result<(), Failure> {
        let Some(tag) = name.and_then(ImageName::tag) else { return Ok(()) };
        let (repository, descriptor, tag) = (self.clone(), descriptor.clone(), tag.to_string());
        runtime::wait(async move {
            let bytes = match repository.pushed.find(&descriptor.digest) {
                Some(bytes) => bytes,
                None => repository.read_manifest(&descriptor.digest.to_string()).await?.1,
            };
            repository.put_manifest(&tag, &descriptor, bytes).await
        })?;
        Ok(())
    }
}

impl Repository {
    async fn which_are_here(&self, descriptors: Vec<Descriptor>) -> Result<HashSet<Digest>, Error> {
        let mut here = HashSet::new();
        let mut asking = JoinSet::new();
        for descriptor in descriptors {
            if asking.len() >= HEADS {
                here.extend(answer(asking.join_next().await)?);
            }
            let repository = self.clone();
            asking.spawn(async move {
                let found = repository.is_here(&descriptor).await?;
                Ok(found.then_some(descriptor.digest))
            });
        }
        while !asking.is_empty() {
            here.extend(answer(asking.join_next().await)?);
        }
        Ok(here)
    }

    async fn is_here(&self, descriptor: &Descriptor) -> Result<bool, Error> {
        let digest = descriptor.digest.to_string();
        let request = if descriptor.media_type.is_manifest() || descriptor.media_type.is_index() {
            self.manifest(Method::HEAD, &digest, "pull,push").await?
        } else {
            let url = self.client.url(&self.host, &format!("{}/blobs/{digest}", self.path)).await?;
            Request::new(Method::HEAD, url, Scope::new(&self.path, "pull,push"), &self.object(&digest))
        };
        match self.client.send(&self.host, &request).await {
            Ok(response) => {
                let length = response.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
                let length = length.and_then(|text| text.parse::<u64>().ok());
                Ok(length.is_none_or(|length| length == descriptor.size))
            }
            Err(error) if error.status() == Some(404) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// `POST …/uploads/?mount=DIGEST&from=REPOSITORY`; a 202 is an upload that was opened instead.
    ///
    /// Spec: distribution-spec, "Mounting a blob from another repository".
    async fn mount(&self, digest: Digest, from: &str) -> Result<bool, Error> {
        let path = format!("{}/blobs/uploads/?mount={digest}&from={from}", self.path);
        let url = self.client.url(&self.host, &path).await?;
        let scope = Scope::new(&self.path, "pull,push").and_pull(from);
        let request = Request::new(Method::POST, url, scope, &self.object(&digest.to_string()));
        match self.client.send(&self.host, &request).await {
            Ok(response) if response.status() == StatusCode::CREATED => Ok(true),
            Ok(response) => {
                if let Ok(upload) = self.location(&request, &response) {
                    self.mounts.keep(digest, upload);
                }
                Ok(false)
            }
            // a refusal only means that the blob is to be sent
            Err(Error::Unreachable { host, reason }) => Err(Error::Unreachable { host, reason }),
            Err(error) => {
                log::debug!("no mount from {from}: {error}");
                Ok(false)
            }
        }
    }

    /// Where an answer says that the upload goes on.
    pub(crate) fn location(&self, request: &Request, response: &Response) -> Result<reqwest::Url, Error> {
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let location =
            location.ok_or_else(|| Error::protocol(&request.object, "the registry opened no upload"))?;
        self.client.linked(request, location, "upload location")
    }

    async fn put_manifest(
        &self,
        reference: &str,
        descriptor: &Descriptor,
        bytes: Bytes,
    ) -> Result<(), Error> {
        let mut request = self.manifest(Method::PUT, reference, "pull,push").await?;
        let kind = HeaderValue::from_str(descriptor.media_type.as_str());
        request.headers.extend(kind.ok().map(|kind| (CONTENT_TYPE, kind)));
        request.body = Payload::Bytes(bytes.clone());
        self.client.send(&self.host, &request).await?;
        self.pushed.keep(descriptor, bytes);
        Ok(())
    }
}

type Asked = Result<Result<Option<Digest>, Error>, tokio::task::JoinError>;

fn answer(asked: Option<Asked>) -> Result<Option<Digest>, Error> {
    match asked {
        Some(Ok(answer)) => answer,
        Some(Err(error)) => Err(Error::Failed(format!("the network thread failed: {error}"))),
        None => Ok(None),
    }
}

/// Gathers a manifest and stores it under its digest.
struct ManifestWriter {
    repository: Repository,
    descriptor: Descriptor,
    bytes: Vec<u8>,
}

impl Write for ManifestWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if (self.bytes.len() + bytes.len()) as u64 > self.descriptor.size {
            let digest = self.descriptor.digest;
            return Err(Failure::new(Class::Integrity, format!("{digest}: more bytes than expected")).into());
        }
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for ManifestWriter {
    fn restart(&mut self) -> Result<(), Failure> {
        self.bytes.clear();
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<Descriptor, Failure> {
        let ManifestWriter { repository, descriptor, bytes } = *self;
        let algorithm: Algorithm = descriptor.digest.algorithm();
        let (digest, found) = (descriptor.digest, Digest::of(algorithm, &bytes));
        if found != digest {
            let message = format!("{digest}: the content's digest is {found}");
            return Err(Failure::new(Class::Integrity, message));
        }
        let sent = descriptor.clone();
        runtime::wait(async move {
            repository.put_manifest(&digest.to_string(), &sent, Bytes::from(bytes)).await
        })?;
        Ok(descriptor)
    }
}
