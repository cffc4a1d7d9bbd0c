//! Where the tools are: built once per process in the profile of the test that runs, or in `OCIUTILS_BIN`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The path of the built binary `name`, such as `oci-pull`.
///
/// `OCIUTILS_BIN=DIR` names a directory of binaries, and nothing is built. Otherwise the first call in a process runs
/// `cargo build --workspace --bins` with the profile and target directory of the running test. A tool's own tests take
/// `env!("CARGO_BIN_EXE_oci-…")` instead, which costs no build.
///
/// # Panics
/// When the build fails or makes no such binary.
pub fn tool(name: &str) -> PathBuf {
    let path = directory_of_tools().join(name);
    assert!(path.is_file(), "{}: no such tool; is there a bin/ package for it?", path.display());
    path
}

/// The directory of [`tool`].
pub(crate) fn directory_of_tools() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(given_or_built)
}

fn given_or_built() -> PathBuf {
    match std::env::var_os("OCIUTILS_BIN") {
        Some(given) => {
            let given = PathBuf::from(given);
            given.canonicalize().unwrap_or_else(|e| panic!("OCIUTILS_BIN={}: {e}", given.display()))
        }
        None => Build::of_this_process().run(),
    }
}

/// The root of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("tests/support is two below the root")
}

/// One `cargo build`, told apart from others by what the path of a test binary shows:
/// `TARGET-DIR[/TRIPLE]/PROFILE/deps/NAME-HASH`.
struct Build {
    target_dir: PathBuf,
    triple: Option<String>,
    profile: String,
}

impl Build {
    fn of_this_process() -> Build {
        let exe = std::env::current_exe().expect("a process has an executable");
        let deps = exe.parent().expect("an executable lies in a directory");
        let dir = deps.parent().expect("deps lies in a profile's directory");
        let name = |p: &Path| p.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let above = dir.parent().expect("a profile's directory lies in a target directory");
        // cargo marks the top of a target directory, and only that, with CACHEDIR.TAG
        let triple = (!above.join("CACHEDIR.TAG").exists()).then(|| name(above));
        let target_dir = if triple.is_some() { above.parent().unwrap_or(above) } else { above };
        Build { target_dir: target_dir.to_owned(), triple, profile: name(dir) }
    }

    fn run(self) -> PathBuf {
        let profile = if self.profile == "debug" { "dev" } else { &self.profile };
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--quiet", "--workspace", "--bins", "--profile", profile, "--target-dir"]);
        cargo.arg(&self.target_dir).current_dir(workspace()).stdin(Stdio::null());
        if let Some(triple) = &self.triple {
            cargo.args(["--target", triple]);
        }
        let output = cargo.output().unwrap_or_else(|e| panic!("cannot run cargo: {e}"));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo build of the tools failed:\n{stderr}");
        let mut made = self.target_dir;
        made.extend(self.triple);
        made.join(self.profile)
    }
}

/// The names of all tools, in order: `oci`, `oci-config`, …
pub fn tools() -> Vec<String> {
    let entries = std::fs::read_dir(workspace().join("bin")).expect("bin/ is there");
    let dirs = entries.map(|entry| entry.expect("readable")).filter(|entry| entry.path().is_dir());
    let name = |verb: &str| if verb == "oci" { verb.to_owned() } else { format!("oci-{verb}") };
    let mut names: Vec<String> = dirs.map(|entry| name(&entry.file_name().to_string_lossy())).collect();
    names.sort();
    names
}
