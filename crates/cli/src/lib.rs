//! What every tool does the same way (docs/contract.md): the ambient layout, image operands and lines of standard input,
//! pinned references and JSON objects on standard output, errors and exit statuses, progress, man pages.
//!
//! A tool is a definition of its arguments and one function; [`run`] does the rest.
//!
//! ```no_run
//! use ociutils_cli as cli;
//! use std::ffi::OsString;
//!
//! /// Print images as they are pinned
//! #[derive(clap::Parser)]
//! #[command(name = "oci-pin")]
//! struct Args {
//!     /// The images
//!     #[arg(value_name = "IMAGE")]
//!     images: Vec<OsString>,
//!     #[command(flatten)]
//!     if_any: cli::IfAnyOption,
//!     #[command(flatten)]
//!     layout: cli::LayoutOption,
//!     #[command(flatten)]
//!     records: cli::RecordOptions,
//!     #[command(flatten)]
//!     talk: cli::TalkOptions,
//! }
//!
//! fn pin(args: Args, io: &mut cli::Io) -> Result<(), cli::Error> {
//!     let mut layouts = args.layout.layouts();
//!     let images = cli::Operands::new(io, &args.images, cli::Grant::WhenPiped, args.if_any)?;
//!     images.try_each(io, |operand, io| {
//!         let image = layouts.resolve(io, operand)?;
//!         io.output().image(&image)
//!     })
//! }
//!
//! cli::tool!(Args, pin);
//! # fn _main() { main(std::env::args_os()); }
//! ```
//!
//! # Limitations
//! Linux only: standard input is told apart by `fstat`, and a terminal's lock needs `/proc`.

mod age;
mod alone;
mod ambient;
mod base;
mod blamed;
mod clock;
mod counted;
mod destination;
mod duration;
mod elsewhere;
pub mod env;
mod error;
mod escape;
mod exit;
mod files;
mod finding;
mod glob;
mod history;
mod image;
mod inspect;
mod interrupt;
mod io;
mod json;
mod key_value;
mod lines;
pub mod listing;
mod logger;
mod manual;
mod messages;
mod new_file;
mod operand;
mod operands;
mod output;
mod plan;
mod progress;
mod readable;
mod registry;
mod removed;
mod resolve;
mod run;
mod selection;
mod size;
mod stdin;
mod store;
mod sys;
mod table;
mod target;
mod tree;
mod usage;
mod weight;

pub use clap::{Command, CommandFactory};

pub use age::human_age;
pub use ambient::{LayoutOption, Place};
pub use blamed::{Blamed, LayerOrigin, blame_table};
pub use clock::{Clock, seconds_since_1970};
pub use counted::counted;
pub use destination::{Destination, Untagged, assign, single_name};
pub use duration::duration;
pub use elsewhere::elsewhere;
pub use error::{Error, named};
pub use finding::print_findings;
pub use glob::Glob;
pub use history::{Entry, HistoryForm, ImageHistory};
pub use image::Image;
pub use image_format::escaped;
pub use inspect::Inspection;
pub use interrupt::Interrupt;
pub use io::Io;
pub use json::Shape;
pub use key_value::key_value;
pub use layout::Snapshot;
pub use messages::{Messages, TalkOptions};
pub use new_file::NewFile;
pub use operand::{Local, Operand};
pub use operands::{Grant, IfAnyOption, Operands, tell_all, try_all};
pub use output::{ImageObject, Output, RecordOptions};
pub use plan::{DryRun, print_blobs, tell_moved};
pub use progress::{Progress, ProgressForm, ProgressOption};
pub use readable::{Readable, Readables};
pub use registry::RegistryOption;
pub use removed::print_removed;
pub use resolve::Layouts;
pub use run::run;
pub use selection::{JobsOption, SelectionOptions};
pub use size::human_size;
pub use stdin::Stdin;
pub use store::{
    bring, bring_base, keep_images, name_image, name_images, put_image, tag_images, tell_displaced,
};
pub use table::{Align, Table, truncated};
pub use target::{CopyTarget, refuse_transports};
pub use tree::print_tree;
pub use weight::Weights;
