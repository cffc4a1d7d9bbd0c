//! Write images of an OCI layout into one archive: see the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    oci_export::main(std::env::args_os())
}
