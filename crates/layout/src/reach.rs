//! Which blobs the rows of an index reach.

use crate::Error;
use crate::layout::Layout;
use crate::snapshot::Snapshot;
use image_format::{Class, Descriptor, Digest, Failure, MAX_MANIFEST_BYTES, Node};
use std::collections::{BTreeSet, HashSet};

/// Everything that any row reaches.
///
/// A manifest that is missing (a sparse index) reaches nothing; one that is here and broken is an error, since
/// nobody knows what it needs.
pub(crate) fn from_rows(layout: &Layout, snapshot: &Snapshot) -> Result<HashSet<Digest>, Failure> {
    let mut reached = HashSet::new();
    for row in snapshot.rows() {
        match row.descriptor() {
            Some(descriptor) => follow(layout, descriptor, &mut reached)?,
            // Not a descriptor, but if it names a digest, that is kept.
            None => reached.extend(row.digest()),
        }
    }
    Ok(reached)
}

/// Everything that `root` reaches, itself included.
pub(crate) fn from_root(layout: &Layout, root: &Descriptor) -> Result<BTreeSet<Digest>, Failure> {
    let mut reached = HashSet::new();
    follow(layout, root.clone(), &mut reached)?;
    Ok(reached.into_iter().collect())
}

fn follow(layout: &Layout, root: Descriptor, reached: &mut HashSet<Digest>) -> Result<(), Failure> {
    let mut stack = vec![root];
    while let Some(descriptor) = stack.pop() {
        if !reached.insert(descriptor.digest) {
            continue;
        }
        if let Some(node) = node(layout, &descriptor)? {
            stack.extend(node.children());
        }
    }
    Ok(())
}

/// The manifest or index behind a descriptor, whatever its media type says; `None` for other blobs.
fn node(layout: &Layout, descriptor: &Descriptor) -> Result<Option<Node>, Failure> {
    let kind = &descriptor.media_type;
    let stated = kind.is_manifest() || kind.is_index();
    let leaf = kind.is_config() || kind.as_str().contains(".layer.") || kind.as_str().contains(".rootfs.");
    if leaf || layout.size_of(&descriptor.digest)?.is_none_or(|size| size > MAX_MANIFEST_BYTES) {
        return Ok(None);
    }
    let bytes = layout.read_small(&descriptor.digest)?;
    if !stated && Node::media_type_of(&bytes).is_none() {
        return Ok(None);
    }
    let broken = |error| -> Failure {
        let path = layout.path().join(crate::path::blob(&descriptor.digest));
        let failure = Failure::from(Error::Broken { path, problem: format!("{error}") });
        failure.with_hint(
            "nothing was collected, since what it needs is not known; oci-fsck shows what is wrong",
        )
    };
    match Node::parse(kind, bytes) {
        Ok(node) => Ok(Some(node)),
        Err(error) => Err(broken(error)),
    }
}

impl Layout {
    /// Every blob that `root` reaches, itself first, with its size: what a listing counts.
    ///
    /// # Errors
    /// A manifest cannot be read.
    pub fn reachable(&self, root: &Descriptor) -> Result<Vec<Descriptor>, Failure> {
        let mut all = Vec::new();
        image_format::walk(self, root, &mut |descriptor, visit| {
            match visit {
                image_format::Visit::Broken(failure) if failure.class() != Class::NotFound => {
                    return Err(failure);
                }
                _ => all.push(descriptor.clone()),
            }
            Ok(())
        })?;
        Ok(all)
    }
}
