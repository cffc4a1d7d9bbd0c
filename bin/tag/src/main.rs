//! Give images of an OCI layout more names: see the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    oci_tag::main(std::env::args_os())
}
