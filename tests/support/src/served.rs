//! Our own `oci-serve`, over a layout in a test's directory.

use crate::{Dir, Running, tool};

/// A running `oci-serve`; it ends with the value.
pub struct Served {
    process: Running,
    host: String,
}

impl Served {
    /// Serves the layout `layout` of `dir` on a free port.
    pub fn new(dir: &Dir, layout: &str) -> Served {
        let process = dir.command(tool("oci-serve")).args(["-L", layout, "--port", "0"]).spawn();
        let host = process.wait_for_stdout("\n").trim_end().to_owned();
        Served { process, host }
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `127.0.0.1:PORT/NAME`.
    pub fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.host)
    }

    /// The process.
    pub fn process(&self) -> &Running {
        &self.process
    }
}
