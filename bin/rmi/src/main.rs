//! Remove images from an OCI layout: see the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    oci_rmi::main(std::env::args_os())
}
