//! What layers do to a tree of files. Names are bytes; a name that means something in a tree is a [`TreePath`].
//!
//! - An [`image_format::Layer`] says which blob, and what it must unpack to; [`stream`] reads it, verified on both sides.
//! - [`apply()`]: layers onto a directory, bottom first. Every name is resolved beneath that directory by the kernel
//!   ([`root`]), never by looking at strings; what goes away is removed by descriptor ([`removal`]).
//! - [`flatten()`]: the same layers as one tar of that tree, through a tree in memory ([`model`]).
//! - [`View`]: that tree in memory to be read, each file from where its content lies ([`content`]).
//! - The way back: a [`Snapshot`] of a tree, the [`Changes`] that make one into another ([`diff()`]), and the layer that
//!   says so ([`write_layer`]); [`pack()`] is a tree as one layer.
//! - [`Blame`]: which layers brought, changed and removed a file.
//! - [`Contents`]: that tree in memory with the digests of its files; [`Comparison`]: two of them, name by name.
//!
//! What one layer means is the same everywhere: the image-spec's layer.md, and where it is silent, what containerd does.
//! A directory entry in place of a symlink replaces it. A whiteout hides what lower layers have, never what its own
//! layer added, before or after it. Hard links name what their target is at that moment; they change nothing of it.

mod apply;
mod attributes;
mod blame;
mod comparison;
mod content;
mod contents;
mod diff;
mod difference;
mod differing;
mod filling;
#[cfg(test)]
pub(crate) mod fixture;
mod flatten;
mod folded;
mod held;
mod index;
mod index_writer;
mod indexes;
mod layer_changes;
mod layer_check;
mod layer_difference;
mod lookup;
mod model;
mod note;
mod on_disk;
mod open_directories;
mod owner_record;
mod pack;
mod pair;
mod path;
mod place;
mod recording;
mod removal;
mod root;
mod snapshot;
mod stream;
mod target;
mod touched;
mod view;
mod view_reader;
mod weight;
mod written_index;

pub use apply::{Privilege, apply, unpack};
pub use attributes::is_of_the_machine;
pub use blame::{Blame, Deed};
pub use comparison::Comparison;
pub use contents::Contents;
pub use diff::{Change, Changes, Unpacking, diff, doubtful};
pub use difference::{Aspect, FileDifference, FileKind, FileState};
pub use flatten::flatten;
pub use folded::{Folded, folded};
pub use indexes::Indexes;
pub use layer_changes::{Amount, LayerChanges};
pub use layer_check::LayerCheck;
pub use layer_difference::{LayerDifference, LayerState};
pub use lookup::read_file;
pub(crate) use note::Note;
pub use on_disk::{file_kind, file_xattrs, names_in};
pub use pack::{overlay_changes, pack, write_layer};
pub use path::TreePath;
pub use removal::clear_directory;
pub use root::Root;
pub use snapshot::{Item, Snapshot, Untouched};
pub use view::{Holes, View, ViewNode};
pub use view_reader::ViewReader;
pub(crate) use written_index::WrittenIndex;
