//! Which images stand on which layers, as a tree.

use crate::error::Error;
use crate::escape::escaped;
use crate::listing::Listed;
use crate::size::human_size;
use image_format::{Class, Descriptor, DiffId, Failure, Node, read_node};
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
        add(&mut root, listed, &listed.image.descriptor, listed.familiar())?;
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
fn add(root: &mut Branch, listed: &Listed, descriptor: &Descriptor, label: String) -> Result<(), Error> {
    let place = &listed.image.place;
    let manifest = match read_node(place.layout(), descriptor) {
        Ok(Node::Manifest(manifest)) => manifest,
        Ok(Node::Index(index)) => {
            for child in
                index.manifests.iter().filter(|child| child.platform.as_ref().is_none_or(|p| p.is_known()))
            {
                let platform = child.platform.as_ref().map_or("?".to_owned(), ToString::to_string);
                add(root, listed, child, format!("{label} ({platform})"))?;
            }
            return Ok(());
        }
        Err(failure) if failure.class() == Class::NotFound => return Ok(()),
        Err(failure) => return Err(failure.into()),
    };
    let config = listed.image.config_of(&manifest)?;
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
        let plural = if self.layers == 1 { "layer" } else { "layers" };
        let images = if self.images.is_empty() { "-".to_owned() } else { self.images.join(", ") };
        let images = if terminal { escaped(&images).into_owned() } else { images };
        format!("{images}  {} {plural}, {}", self.layers, human_size(self.bytes))
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
