//! Layouts from elsewhere that mean harm: nothing outside them is read, written or deleted, and nothing waits.

use crate::fixture::{age, collect, create, descriptor, image, name, pull, remove, send, tag};
use image_format::{Class, Digest, MediaType, Origin, Sink, Source};
use ociutils_layout::{CheckLayer, Decompressed, Layout, Note, Options, Problem, Removal};
use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;
use test_support::{Dir, check_layout};

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

struct NoLayers;

impl CheckLayer for NoLayers {
    fn look(
        &self,
        mut layer: Box<dyn std::io::Read + Send>,
        _: image_format::Algorithm,
    ) -> std::io::Result<Decompressed> {
        let mut bytes = Vec::new();
        layer.read_to_end(&mut bytes)?;
        Ok(Decompressed {
            form: "plain".to_owned(),
            diff_id: image_format::DiffId::new(Digest::sha256(&bytes)),
            refused: None,
        })
    }
}

fn fifo(path: &Path) {
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o644.into(), 0).unwrap();
}

fn replace(path: &Path, plant: impl Fn(&Path)) {
    if path.is_dir() {
        fs::remove_dir_all(path).unwrap();
    } else {
        let _ = fs::remove_file(path);
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    plant(path);
}

/// All that lies below a directory, with its content, its age and its kind.
fn contents(root: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let stat = path.symlink_metadata().unwrap();
        let content = if stat.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        all.insert(
            path.display().to_string(),
            format!("{content:?} {:?} {:?}", stat.modified(), stat.file_type()),
        );
        if stat.is_dir() {
            all.extend(contents(&path));
        }
    }
    all
}

/// A layout with the image `a:1`, and a directory outside that looks like parts of one.
fn scene() -> Dir {
    let dir = Dir::new();
    pull(&create(&dir.join("layout")), &image("a"), "a:1").unwrap();
    pull(&create(&dir.join("outside/real")), &image("outside"), "a:1").unwrap();
    dir.write("outside/victim", "do not touch");
    for sub in ["ingest", "leases"] {
        dir.write(format!("outside/{sub}/new-00"), "do not touch");
    }
    age(&dir.join("layout"));
    age(&dir.join("outside/real"));
    dir
}

type Plant = fn(&Path, &Path);

const PLANTS: &[(&str, Plant)] = &[
    ("blobs", |at, out| replace(&at.join("blobs"), |path| symlink(out.join("real/blobs"), path).unwrap())),
    ("blobs/sha256", |at, out| {
        replace(&at.join("blobs/sha256"), |path| symlink(out.join("real/blobs/sha256"), path).unwrap());
    }),
    (".ociutils", |at, out| replace(&at.join(".ociutils"), |path| symlink(out, path).unwrap())),
    ("ingest", |at, out| {
        replace(&at.join(".ociutils/ingest"), |path| symlink(out.join("ingest"), path).unwrap());
    }),
    ("leases", |at, out| {
        replace(&at.join(".ociutils/leases"), |path| symlink(out.join("leases"), path).unwrap());
    }),
    ("a lease is a link", |at, out| {
        replace(&at.join(".ociutils/leases/1"), |path| symlink(out.join("victim"), path).unwrap());
    }),
    ("a lease is a fifo", |at, _| replace(&at.join(".ociutils/leases/1"), fifo)),
    ("a partial is a link", |at, out| partials(at, |path| symlink(out.join("victim"), path).unwrap())),
    ("a partial is a hard link", |at, out| {
        partials(at, |path| fs::hard_link(out.join("victim"), path).unwrap());
    }),
    ("a partial is a fifo", |at, _| partials(at, fifo)),
    ("the lock is a link", |at, out| {
        replace(&at.join("index.json.lock"), |path| symlink(out.join("victim"), path).unwrap());
    }),
    ("the lock leads to nothing", |at, out| {
        replace(&at.join("index.json.lock"), |path| symlink(out.join("new"), path).unwrap());
    }),
    ("the lock is a fifo", |at, _| replace(&at.join("index.json.lock"), fifo)),
    ("index.json is a link", |at, out| {
        replace(&at.join("index.json"), |path| symlink(out.join("real/index.json"), path).unwrap());
    }),
    ("index.json is a fifo", |at, _| replace(&at.join("index.json"), fifo)),
    ("index.json is a directory", |at, _| {
        replace(&at.join("index.json"), |path| fs::create_dir(path).unwrap());
    }),
    ("oci-layout is a fifo", |at, _| replace(&at.join("oci-layout"), fifo)),
    ("oci-layout is a link", |at, out| {
        replace(&at.join("oci-layout"), |path| symlink(out.join("real/oci-layout"), path).unwrap());
    }),
    ("all blobs are links", |at, out| blobs(at, |path| symlink(out.join("victim"), path).unwrap())),
    ("all blobs are fifos", |at, _| blobs(at, fifo)),
    ("all blobs are directories", |at, _| blobs(at, |path| fs::create_dir(path).unwrap())),
    ("index.json nests deeply", |at, _| {
        let deep = format!("{{\"manifests\":[{}{}]}}", "[".repeat(100_000), "]".repeat(100_000));
        fs::write(at.join("index.json"), deep).unwrap();
    }),
    ("a row of 10 MB", |at, _| {
        let row = format!("{{\"schemaVersion\":2,\"manifests\":[{{\"x\":\"{}\"}}]}}", "x".repeat(10 << 20));
        fs::write(at.join("index.json"), row).unwrap();
    }),
];

/// Puts something in the place of every partial blob of the image that the test pulls.
fn partials(at: &Path, plant: impl Fn(&Path)) {
    for digest in image("b").blobs.keys() {
        replace(&at.join(".ociutils/ingest").join(digest.replace(':', "-")), &plant);
    }
}

fn blobs(at: &Path, plant: impl Fn(&Path)) {
    for digest in image("a").blobs.keys() {
        replace(&at.join("blobs").join(digest.replace(':', "/")), &plant);
    }
}

#[test]
fn nothing_leads_out_of_a_layout_and_nothing_in_it_makes_anybody_wait() {
    for (what, plant) in PLANTS {
        let dir = scene();
        let (at, out) = (dir.join("layout"), dir.join("outside"));
        plant(&at, &out);
        let before = contents(&out);
        let (sent, done) = std::sync::mpsc::channel();
        let work = at.clone();
        let thread = std::thread::spawn(move || {
            everything(&work);
            sent.send(()).unwrap();
        });
        assert!(
            done.recv_timeout(Duration::from_secs(60)).is_ok(),
            "{what}: it panicked or waits: {:?}",
            thread.is_finished().then(|| thread.join())
        );
        assert_eq!(contents(&out), before, "{what}");
    }
}

/// Does all that a layout can do; what fails, fails.
fn everything(at: &Path) {
    let Ok(layout) = Layout::open(at, Options { fsync: true }) else {
        drop(Layout::create(at, Options::default()));
        return;
    };
    let (a, b) = (image("a"), image("b"));
    drop(layout.snapshot());
    drop(layout.check(&NoLayers, TWO));
    drop(layout.blobs());
    for digest in a.blobs.keys().map(|digest| digest.parse().unwrap()) {
        drop(layout.size_of(&digest));
        drop(layout.read_small(&digest));
    }
    drop(layout.reachable(&descriptor(&a)));
    drop(tag(&layout, "a:1", "t:1"));
    if let Ok(sink) = layout.sink() {
        drop(sink.put(MediaType::OciConfig, b"{}"));
        drop(send(&sink, &b));
        drop(send(&sink, &a));
        drop(sink.name(Some(&name("b:1")), &descriptor(&b)));
    }
    drop(collect(&layout, Duration::ZERO, true));
    drop(remove(&layout, &["a:1"], Removal::default()));
    drop(collect(&layout, Duration::ZERO, false));
}

#[test]
fn a_layout_with_a_link_in_the_place_of_a_directory_is_broken_not_empty() {
    for link in ["blobs", "blobs/sha256"] {
        let dir = scene();
        replace(&dir.join("layout").join(link), |path| symlink(dir.join("outside"), path).unwrap());
        let failure =
            crate::fixture::open(&dir.join("layout")).check(&NoLayers, NonZeroUsize::MIN).unwrap_err();
        assert_eq!(failure.class(), Class::Integrity, "{failure}");
        assert!(failure.to_string().contains("not a plain directory of the layout"), "{failure}");
    }
}

#[test]
fn partials_that_are_links_are_replaced_by_our_own() {
    for (what, plant) in PLANTS.iter().filter(|(what, _)| what.starts_with("a partial")) {
        let dir = scene();
        plant(&dir.join("layout"), &dir.join("outside"));
        pull(&crate::fixture::open(&dir.join("layout")), &image("b"), "b:1")
            .unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(check_layout(dir.join("layout")).names().len(), 2, "{what}");
    }
}

#[test]
fn what_is_adopted_is_checked_and_never_anything_but_a_plain_file() {
    let dir = scene();
    let layout = create(&dir.join("new"));
    let sink = layout.sink().unwrap();
    let digest = image("a").digest;
    let blob = crate::fixture::blob(&digest, &image("a").blobs[&digest]);
    symlink(dir.join("layout/blobs").join(digest.replace(':', "/")), dir.join("link")).unwrap();
    fifo(&dir.join("fifo"));
    for from in ["missing", "link", "fifo", "outside/victim", "layout", "layout/oci-layout"] {
        assert!(!sink.adopt(&blob, &Origin::File(dir.join(from))).unwrap(), "{from}");
    }
    assert_eq!(dir.list("new/.ociutils/ingest"), [""; 0]);
    assert_eq!(dir.list("new/blobs/sha256"), [""; 0]);
    let origin = crate::fixture::open(&dir.join("layout")).origin(&blob).unwrap();
    for _ in 0..2 {
        assert!(sink.adopt(&blob, &origin).unwrap());
        assert_eq!(dir.list("new/.ociutils/ingest"), [""; 0]);
    }
    assert_eq!(layout.read_small(&blob.digest).unwrap(), image("a").blobs[&digest]);
}

#[test]
fn a_blob_that_others_may_write_is_not_shared_with_them() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let dir = scene();
    let layout = create(&dir.join("new"));
    let digest = image("a").digest;
    let blob = crate::fixture::blob(&digest, &image("a").blobs[&digest]);
    let from = dir.join("layout/blobs").join(digest.replace(':', "/"));
    fs::set_permissions(&from, PermissionsExt::from_mode(0o666)).unwrap();
    if layout.sink().unwrap().adopt(&blob, &Origin::File(from.clone())).unwrap() {
        let new = dir.join("new/blobs").join(digest.replace(':', "/"));
        // a reflink is no sharing
        assert_ne!(fs::metadata(new).unwrap().ino(), fs::metadata(from).unwrap().ino());
    }
}

#[test]
fn a_check_says_what_is_wrong_with_each_blob() {
    let dir = scene();
    let image = image("a");
    let layer = image.blobs.keys().find(|digest| **digest != image.digest && **digest != image.config_digest);
    let layer = layer.unwrap();
    let at = dir.join("layout");
    let layout = crate::fixture::open(&at);
    let path = |digest: &str| at.join("blobs").join(digest.replace(':', "/"));
    let clean = layout.check(&NoLayers, TWO).unwrap();
    assert_eq!((clean.blobs, clean.problems.len(), clean.notes.len()), (3, 0, 0), "{clean:?}");
    fs::write(path(layer), "altered").unwrap();
    fs::remove_file(path(&image.config_digest)).unwrap();
    fs::write(at.join("blobs/sha256/part"), "").unwrap();
    fs::write(at.join("blobs/sha256/.part-1"), "").unwrap();
    let check = layout.check(&NoLayers, TWO).unwrap();
    let digest = |text: &str| text.parse::<Digest>().unwrap();
    assert!(check.problems.contains(&Problem::Altered(digest(layer))), "{check:?}");
    assert!(check.problems.contains(&Problem::Missing(digest(&image.config_digest))), "{check:?}");
    assert!(check.problems.contains(&Problem::Misnamed("blobs/sha256/part".to_owned())), "{check:?}");
    assert!(!check.problems.contains(&Problem::Misnamed("blobs/sha256/.part-1".to_owned())), "{check:?}");
    assert!(check.notes.contains(&Note::Leftover("blobs/sha256/.part-1".to_owned())), "{check:?}");
}
