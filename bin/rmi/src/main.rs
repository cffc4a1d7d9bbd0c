//! See the library.
fn main() -> std::process::ExitCode {
    oci_rmi::main(std::env::args_os())
}
