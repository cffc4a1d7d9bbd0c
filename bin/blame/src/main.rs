//! Show how an image in an OCI layout came to be: see the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    oci_blame::main(std::env::args_os())
}
