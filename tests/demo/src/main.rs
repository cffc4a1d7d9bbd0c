//! `cargo demo`: a tour of the tools on a small image. It prints each line as a person would type it, then what it says.
//!
//! The first line that fails ends the tour, and so do we, with status 1. Add to the tour in `tour.rs`. This program has no
//! dependencies: whoever tries the tools waits for one build, theirs.
#![forbid(unsafe_code)]

mod place;
mod tour;

use std::io::{Error, Write};
use std::process::{Command, ExitCode};

use place::Place;

fn main() -> ExitCode {
    match build_tools().and_then(|()| show(&mut Place::new()?)) {
        Ok(()) => ExitCode::SUCCESS,
        // a reader that has seen enough (`cargo demo | head`) is no failure of the tour
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(std::io::stderr(), "demo: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Where cargo put this program, it puts the tools: in the same profile.
fn build_tools() -> std::io::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--workspace", "--bins"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    let status = build.status()?;
    if status.success() { Ok(()) } else { Err(Error::other("the tools do not build")) }
}

/// Shows every step, up to the first line that fails.
fn show(place: &mut Place) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    for step in tour::STEPS {
        writeln!(out, "\n# {}", step.says)?;
        for line in step.runs {
            writeln!(out, "$ {line}")?;
            if let Some(server) = line.strip_suffix(" &") {
                writeln!(out, "{}", place.start(server)?)?;
                continue;
            }
            let status = place.sh(line).status()?;
            if !status.success() {
                return Err(Error::other(format!("the tour stops here: `{line}` ended with {status}")));
            }
        }
    }
    Ok(())
}
