//! See the library.
fn main() -> std::process::ExitCode {
    oci_fsck::main(std::env::args_os())
}
