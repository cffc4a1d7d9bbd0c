//! Check an OCI layout: see the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    oci_fsck::main(std::env::args_os())
}
