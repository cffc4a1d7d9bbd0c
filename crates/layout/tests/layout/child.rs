//! This test program, started again as another process: the test of the given name then plays the child.

use std::path::Path;
use std::process::{Child, Command, Stdio};

const ROLE: &str = "OCIUTILS_TEST_CHILD";

/// The arguments that this process was given by [`command`]; `None` in the test itself.
pub(crate) fn arguments() -> Option<Vec<String>> {
    Some(std::env::var(ROLE).ok()?.split('\n').map(str::to_owned).collect())
}

/// A command that plays the test `name` (`writers::a_test`) in the directory `path`, with these arguments.
pub(crate) fn command(name: &str, path: &Path, arguments: &[&str]) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new(program);
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]).current_dir(path);
    command.env(ROLE, arguments.join("\n")).stdout(Stdio::null());
    command
}

/// Starts a child.
pub(crate) fn start(name: &str, path: &Path, arguments: &[&str]) -> Child {
    command(name, path, arguments).spawn().unwrap()
}

/// Waits for all of them, who must end well.
pub(crate) fn finish(children: impl IntoIterator<Item = Child>) {
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
}
