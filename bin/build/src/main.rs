//! Build an image of a Dockerfile and a directory of files: see the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    oci_build::main(std::env::args_os())
}
