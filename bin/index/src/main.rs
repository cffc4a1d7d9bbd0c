//! Put images of several platforms under one name in an OCI layout: see the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    oci_index::main(std::env::args_os())
}
