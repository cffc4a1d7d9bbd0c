//! Serve an OCI layout as a registry: see the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    oci_serve::main(std::env::args_os())
}
