//! Pull images from registries into an OCI layout: see the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    oci_pull::main(std::env::args_os())
}
