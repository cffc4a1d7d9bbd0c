//! See the library.
fn main() -> std::process::ExitCode {
    oci_copy::main(std::env::args_os())
}
