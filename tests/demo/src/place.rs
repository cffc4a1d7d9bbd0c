//! Where the tour happens: a fresh directory with a fresh home, gone at the end.

use std::io::{BufRead, BufReader, Error};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

pub(crate) struct Place {
    dir: PathBuf,
    server: Option<Server>,
}

/// A server of the tour, which lives as long as its place.
struct Server {
    process: Child,
    address: String,
}

impl Place {
    /// A directory under `TMPDIR` that holds `rootfs/`, a very small root filesystem.
    pub(crate) fn new() -> std::io::Result<Place> {
        let dir = std::env::temp_dir().join(format!("ociutils-demo-{}", std::process::id()));
        // not create_dir_all: what lies there already is somebody else's
        std::fs::create_dir(&dir)?;
        let place = Place { dir, server: None };
        place.write("rootfs/etc/motd", "Hello from a very small image.\n")?;
        place.write("rootfs/etc/os-release", "ID=tiny\nPRETTY_NAME=\"Tiny 1\"\n")?;
        let poem: String =
            (1..=20_000).map(|n| format!("{n} green bottles, hanging on the wall.\n")).collect();
        place.write("rootfs/srv/bottles", &poem)?;
        std::fs::create_dir(place.dir.join("home"))?;
        Ok(place)
    }

    /// One line for `sh`, with our tools on its PATH.
    pub(crate) fn sh(&self, line: &str) -> Command {
        let tools =
            std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned())).unwrap_or_default();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut sh = Command::new("/bin/sh");
        sh.args(["-c", line]).current_dir(&self.dir).stdin(Stdio::null());
        sh.env("PATH", format!("{}:{path}", tools.display())).env("HOME", self.dir.join("home"));
        for name in ["OCI_LAYOUT", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"] {
            sh.env_remove(name);
        }
        if let Some(server) = &self.server {
            sh.env("SERVER", &server.address);
        }
        sh
    }

    /// Starts a server, and returns the address that it prints: `$SERVER` for every line that follows.
    pub(crate) fn start(&mut self, line: &str) -> std::io::Result<String> {
        // the shell becomes the server, so that we end the right process
        let mut process = self.sh(&format!("exec {line}")).stdout(Stdio::piped()).spawn()?;
        let output = process.stdout.take().ok_or_else(|| Error::other("no output"))?;
        let server = self.server.insert(Server { process, address: String::new() });
        BufReader::new(output).read_line(&mut server.address)?;
        server.address.truncate(server.address.trim_end().len());
        if server.address.is_empty() {
            return Err(Error::other(format!("`{line}` does not start")));
        }
        Ok(server.address.clone())
    }

    fn write(&self, path: &str, text: &str) -> std::io::Result<()> {
        let path = self.dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(&self.dir))?;
        std::fs::write(path, text)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.server.take());
        drop(std::fs::remove_dir_all(&self.dir));
    }
}

impl Drop for Server {
    /// Ends the process by its id: gently, and for good.
    fn drop(&mut self) {
        let gently = format!("kill {}", self.process.id());
        if !Command::new("/bin/sh").args(["-c", &gently]).status().is_ok_and(|status| status.success()) {
            drop(self.process.kill());
        }
        drop(self.process.wait());
    }
}
