//! Show the manifest and the config of an image in an OCI layout: see the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    oci_inspect::main(std::env::args_os())
}
