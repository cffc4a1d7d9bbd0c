//! Manifests and indexes: pulled, put, deleted, by tag and by digest.
//!
//! One that is put by digest alone gets a row that is called `NAME@DIGEST`: it claims no tag, keeps its blobs,
//! and goes when the digest gets a tag or an index that names it is put in the same repository.
//!
//! Spec: distribution-spec 1.1, "Pulling manifests", "Pushing Manifests", "Deleting tags", "Deleting Manifests".

use crate::body::Body;
use crate::catalog::Catalog;
use crate::error::{ApiError, Code};
use crate::handler::{Answer, Asked, CONTENT_DIGEST, empty, set};
use crate::name::RepositoryName;
use crate::route::Reference;
use crate::service::{Service, blocking};
use bytes::Bytes;
use hyper::{Method, Response, StatusCode, header};
use image_format::{
    Claim, Descriptor, Digest, ImageName, MAX_MANIFEST_BYTES, MediaType, Node, Place, Sink, annotation,
    parts, walk,
};
use layout::{IndexEdit, LayoutSink};
use std::collections::HashMap;
use std::sync::Arc;

/// GET and HEAD (end-3). A HEAD keeps the manifest from collection for a while.
pub(crate) async fn get(asked: Asked, name: RepositoryName, reference: Reference) -> Answer {
    let (service, head) = (asked.service, asked.method == Method::HEAD);
    let looking = service.clone();
    let descriptor = blocking(move || {
        let found = find(&looking, &name, &reference)?;
        if head {
            looking.refreshed(&found.digest)?;
        }
        Ok(found)
    })
    .await?;
    let body = if head { Body::empty() } else { Body::whole(read(service, &descriptor).await?) };
    let mut response = Response::new(body);
    set(&mut response, header::CONTENT_TYPE, &descriptor.media_type);
    set(&mut response, header::CONTENT_LENGTH, descriptor.size);
    set(&mut response, header::ETAG, format_args!("\"{}\"", descriptor.digest));
    set(&mut response, CONTENT_DIGEST, descriptor.digest);
    Ok(response)
}

async fn read(service: Arc<Service>, descriptor: &Descriptor) -> Result<Bytes, ApiError> {
    let share = service.documents.room(descriptor.size).await?;
    let digest = descriptor.digest;
    let bytes = blocking(move || Ok(service.layout.read_small(&digest)?)).await?;
    Ok(share.hold(bytes))
}

fn find(service: &Service, name: &RepositoryName, reference: &Reference) -> Result<Descriptor, ApiError> {
    let catalog = service.catalogs.now()?;
    let unknown = || unknown(name, reference);
    let digest = match reference {
        Reference::Tag(tag) => {
            let digest = catalog.find(name, tag).ok_or_else(unknown)?.descriptor.digest;
            service.served.remember(name.locator(), digest);
            digest
        }
        Reference::Digest(digest) if is_here(service, &catalog, name, digest) => *digest,
        Reference::Digest(_) => return Err(unknown()),
        Reference::Invalid(_) => return Err(unknown()),
    };
    let size = service.layout.size_of(&digest)?.filter(|size| *size <= MAX_MANIFEST_BYTES);
    let size = size.ok_or_else(unknown)?;
    let media_type = match catalog.media_type(&digest) {
        Some(stated) => stated.clone(),
        None => Node::media_type_of(&service.layout.read_small(&digest)?).ok_or_else(unknown)?,
    };
    Ok(Descriptor::new(media_type, digest, size))
}

/// Is the manifest in the repository? The bytes alone say nothing: after a DELETE they stay until a collection, and
/// other repositories may have them. An index holds its manifests, and who was just told of a digest still gets it.
fn is_here(service: &Service, catalog: &Catalog, name: &RepositoryName, digest: &Digest) -> bool {
    catalog.holds(name, digest)
        || service.served.remembers(name.locator(), *digest)
        || catalog.names_below(name, digest, &service.layout)
}

/// PUT (end-7): all that the manifest names must be here.
pub(crate) async fn put(asked: Asked, name: RepositoryName, reference: Reference) -> Answer {
    if let Reference::Invalid(text) = &reference {
        return Err(ApiError::new(Code::ManifestInvalid, format_args!("{text:?} is not a tag")));
    }
    let stated = asked.header(&header::CONTENT_TYPE).map(str::to_owned);
    let service = asked.service;
    let (bytes, share) = asked.body.whole(MAX_MANIFEST_BYTES, &service.documents).await?;
    blocking(move || {
        let _share = share;
        let (descriptor, node) = describe(stated.as_deref(), &reference, bytes)?;
        let sink = service.leases.sink()?;
        image_format::store(&*sink, &descriptor, node.bytes())?;
        keep_children(&service, &sink, &descriptor)?;
        service.layout.update_index(|edit| {
            name_it(edit, &name, &reference, &descriptor, &node);
            Ok(())
        })?;
        if let Reference::Tag(_) = reference {
            service.served.remember(name.locator(), descriptor.digest);
        }
        let mut response = empty(StatusCode::CREATED);
        set(&mut response, header::LOCATION, name.url(&format!("manifests/{}", descriptor.digest)));
        set(&mut response, CONTENT_DIGEST, descriptor.digest);
        Ok(response)
    })
    .await
}

/// Checks type and digest of what was sent.
fn describe(
    stated: Option<&str>,
    reference: &Reference,
    bytes: Vec<u8>,
) -> Result<(Descriptor, Node), ApiError> {
    let invalid = |message: String| ApiError::new(Code::ManifestInvalid, message);
    let stated = stated.map(|text| MediaType::from(text.split(';').next().unwrap_or(text).trim()));
    let said = Node::media_type_of(&bytes);
    let media_type = match (stated, said) {
        (Some(stated), Some(said)) if stated != said && states_its_type(&bytes) => {
            return Err(invalid(format!("Content-Type is {stated}, and the manifest says {said}")));
        }
        (Some(stated), _) => stated,
        (None, Some(said)) => said,
        (None, None) => {
            return Err(invalid("neither Content-Type nor the manifest says its type".to_owned()));
        }
    };
    if !media_type.is_document() {
        return Err(invalid(format!("{media_type} is not supported; expected an image manifest or index")));
    }
    let digest = match reference {
        Reference::Digest(expected) => {
            let found = Digest::of(expected.algorithm(), &bytes);
            if found != *expected {
                let message = format!("the manifest's digest is {found}; expected {expected}");
                return Err(ApiError::new(Code::DigestInvalid, message));
            }
            found
        }
        _ => Digest::sha256(&bytes),
    };
    let descriptor = Descriptor::new(media_type, digest, bytes.len() as u64);
    let node = Node::parse(&descriptor.media_type, bytes).map_err(|error| invalid(error.to_string()))?;
    Ok((descriptor, node))
}

/// A type that is only told by the shape of the JSON does not contradict a header.
fn states_its_type(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(bytes).is_ok_and(|value| value["mediaType"].is_string())
}

/// All blobs below the manifest are here, and are kept until its row does that.
fn keep_children(service: &Service, sink: &LayoutSink, root: &Descriptor) -> Result<(), ApiError> {
    let mut children = Vec::new();
    let walked = walk(root, &mut |place: Place<'_>| {
        children.push(place.descriptor.clone());
        parts(&service.layout, place.descriptor)
    });
    walked.map_err(|failure| ApiError::new(Code::ManifestBlobUnknown, failure))?;
    match sink.missing(&children)?.first() {
        None => Ok(()),
        Some(missing) => {
            let (digest, size) = (missing.digest, missing.size);
            let message = format!("{digest}: no such blob of {size} bytes; push it first");
            Err(ApiError::new(Code::ManifestBlobUnknown, message))
        }
    }
}

fn name_it(
    edit: &mut IndexEdit<'_>,
    name: &RepositoryName,
    reference: &Reference,
    descriptor: &Descriptor,
    node: &Node,
) {
    match reference {
        Reference::Tag(tag) => edit.set_name(&name.tagged(tag), descriptor),
        _ if is_held(edit, name, &descriptor.digest) => {}
        _ => {
            let full = format!("{}@{}", name.locator(), descriptor.digest);
            let mut row = descriptor.clone().with_annotation(annotation::CONTAINERD_NAME, &*full);
            if ImageName::fits_ref_name(&full) {
                row = row.with_annotation(annotation::REF_NAME, full);
            }
            edit.add_row(&row);
        }
    }
    if let Node::Index(index) = node {
        release(edit, name, &index.manifests);
    }
}

/// Has the repository a row of this digest?
fn is_held(edit: &IndexEdit<'_>, name: &RepositoryName, digest: &Digest) -> bool {
    !rows_of(edit, name, [*digest]).is_empty()
}

/// The index keeps its manifests, so their own rows go.
fn release(edit: &mut IndexEdit<'_>, name: &RepositoryName, children: &[Descriptor]) {
    let rows = rows_of(edit, name, children.iter().map(|child| child.digest));
    rows.into_iter().filter(|(_, tagged)| !tagged).for_each(|(row, _)| edit.remove_row(row));
}

/// The repository's rows of these digests, and whether each has a tag; found in one pass, since the layout's lock is
/// held. Only the rows that mention a digest are parsed.
fn rows_of(
    edit: &IndexEdit<'_>,
    name: &RepositoryName,
    digests: impl IntoIterator<Item = Digest>,
) -> Vec<(usize, bool)> {
    let locator = name.locator();
    let digests: HashMap<String, Digest> = digests.into_iter().map(|digest| (digest.hex(), digest)).collect();
    let mentions = |part: &str| {
        let hex = part.split('"').next().unwrap_or(part);
        digests.contains_key(hex)
    };
    let candidates = edit.before().rows().filter(|row| row.json.split(':').any(mentions));
    candidates
        .filter_map(|row| {
            let descriptor = row.descriptor()?;
            digests.get(&descriptor.digest.hex()).filter(|digest| **digest == descriptor.digest)?;
            let (holder, tagged) = match row.claim() {
                Some((Claim::Name(holder), _)) => (holder, true),
                Some((Claim::Verbatim(_), _)) => return None,
                None => (descriptor.pinned_name()?, false),
            };
            (holder.locator() == locator).then_some((row.position, tagged))
        })
        .collect()
}

/// DELETE (end-9): a tag alone, or, by digest, the manifest with all its tags in this repository. Its blobs are left
/// to the next collection.
pub(crate) async fn delete(asked: Asked, name: RepositoryName, reference: Reference) -> Answer {
    let service = asked.service;
    blocking(move || {
        service.leases.sink()?;
        let catalog = service.catalogs.now()?;
        let gone = service.layout.update_index(|edit| {
            Ok(match &reference {
                Reference::Tag(tag) => {
                    let answering = catalog.find(&name, tag).map(|entry| entry.name.clone());
                    answering.is_some_and(|name| edit.remove_name(&Claim::Name(name)).is_some())
                }
                Reference::Digest(digest) => {
                    let rows = rows_of(edit, &name, [*digest]);
                    rows.iter().for_each(|(row, _)| edit.remove_row(*row));
                    service.served.forget(name.locator(), *digest);
                    !rows.is_empty()
                }
                Reference::Invalid(_) => false,
            })
        })?;
        if gone { Ok(empty(StatusCode::ACCEPTED)) } else { Err(unknown(&name, &reference)) }
    })
    .await
}

fn unknown(name: &RepositoryName, reference: &Reference) -> ApiError {
    let path = name.path();
    let message = match reference {
        Reference::Tag(tag) => format!("{path}:{tag}: no such image"),
        Reference::Digest(digest) => format!("{path}@{digest}: no such image"),
        Reference::Invalid(text) => format!("{path}: {text:?} is not a tag"),
    };
    ApiError::new(Code::ManifestUnknown, message)
}
