//! Sentences of several tools, joined by pipes: one file per theme, each a module here.
#![forbid(unsafe_code)]

mod fixture;
mod full_disk;
mod help;
mod many_writers;
mod new_layout;
mod operands;
mod package;
mod platforms;
mod references;
mod schemas;
mod sentences;
mod signals;
mod standard_input;
mod statuses;
