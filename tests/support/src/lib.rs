//! What the tests of every tool share: run a tool and look at all it said, build a small image in code, check a layout
//! byte by byte, reach the other tools of the field.
//!
//! Nothing here uses the crates under test: a fixture or a check that shared their code would share their mistakes.
//!
//! ```no_run
//! use test_support::{Dir, Image, TarBuilder, check_layout, tool};
//!
//! let dir = Dir::new();
//! let image = Image::new().layer(TarBuilder::new().file("etc/motd", "hi\n")).cmd(["/bin/sh"]);
//! image.write_layout(dir.join("work"), Some("docker.io/library/app:latest"));
//! dir.command(tool("oci-tag")).args(["-L", "work", "app", "app:2"]).succeeds().stderr_only("");
//! check_layout(dir.join("work"));
//! ```
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a harness fails a test by panicking")]

mod command;
mod digest;
mod dir;
mod fake_registry;
mod image;
mod layout_check;
mod layout_walk;
mod outcome;
mod peer_registry;
mod peers;
mod running;
mod served;
mod skip;
mod small_disk;
mod tar;
mod terminal;
mod tool;
mod tree;

pub use command::Command;
pub use digest::{digest_of, sha256_hex, sha512_hex};
pub use dir::Dir;
pub use fake_registry::{Answer, Asked, FakeRegistry};
pub use image::{BuiltImage, Image};
pub use layout_check::{LayoutCheck, Report, Row, check_layout};
pub use outcome::Outcome;
pub use peer_registry::PeerRegistry;
pub use peers::{Peers, Scratch};
pub use running::Running;
pub use served::Served;
pub use skip::{peers_required, skip};
pub use small_disk::SmallDisk;
pub use tar::{TarBuilder, gzip, noise, zstd_frame};
pub use terminal::Terminal;
pub use tool::{tool, tools, workspace};
pub use tree::tree_lines;
