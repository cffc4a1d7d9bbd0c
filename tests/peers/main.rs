//! Our tools against the other tools of the field: one file per peer or theme, each a module here.
#![forbid(unsafe_code)]
