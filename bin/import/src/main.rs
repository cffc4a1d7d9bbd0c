//! Make an image of the tar of a root filesystem in an OCI layout: see the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    oci_import::main(std::env::args_os())
}
