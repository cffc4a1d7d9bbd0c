//! Free what no image of an OCI layout needs: see the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    oci_gc::main(std::env::args_os())
}
