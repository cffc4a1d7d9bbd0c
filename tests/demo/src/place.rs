//! Where the tour happens: a fresh directory with a fresh home, gone at the end.

use std::path::PathBuf;
use std::process::{Command, Stdio};

pub(crate) struct Place {
    dir: PathBuf,
}

impl Place {
    /// A directory under `TMPDIR` that holds `rootfs/`, a very small root filesystem.
    pub(crate) fn new() -> std::io::Result<Place> {
        let dir = std::env::temp_dir().join(format!("ociutils-demo-{}", std::process::id()));
        // not create_dir_all: what lies there already is somebody else's
        std::fs::create_dir(&dir)?;
        let place = Place { dir };
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
        sh
    }

    fn write(&self, path: &str, text: &str) -> std::io::Result<()> {
        let path = self.dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(&self.dir))?;
        std::fs::write(path, text)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.dir));
    }
}
