//! A disk that is full: one clear line, status 1, the layout as it was, nothing left behind; and with room made, the
//! same again works.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use test_support::{Command, Dir, Outcome, Served, SmallDisk, TarBuilder, check_layout, noise, skip, tool};

/// The disk; far less than the image that is to come.
const DISK: u64 = 4 << 20;
const IMAGE: usize = 3 << 20;
/// What is left of it: the first blocks of a blob still fit.
const LEFT: u64 = 256 << 10;

/// A layout on a small disk that holds `seed:1`, and next to it, elsewhere, what is to come in.
struct Scene {
    disk: SmallDisk,
    dir: Dir,
    before: BTreeMap<PathBuf, Vec<u8>>,
}

impl Scene {
    fn new() -> Option<Scene> {
        let Some(disk) = SmallDisk::new(DISK) else {
            skip("root or user namespaces, to mount a small disk");
            return None;
        };
        let dir = Dir::new();
        dir.write("seed.tar", TarBuilder::new().file("seed", "1").bytes());
        dir.write("big.tar", TarBuilder::new().file("big", noise(1, IMAGE)).bytes());
        let (layout, import) = (disk.join("work"), tool("oci-import"));
        let seed = dir.command(&import).arg("-L").arg(&layout).args(["--name", "seed:1", "seed.tar"]);
        seed.succeeds();
        dir.command(&import).args(["-L", "origin", "--name", "big:1", "big.tar"]).succeeds();
        let before = files(&layout);
        Some(Scene { disk, dir, before })
    }

    fn layout(&self) -> PathBuf {
        self.disk.join("work")
    }

    /// `oci-TOOL -L LAYOUT` over the layout on the small disk.
    fn ours(&self, name: &str) -> Command {
        self.dir.command(tool(name)).arg("-L").arg(self.layout())
    }

    /// The layout has what it had, perhaps some whole blobs more, and nothing that is unfinished.
    fn is_as_before(&self) {
        let report = check_layout(self.layout());
        assert_eq!(report.names(), ["docker.io/library/seed:1"]);
        assert_eq!(report.unfinished, Vec::<String>::new());
        let now = files(&self.layout());
        for (path, content) in &self.before {
            assert!(now.get(path) == Some(content), "{} was changed", path.display());
        }
    }

    /// With the disk full it fails as it should, and with room made it works.
    fn fails_and_then_works(&self, left: u64, command: impl Fn() -> Command) {
        self.disk.leave(left);
        says_it_once(&command().fails_with(1), &self.layout());
        self.is_as_before();
        self.disk.make_room().expect("the ballast is there");
        command().succeeds();
    }
}

/// One line, which names the layout or a file in it.
#[track_caller]
fn says_it_once(outcome: &Outcome, layout: &Path) {
    let errors: Vec<&str> = outcome.stderr().lines().filter(|line| line.starts_with("oci-")).collect();
    assert_eq!(errors.len(), 1, "{outcome}");
    assert!(errors[0].contains(&*layout.to_string_lossy()), "{outcome}");
    assert!(errors[0].ends_with(": no space left on device"), "{outcome}");
    assert_eq!(outcome.stdout(), "", "{outcome}");
}

/// All files of a layout but its lock.
fn files(layout: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![layout.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_dir() {
                directories.push(path);
            } else if !path.ends_with("index.json.lock") {
                let content = std::fs::read(&path).expect("a file");
                found.insert(path, content);
            }
        }
    }
    found
}

#[test]
fn an_import_that_does_not_fit() {
    let Some(scene) = Scene::new() else { return };
    scene.fails_and_then_works(LEFT, || scene.ours("oci-import").args(["--name", "big:1", "big.tar"]));
}

#[test]
fn a_pull_that_does_not_fit() {
    let Some(scene) = Scene::new() else { return };
    let server = Served::new(&scene.dir, "origin");
    scene.fails_and_then_works(LEFT, || scene.ours("oci-pull").arg(server.name("big:1")));
    assert_eq!(check_layout(scene.layout()).names().len(), 2);
}

#[test]
fn a_copy_that_does_not_fit() {
    let Some(scene) = Scene::new() else { return };
    let to = format!("oci:{}:big:1", scene.layout().display());
    scene.fails_and_then_works(LEFT, || scene.dir.command(tool("oci-copy")).args(["oci:origin:big:1", &to]));
}

#[test]
fn a_name_that_does_not_fit() {
    let Some(scene) = Scene::new() else { return };
    scene.fails_and_then_works(0, || scene.ours("oci-tag").args(["seed:1", "other:1"]));
    assert_eq!(check_layout(scene.layout()).names().len(), 2);
}

#[test]
fn a_push_to_a_server_whose_disk_is_full() {
    let Some(scene) = Scene::new() else { return };
    let serve = scene.ours("oci-serve").args(["--port", "0"]).spawn();
    let host = serve.wait_for_stdout("\n").trim_end().to_owned();
    let push = || {
        scene.dir.command(tool("oci-push")).args(["-L", "origin", "big:1", "--to", &format!("{host}/big:1")])
    };
    scene.disk.leave(LEFT);
    let outcome = push().fails_with(5);
    assert!(outcome.stderr().contains("no space is left in the registry"), "{outcome}");
    let said = serve.wait_for_stderr("no space left on device\n");
    assert!(said.contains(&*scene.layout().to_string_lossy()), "{said}");
    scene.disk.make_room().expect("the ballast is there");
    push().succeeds();
    serve.signal(15);
    serve.wait().assert_code(0);
    let report = check_layout(scene.layout());
    assert_eq!(report.names(), ["docker.io/library/big:1", "docker.io/library/seed:1"]);
    assert_eq!(report.unfinished, Vec::<String>::new());
}
