//! Which images stand on which layers: `oci-images --tree`, as a drawing or as objects.

use crate::counted::counted;
use crate::error::Error;
use crate::io::Io;
use crate::listing::Listed;
use crate::size::human_size;
use image_format::{
    Class, Descriptor, DiffId, Failure, Manifest, Node, Place, Raw, escaped, read_node, walk,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// A branch's position in its [`Tree`].
type BranchId = usize;

const ROOT: BranchId = 0;
/// Deeper branches stand no further to the right, so that the text of a tree is no longer than its branches are many.
const MAX_INDENTS: usize = 60;

/// Layers that go together, and what stands on them.
#[derive(Debug, Default)]
struct Branch {
    layers: usize,
    bytes: u64,
    /// The images that end here.
    images: Vec<Ending>,
    above: BTreeMap<DiffId, BranchId>,
}

/// An image that ends with a branch.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Ending {
    /// What a drawing calls it.
    #[serde(skip)]
    label: String,
    name: Option<String>,
    digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
}

/// A branch: `docs/schemas/branch.json`.
#[derive(Serialize)]
struct BranchObject<'a> {
    branch: BranchId,
    on: Option<BranchId>,
    layers: usize,
    bytes: u64,
    images: &'a [Ending],
}

/// All branches in one list, each behind the one that it stands on: an image may have tens of thousands of layers,
/// and what nests as deep overflows the stack.
#[derive(Debug)]
struct Tree {
    branches: Vec<Branch>,
}

/// Prints the tree of all layers of `images`, one line for layers that no image tells apart.
///
/// # Errors
/// A manifest or config is not what its descriptor says, or standard output cannot be written.
pub fn print_tree(io: &mut Io, images: &[Listed]) -> Result<(), Error> {
    let mut tree = Tree { branches: vec![Branch::default()] };
    for listed in images {
        add(&mut tree, listed)?;
    }
    tree.join();
    if io.output().is_json() {
        return tree.objects().iter().try_for_each(|object| io.output().object(object));
    }
    let text = tree.to_text(io.output().is_terminal());
    io.output().bytes(text.as_bytes())
}

/// What is missing is left out: oci-images warns of it.
fn add(tree: &mut Tree, listed: &Listed) -> Result<(), Error> {
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
        let label = listed.familiar();
        let name = listed.image.name.as_ref().map(ToString::to_string);
        let digest = descriptor.digest.to_string();
        let ending = if *is_child {
            let platform = descriptor.platform.as_ref().map_or("?".to_owned(), ToString::to_string);
            Ending { label: format!("{label} ({platform})"), name, digest, platform: Some(platform) }
        } else {
            Ending { label, name, digest, platform: None }
        };
        add_manifest(tree, listed, descriptor, manifest, ending)
    })
}

fn add_manifest(
    tree: &mut Tree,
    listed: &Listed,
    descriptor: &Descriptor,
    manifest: &Raw<Manifest>,
    ending: Ending,
) -> Result<(), Error> {
    let config = listed.image.config_of(manifest)?;
    let layers = manifest.layers.iter().zip(&config.rootfs.diff_ids);
    let top = layers.fold(ROOT, |below, (layer, diff_id)| tree.grow(below, *diff_id, layer.size));
    if manifest.layers.len() > config.rootfs.diff_ids.len() {
        let digest = descriptor.digest;
        let problem = "more layers than its config has DiffIDs";
        return Err(Failure::new(Class::Integrity, problem).at(digest).into());
    }
    tree.branches[top].images.push(ending);
    Ok(())
}

impl Tree {
    /// The branch of one layer on another.
    fn grow(&mut self, below: BranchId, diff_id: DiffId, bytes: u64) -> BranchId {
        let next = self.branches.len();
        let branch = *self.branches[below].above.entry(diff_id).or_insert(next);
        if branch == next {
            self.branches.push(Branch { layers: 1, bytes, ..Branch::default() });
        }
        branch
    }

    /// Joins each branch with the only one above it, where no image ends between them; from the top down.
    fn join(&mut self) {
        for id in (ROOT + 1..self.branches.len()).rev() {
            let branch = &self.branches[id];
            let (Some(only), 1, true) =
                (branch.above.values().next().copied(), branch.above.len(), branch.images.is_empty())
            else {
                continue;
            };
            let only = std::mem::take(&mut self.branches[only]);
            let branch = &mut self.branches[id];
            let (layers, bytes) = (branch.layers + only.layers, branch.bytes.saturating_add(only.bytes));
            *branch = Branch { layers, bytes, ..only };
        }
    }

    fn to_text(&self, terminal: bool) -> String {
        let mut text = String::new();
        if !self.branches[ROOT].images.is_empty() {
            text.push_str(&format!("{}\n", self.branches[ROOT].line(terminal)));
        }
        let mut waiting: Vec<Line> = self.sorted(ROOT).into_iter().rev().map(Line::at_the_left).collect();
        while let Some(line) = waiting.pop() {
            let branch = &self.branches[line.branch];
            text.push_str(&format!("{}{}{}\n", line.indent, line.turn, branch.line(terminal)));
            waiting.extend(
                self.sorted(line.branch)
                    .into_iter()
                    .rev()
                    .enumerate()
                    .map(|(position, branch)| line.above(branch, position == 0)),
            );
        }
        text
    }

    /// In the order of the drawing; each branch has its place in it as its number, and what has no layers has 0.
    fn objects(&self) -> Vec<BranchObject<'_>> {
        let object = |branch, on, id: BranchId| {
            let Branch { layers, bytes, images, .. } = &self.branches[id];
            BranchObject { branch, on, layers: *layers, bytes: *bytes, images }
        };
        let mut objects = Vec::new();
        if !self.branches[ROOT].images.is_empty() {
            objects.push(object(0, None, ROOT));
        }
        let mut next = 1;
        let mut waiting: Vec<_> = self.sorted(ROOT).into_iter().rev().map(|id| (id, None)).collect();
        while let Some((id, on)) = waiting.pop() {
            objects.push(object(next, on, id));
            waiting.extend(self.sorted(id).into_iter().rev().map(|above| (above, Some(next))));
            next += 1;
        }
        objects
    }

    fn sorted(&self, below: BranchId) -> Vec<BranchId> {
        let mut branches: Vec<BranchId> = self.branches[below].above.values().copied().collect();
        branches.sort_by(|a, b| self.branches[*a].images.cmp(&self.branches[*b].images));
        branches
    }
}

impl Branch {
    fn line(&self, terminal: bool) -> String {
        let labels: Vec<&str> = self.images.iter().map(|image| image.label.as_str()).collect();
        let images = if labels.is_empty() { "-".to_owned() } else { labels.join(", ") };
        let images = if terminal { escaped(&images).into_owned() } else { images };
        format!("{images}  {}, {}", counted(self.layers, "layer"), human_size(self.bytes))
    }
}

/// A branch that is to be written, and what is written before it.
struct Line {
    branch: BranchId,
    indent: String,
    turn: &'static str,
    /// The same for the branches above it.
    indent_above: String,
    depth: usize,
}

impl Line {
    fn at_the_left(branch: BranchId) -> Line {
        Line { branch, indent: String::new(), turn: "", indent_above: String::new(), depth: 0 }
    }

    fn above(&self, branch: BranchId, last: bool) -> Line {
        let (turn, further) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let depth = self.depth + 1;
        let further = if depth < MAX_INDENTS { further } else { "" };
        let indent_above = format!("{}{further}", self.indent_above);
        Line { branch, indent: self.indent_above.clone(), turn, indent_above, depth }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image_format::Digest;

    fn grown(depth: u32, ends: impl Fn(u32) -> bool) -> Tree {
        let mut tree = Tree { branches: vec![Branch::default()] };
        let mut below = ROOT;
        for layer in 1..=depth {
            below = tree.grow(below, DiffId::new(Digest::sha256(&layer.to_le_bytes())), u64::MAX / 2);
            if ends(layer) {
                tree.branches[below]
                    .images
                    .push(Ending { label: format!("app:{layer}"), ..Ending::default() });
            }
        }
        tree
    }

    #[test]
    fn an_image_of_very_many_layers_is_one_line() {
        let mut tree = grown(100_000, |layer| layer == 100_000);
        tree.join();
        assert_eq!(tree.to_text(false), format!("app:100000  100000 layers, {}\n", human_size(u64::MAX)));
    }

    #[test]
    fn very_many_images_on_each_other_are_a_line_each() {
        let mut tree = grown(20_000, |_| true);
        tree.join();
        let text = tree.to_text(false);
        assert_eq!(text.lines().count(), 20_000);
        assert!(text.starts_with("app:1  1 layer, "), "{}", &text[..100]);
        assert!(text.contains("\n   └─ app:3  1 layer, "), "{}", &text[..200]);
        assert!(text.len() < 20_000 * 256, "{}", text.len());
    }
}
