//! Which images stand on which layers, as a tree.

use crate::counted::counted;
use crate::error::Error;
use crate::listing::Listed;
use crate::size::human_size;
use image_format::escaped;
use image_format::{Class, Descriptor, DiffId, Failure, Manifest, Node, Place, Raw, read_node, walk};
use std::collections::BTreeMap;

/// Layers that go together, and what stands on them.
#[derive(Debug, Default)]
struct Branch {
    layers: usize,
    bytes: u64,
    /// The images that end here.
    images: Vec<String>,
    above: BTreeMap<DiffId, Branch>,
}

/// The tree of all layers of `images`, one line for layers that no image tells apart.
///
/// # Errors
/// A manifest or config is not what its descriptor says.
pub fn tree(images: &[Listed], terminal: bool) -> Result<String, Error> {
    let mut root = Branch::default();
    for listed in images {
        add(&mut root, listed)?;
    }
    root.join();
    let mut text = String::new();
    if !root.images.is_empty() {
        text.push_str(&format!("{}\n", root.line(terminal)));
    }
    for branch in root.sorted() {
        text.push_str(&format!("{}\n", branch.line(terminal)));
        branch.print_above(&mut text, "", terminal);
    }
    Ok(text)
}

/// What is missing is left out: oci-images warns of it.
fn add(root: &mut Branch, listed: &Listed) -> Result<(), Error> {
    let mut manifests = Vec::new();
    walk(&listed.image.descriptor, &mut |place: Place<'_>| {
        let descriptor = place.descriptor;
        let known = descriptor.platform.as_ref().is_none_or(|platform| platform.is_known());
        if !descriptor.media_type.is_document() || place.parent.is_some() && !known {
            return Ok(Vec::new());
        }
        match read_node(listed.image.place.layout(), descriptor) {
            Ok(Node::Index(index)) => Ok(index.value().manifests.clone()),
            Ok(Node::Manifest(manifest)) => {
                manifests.push((descriptor.clone(), place.parent.is_some(), manifest));
                Ok(Vec::new())
            }
            Err(failure) if failure.class() == Class::NotFound => Ok(Vec::new()),
            Err(failure) => Err(failure),
        }
    })?;
    manifests.iter().try_for_each(|(descriptor, is_child, manifest)| {
        let platform = descriptor.platform.as_ref().map_or("?".to_owned(), ToString::to_string);
        let label = listed.familiar();
        let label = if *is_child { format!("{label} ({platform})") } else { label };
        add_manifest(root, listed, descriptor, manifest, label)
    })
}

fn add_manifest(
    root: &mut Branch,
    listed: &Listed,
    descriptor: &Descriptor,
    manifest: &Raw<Manifest>,
    label: String,
) -> Result<(), Error> {
    let config = listed.image.config_of(manifest)?;
    let mut branch = root;
    for (layer, diff_id) in manifest.layers.iter().zip(&config.rootfs.diff_ids) {
        branch = branch.above.entry(*diff_id).or_default();
        (branch.layers, branch.bytes) = (1, layer.size);
    }
    if manifest.layers.len() > config.rootfs.diff_ids.len() {
        let digest = descriptor.digest;
        let problem = "more layers than its config has DiffIDs";
        return Err(Failure::new(Class::Integrity, problem).at(digest).into());
    }
    branch.images.push(label);
    Ok(())
}

impl Branch {
    /// Joins a branch with the only one above it, where no image ends between them.
    fn join(&mut self) {
        for branch in self.above.values_mut() {
            branch.join();
        }
        if self.layers > 0
            && self.images.is_empty()
            && self.above.len() == 1
            && let Some((_, only)) = self.above.pop_first()
        {
            let (layers, bytes) = (self.layers + only.layers, self.bytes + only.bytes);
            *self = Branch { layers, bytes, ..only };
        }
    }

    fn line(&self, terminal: bool) -> String {
        let images = if self.images.is_empty() { "-".to_owned() } else { self.images.join(", ") };
        let images = if terminal { escaped(&images).into_owned() } else { images };
        format!("{images}  {}, {}", counted(self.layers, "layer"), human_size(self.bytes))
    }

    fn sorted(&self) -> Vec<&Branch> {
        let mut branches: Vec<&Branch> = self.above.values().collect();
        branches.sort_by(|a, b| a.images.cmp(&b.images));
        branches
    }

    fn print_above(&self, text: &mut String, indent: &str, terminal: bool) {
        let branches = self.sorted();
        for (position, branch) in branches.iter().enumerate() {
            let last = position + 1 == branches.len();
            let (turn, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            text.push_str(&format!("{indent}{turn}{}\n", branch.line(terminal)));
            branch.print_above(text, &format!("{indent}{below}"), terminal);
        }
    }
}
