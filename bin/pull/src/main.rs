//! See the library.
fn main() -> std::process::ExitCode {
    oci_pull::main(std::env::args_os())
}
