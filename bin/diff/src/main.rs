//! What differs between two images: see the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    oci_diff::main(std::env::args_os())
}
