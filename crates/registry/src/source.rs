//! A repository as a source of manifests and blobs.

use crate::download::Download;
use crate::repository::{Asked, Shared, is_absent, is_document};
use crate::{Error, Reference, Repository, page, runtime};
use bytes::Bytes;
use image_format::{Blob, Descriptor, Digest, Failure, Origin, Source, Tag};
use std::io::Cursor;
use std::sync::Arc;

impl Source for Repository {
    fn open(&self, descriptor: &Descriptor, from: u64) -> Result<Blob, Failure> {
        if is_document(descriptor) {
            return Ok(document(&self.0, descriptor, from)?);
        }
        let (shared, descriptor) = (self.0.clone(), descriptor.clone());
        let reader = runtime::wait(async move { Download::start(shared, descriptor, from).await })?;
        Ok(Blob::from_reader(reader))
    }

    fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, Failure> {
        let (shared, subject) = (self.0.clone(), *subject);
        Ok(runtime::wait(async move { page::referrers(&shared, subject).await })?)
    }

    fn origin(&self, _: &Descriptor) -> Option<Origin> {
        Some(Origin::Repository { registry: self.0.host.name.clone(), repository: self.0.path.clone() })
    }
}

fn document(shared: &Arc<Shared>, descriptor: &Descriptor, from: u64) -> Result<Blob, Error> {
    let bytes = manifest_bytes(shared, descriptor)?;
    let mut reader = Cursor::new(bytes);
    reader.set_position(from);
    Ok(Blob::from_reader(reader))
}

/// From memory where it was read or written lately.
pub(crate) fn manifest_bytes(shared: &Arc<Shared>, descriptor: &Descriptor) -> Result<Bytes, Error> {
    let digest = &descriptor.digest;
    if let Some(bytes) = shared.manifests.find(digest) {
        return Ok(bytes);
    }
    let asked = Asked::new(shared, Reference::Digest(digest));
    let object = asked.object.clone();
    let (task, tag) = (shared.clone(), shared.manifests.said_of(digest));
    match runtime::wait(async move { task.get_manifest(asked).await }) {
        Ok((_, bytes)) => Ok(bytes),
        Err(error) if is_absent(&error) && tag.is_some() => {
            Err(said_and_absent(shared, &object, &tag.unwrap_or_default(), error))
        }
        Err(error) => Err(error),
    }
}

/// A HEAD of `tag` led to what is not there: the registry has lied, unless it has nothing under the tag either.
fn said_and_absent(shared: &Arc<Shared>, object: &str, tag: &str, absent: Error) -> Error {
    let Ok(parsed) = tag.parse::<Tag>() else { return absent };
    let (task, asked) = (shared.clone(), Asked::new(shared, Reference::Tag(&parsed)));
    match runtime::wait(async move { task.get_manifest(asked).await }) {
        Err(error) if is_absent(&error) => absent,
        _ => {
            let problem = format!("the registry says that {tag} stands for this, but does not have it");
            Error::integrity(object, problem)
        }
    }
}
