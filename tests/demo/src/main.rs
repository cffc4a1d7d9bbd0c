//! `cargo demo`: a tour of the tools on a small image. It prints each line as a person would type it, then what it says.
//!
//! The first line that fails ends the tour, and its status is ours. Add to the tour in `tour.rs`.
#![forbid(unsafe_code)]

mod rootfs;
mod tour;

use std::io::Write;
use std::process::ExitCode;

use test_support::Dir;

fn main() -> ExitCode {
    let dir = Dir::new();
    dir.write("rootfs.tar", rootfs::tar());
    match run(&dir) {
        Ok(true) => ExitCode::SUCCESS,
        // a reader that has seen enough (`cargo demo | head`) is no failure of the tour
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Shows every step; false after one that failed.
fn run(dir: &Dir) -> std::io::Result<bool> {
    let mut out = std::io::stdout().lock();
    for step in tour::STEPS {
        writeln!(out, "\n# {}", step.says)?;
        for line in step.runs {
            writeln!(out, "$ {line}")?;
            out.flush()?;
            // one stream, so that what a person would see stays in its order
            let outcome = dir.sh(&format!("{{ {line}\n}} 2>&1")).run();
            out.write_all(outcome.stdout_bytes())?;
            if outcome.code() != Some(0) {
                writeln!(out, "\nthe demo stops here: {outcome}")?;
                return Ok(false);
            }
        }
    }
    Ok(true)
}
