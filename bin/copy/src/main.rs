//! Copy an image between any two places: see the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    oci_copy::main(std::env::args_os())
}
