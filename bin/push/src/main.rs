//! Push images of an OCI layout to registries: see the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    oci_push::main(std::env::args_os())
}
