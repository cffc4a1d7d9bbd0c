//! Make an image of what changed in an unpacked tree: see the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    oci_commit::main(std::env::args_os())
}
