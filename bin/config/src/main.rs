//! Make an image with another config in an OCI layout: see the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    oci_config::main(std::env::args_os())
}
