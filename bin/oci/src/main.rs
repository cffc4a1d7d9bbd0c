//! Every tool in one program: see the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    oci::main(std::env::args_os())
}
