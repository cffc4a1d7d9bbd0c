//! Sentences of several tools, joined by pipes: one file per theme, each a module here.
#![forbid(unsafe_code)]
