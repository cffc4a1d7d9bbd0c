//! Unpack an image of an OCI layout: see the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    oci_unpack::main(std::env::args_os())
}
