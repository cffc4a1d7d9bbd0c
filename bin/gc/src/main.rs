//! See the library.
fn main() -> std::process::ExitCode {
    oci_gc::main(std::env::args_os())
}
