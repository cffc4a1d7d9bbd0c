//! List the images of an OCI layout: see the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    oci_images::main(std::env::args_os())
}
