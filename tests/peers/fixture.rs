//! What the modules share.

use test_support::{Command, Peers, Scratch, tool};

/// `oci-TOOL -L LAYOUT`, with the layout in `scratch`.
pub(crate) fn ours(scratch: &Scratch, name: &str, layout: &str) -> Command {
    Command::new(tool(name)).arg("-L").arg(scratch.join(layout))
}

/// What a peer says on its one line.
#[track_caller]
pub(crate) fn says<A: AsRef<std::ffi::OsStr>>(peers: &Peers, words: impl IntoIterator<Item = A>) -> String {
    peers.exec(words).succeeds().stdout().trim_end().to_owned()
}

/// podman or buildah with a store of its own in `scratch`.
pub(crate) fn store(
    peers: &Peers,
    scratch: &Scratch,
    program: &'static str,
    n: usize,
) -> impl Fn(&[&str]) -> Command + use<> {
    let (peers, root) = (*peers, scratch.inside(&format!("root-{n}")));
    let run = scratch.inside(&format!("run-{n}"));
    move |words| {
        let store = [program, "--root", &root, "--runroot", &run, "--storage-driver", "vfs"];
        peers.exec(store).args(words)
    }
}
