//! A transfer between stores in memory, and into a layout, with faults in between.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use image_format::{
    Blob, BlobWriter, Class, Descriptor, Digest, Expected, Failure, ImageName, Index, Manifest, MediaType,
    MemoryStore, Observer, Platform, Raw, Silent, Sink, Source, edit,
};
use layout::{Layout, Options as LayoutOptions};
use ociutils_transfer::{Options, Platforms, TargetLayout, plan};
use std::io::{Cursor, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

fn image(store: &MemoryStore, platform: &str, docker: bool) -> Descriptor {
    let platform: Platform = platform.parse().unwrap();
    let scratch = edit::Image::scratch(&platform, "2026-01-01T00:00:00Z");
    let (manifest_type, config_type, layer_type) = match docker {
        true => (MediaType::DockerManifest, MediaType::DockerConfig, MediaType::DockerLayerGzip),
        false => (MediaType::OciManifest, MediaType::OciConfig, MediaType::OciLayerGzip),
    };
    let config = store.put(config_type, scratch.config.bytes());
    let seed = platform.to_string().bytes().map(u64::from).sum();
    let layers = vec![
        store.put(layer_type.clone(), noise(700_000, seed)),
        store.put(layer_type.clone(), noise(10, seed + 1)),
        store.put(layer_type, noise(300_001, 7)),
    ];
    let manifest = Manifest { media_type: Some(manifest_type.clone()), ..Manifest::new(config, layers) };
    store.put(manifest_type, Raw::write(manifest).into_bytes()).with_platform(Some(platform))
}

fn index(store: &MemoryStore, children: Vec<Descriptor>) -> Descriptor {
    store.put(MediaType::OciIndex, Raw::write(Index::new(children)).into_bytes())
}

fn all() -> Options {
    Options { platforms: Platforms::All, ..Options::default() }
}

fn options(platforms: &[&str]) -> Options {
    let platforms = platforms.iter().map(|platform| platform.parse().unwrap()).collect();
    Options { platforms: Platforms::These(platforms), ..Options::default() }
}

#[test]
fn a_plan_says_what_a_run_moves_and_the_second_run_moves_nothing() {
    let (from, to) = (MemoryStore::new(), Arc::new(MemoryStore::new()));
    let root = image(&from, "linux/amd64", false);
    let ready = plan(Box::new(from.clone()), to.clone(), &root, &all()).unwrap();
    let (blobs, bytes) = (ready.missing().len(), ready.bytes());
    let manifests = ready.missing_manifests().unwrap();
    assert_eq!((blobs, manifests.len(), manifests[0].bytes), (4, 1, root.size));
    let report = ready.run(&Silent).unwrap();
    assert_eq!((report.blobs, report.bytes, report.here), (5, bytes + root.size, 0));
    assert_eq!(to.get(&root.digest), from.get(&root.digest));
    let again = plan(Box::new(from), to, &root, &all()).unwrap();
    assert_eq!((again.missing().len(), again.bytes()), (0, 0));
    assert!(again.missing_manifests().unwrap().is_empty());
    let report = again.run(&Silent).unwrap();
    assert_eq!((report.blobs, report.bytes, report.here), (0, 0, 5));
}

#[test]
fn one_platform_is_a_manifest_several_are_a_new_index_all_are_the_index_as_it_is() {
    let from = MemoryStore::new();
    let children: Vec<Descriptor> =
        ["linux/amd64", "linux/arm64", "linux/arm/v7"].map(|platform| image(&from, platform, false)).to_vec();
    let root = index(&from, children.clone());
    let choose = |options: &Options| {
        plan(Box::new(from.clone()), Arc::new(MemoryStore::new()), &root, options).unwrap()
    };
    let one = choose(&options(&["linux/arm64"]));
    assert_eq!(one.root().digest, children[1].digest);
    assert_eq!(one.root().platform, children[1].platform);
    let two = choose(&options(&["linux/arm64", "linux/amd64"]));
    assert!(two.graph().changed && two.root().media_type == MediaType::OciIndex);
    assert_eq!(two.graph().blobs().len(), 7, "the layer that both have counts once");
    let every = choose(&all());
    assert!(!every.graph().changed && every.root().digest == root.digest);
}

#[test]
fn a_platform_that_is_not_there_says_what_is() {
    let from = MemoryStore::new();
    let root = index(&from, vec![image(&from, "linux/amd64", false), image(&from, "linux/arm64", false)]);
    let lone = image(&from, "linux/amd64", false);
    for root in [root, lone] {
        let sink = Arc::new(MemoryStore::new());
        let failure = plan(Box::new(from.clone()), sink, &root, &options(&["linux/s390x"])).unwrap_err();
        assert_eq!(failure.class(), Class::NotFound);
        assert!(failure.to_string().contains("no image for linux/s390x; there is linux/amd64"), "{failure}");
    }
}

#[test]
fn an_index_without_platforms_is_told_by_its_configs() {
    let from = MemoryStore::new();
    let children = ["linux/amd64", "linux/arm64"].map(|platform| image(&from, platform, false));
    let bare = children.clone().map(|child| child.with_platform(None)).to_vec();
    let root = index(&from, bare);
    let sink = Arc::new(MemoryStore::new());
    let chosen = plan(Box::new(from), sink, &root, &options(&["linux/arm64"])).unwrap();
    assert_eq!(chosen.root().digest, children[1].digest);
}

#[test]
fn docker_media_types_become_oci_and_all_blobs_keep_their_digests() {
    let (from, to) = (MemoryStore::new(), Arc::new(MemoryStore::new()));
    let children = vec![image(&from, "linux/amd64", true), image(&from, "linux/arm64", false)];
    let root = index(&from, children);
    let options = Options { to_oci: true, ..all() };
    let report = plan(Box::new(from), to.clone(), &root, &options).unwrap().run(&Silent).unwrap();
    let mut kinds = Vec::new();
    image_format::walk(&report.root, &mut |place: image_format::Place<'_>| {
        kinds.push(place.descriptor.media_type.clone());
        image_format::parts(&*to, place.descriptor)
    })
    .unwrap();
    assert!(kinds.len() == 10 && kinds.iter().all(|kind| !kind.is_docker()), "{kinds:?}");
    assert_ne!(report.root.digest, root.digest);
}

/// A source that does something else than it should with the blob `victim`.
#[derive(Clone)]
struct Faulty {
    store: MemoryStore,
    victim: Descriptor,
    fault: Fault,
    opened: Arc<AtomicUsize>,
    from: Arc<AtomicU64>,
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    Truncated(u64),
    Altered,
    Endless,
    Missing,
}

impl Source for Faulty {
    fn open(&self, descriptor: &Descriptor, from: u64) -> Result<Blob, Failure> {
        if descriptor.digest != self.victim.digest {
            return self.store.open(descriptor, from);
        }
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.from.store(from, Ordering::Relaxed);
        let mut content = self.store.get(&descriptor.digest).unwrap();
        Ok(match self.fault {
            Fault::None => return self.store.open(descriptor, from),
            Fault::Truncated(at) => Blob::from_reader(Cursor::new(content).take(at)),
            Fault::Altered => {
                content[100] ^= 1;
                Blob::from_reader(Cursor::new(content))
            }
            Fault::Endless => Blob::from_reader(std::io::repeat(0)),
            Fault::Missing => return Err(Failure::new(Class::NotFound, "gone")),
        })
    }
}

fn faulty(fault: Fault) -> (Faulty, Descriptor) {
    let store = MemoryStore::new();
    let root = image(&store, "linux/amd64", false);
    let seed = "linux/amd64".bytes().map(u64::from).sum();
    let victim = store.put(MediaType::OciLayerGzip, noise(700_000, seed));
    (Faulty { store, victim, fault, opened: Arc::default(), from: Arc::default() }, root)
}

fn layout() -> (tempfile::TempDir, Layout) {
    let directory = tempfile::tempdir().unwrap();
    let layout = Layout::create(directory.path(), LayoutOptions::default()).unwrap();
    (directory, layout)
}

#[test]
fn a_bad_blob_fails_the_transfer_and_never_gets_a_name() {
    for (fault, class) in [
        (Fault::Truncated(123_456), Class::Integrity),
        (Fault::Truncated(0), Class::Integrity),
        (Fault::Altered, Class::Integrity),
        (Fault::Endless, Class::Integrity),
        (Fault::Missing, Class::NotFound),
    ] {
        let (source, root) = faulty(fault);
        let (_directory, layout) = layout();
        let sink = Arc::new(layout.sink().unwrap());
        let failure = plan(Box::new(source.clone()), sink, &root, &all()).unwrap().run(&Silent).unwrap_err();
        assert_eq!(failure.class(), class, "{fault:?}: {failure}");
        assert_eq!(layout.size_of(&source.victim.digest).unwrap(), None, "{fault:?}");
        assert_eq!(layout.size_of(&root.digest).unwrap(), None, "{fault:?}: no manifest without its blobs");
    }
}

#[test]
fn what_arrived_before_a_cut_is_not_fetched_again() {
    let (mut source, root) = faulty(Fault::Truncated(123_456));
    let (_directory, layout) = layout();
    let run = |source: &Faulty| {
        let sink = Arc::new(layout.sink().unwrap());
        plan(Box::new(source.clone()), sink, &root, &all()).unwrap().run(&Silent)
    };
    run(&source).unwrap_err();
    source.fault = Fault::None;
    run(&source).unwrap();
    assert_eq!(source.from.load(Ordering::Relaxed), 123_456);
    assert_eq!(layout.size_of(&source.victim.digest).unwrap(), Some(700_000));
}

/// Writes down what it is told.
#[derive(Default)]
struct Told {
    expected: AtomicU64,
    moved: AtomicU64,
}

impl Observer for Told {
    fn expect(&self, bytes: u64) {
        self.expected.store(bytes, Ordering::Relaxed);
    }

    fn advance(&self, bytes: u64) -> Result<(), Failure> {
        self.moved.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }
}

#[test]
fn a_plan_and_its_progress_leave_out_what_is_here_already() {
    let (source, root) = faulty(Fault::None);
    let (_directory, layout) = layout();
    let sink = Arc::new(layout.sink().unwrap());
    let mut writer = sink.writer(Expected::Descriptor(source.victim.clone())).unwrap();
    writer.write_all(&source.store.get(&source.victim.digest).unwrap()[..123_456]).unwrap();
    drop(writer);
    let rehearsed = TargetLayout::Rehearse(Some(layout.clone()));
    assert_eq!(rehearsed.layout().unwrap().partial_size(&source.victim).unwrap(), 123_456);
    let ready = plan(Box::new(source.clone()), sink, &root, &all()).unwrap();
    let of_victim = ready.missing().iter().find(|missing| missing.blob.digest == source.victim.digest);
    assert_eq!(of_victim.unwrap().bytes, 700_000 - 123_456);
    let manifests: u64 = ready.missing_manifests().unwrap().iter().map(|missing| missing.bytes).sum();
    let (told, bytes) = (Told::default(), ready.bytes() + manifests);
    let report = ready.run(&told).unwrap();
    assert_eq!((report.bytes, told.expected.into_inner(), told.moved.into_inner()), (bytes, bytes, bytes));
}

/// A sink that breaks in the middle of the blob `victim`, `left` times.
struct Breaking {
    store: MemoryStore,
    victim: Digest,
    left: Arc<AtomicUsize>,
    attempts: Arc<AtomicUsize>,
}

impl Breaking {
    fn new(victim: &Descriptor, times: usize) -> Breaking {
        let left = Arc::new(AtomicUsize::new(times));
        Breaking { store: MemoryStore::new(), victim: victim.digest, left, attempts: Arc::default() }
    }
}

impl Sink for Breaking {
    fn missing<'a>(&self, descriptors: &'a [Descriptor]) -> Result<Vec<&'a Descriptor>, Failure> {
        self.store.missing(descriptors)
    }

    fn writer(&self, expected: Expected) -> Result<Box<dyn BlobWriter>, Failure> {
        let victim =
            matches!(&expected, Expected::Descriptor(descriptor) if descriptor.digest == self.victim);
        let inner = self.store.writer(expected)?;
        if !victim {
            return Ok(inner);
        }
        self.attempts.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(BreakingWriter { inner, left: Arc::clone(&self.left), written: 0 }))
    }

    fn name(&self, name: Option<&ImageName>, descriptor: &Descriptor) -> Result<(), Failure> {
        self.store.name(name, descriptor)
    }
}

struct BreakingWriter {
    inner: Box<dyn BlobWriter>,
    left: Arc<AtomicUsize>,
    written: usize,
}

impl Write for BreakingWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let less = |left: usize| left.checked_sub(1);
        if self.written > 0 && self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
            return Err(Failure::new(Class::Unavailable, "it broke").into());
        }
        self.written += bytes.len();
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for BreakingWriter {
    fn restart(&mut self) -> Result<(), Failure> {
        self.inner.restart()
    }

    fn so_far(&self) -> (Digest, u64) {
        self.inner.so_far()
    }

    fn commit(self: Box<Self>) -> Result<Descriptor, Failure> {
        self.inner.commit()
    }
}

#[test]
fn what_is_sent_again_is_expected_again_and_not_more_often_than_thrice() {
    for (faults, works) in [(1, true), (3, false)] {
        let (source, root) = faulty(Fault::None);
        let sink = Breaking::new(&source.victim, faults);
        let attempts = Arc::clone(&sink.attempts);
        let ready = plan(Box::new(source), Arc::new(sink), &root, &all()).unwrap();
        let manifests: u64 = ready.missing_manifests().unwrap().iter().map(|missing| missing.bytes).sum();
        let (told, bytes) = (Told::default(), ready.bytes() + manifests);
        let result = ready.run(&told);
        assert_eq!(attempts.load(Ordering::Relaxed), (faults + 1).min(3));
        assert_eq!(result.as_ref().is_ok(), works, "{result:?}");
        if works {
            let again = 256 << 10;
            assert_eq!((told.expected.into_inner(), told.moved.into_inner()), (bytes + again, bytes + again));
        }
    }
}

fn stop_if(stops: bool) -> Result<(), Failure> {
    if stops { Err(Failure::new(Class::Interrupted, "stopped")) } else { Ok(()) }
}

/// Asks for a stop once the sink has broken.
struct StopsOnceBroken(Arc<AtomicUsize>);

impl Observer for StopsOnceBroken {
    fn advance(&self, _: u64) -> Result<(), Failure> {
        stop_if(self.0.load(Ordering::Relaxed) == 0)
    }
}

#[test]
fn whoever_pauses_before_another_attempt_can_be_stopped() {
    let (source, root) = faulty(Fault::None);
    let sink = Breaking::new(&source.victim, 1);
    let (left, attempts) = (Arc::clone(&sink.left), Arc::clone(&sink.attempts));
    let ready = plan(Box::new(source), Arc::new(sink), &root, &all()).unwrap();
    assert_eq!(ready.run(&StopsOnceBroken(left)).unwrap_err().class(), Class::Interrupted);
    assert_eq!(attempts.load(Ordering::Relaxed), 1);
}

#[test]
fn a_wrong_beginning_from_an_earlier_attempt_costs_one_fresh_start() {
    let (source, root) = faulty(Fault::None);
    let (_directory, layout) = layout();
    let sink = Arc::new(layout.sink().unwrap());
    let mut writer = sink.writer(Expected::Descriptor(source.victim.clone())).unwrap();
    writer.write_all(&noise(5_000, 99)).unwrap();
    drop(writer);
    plan(Box::new(source.clone()), sink, &root, &all()).unwrap().run(&Silent).unwrap();
    assert_eq!(source.opened.load(Ordering::Relaxed), 2);
    assert_eq!(source.from.load(Ordering::Relaxed), 0);
}

/// Asks for a stop once some bytes have arrived.
#[derive(Default)]
struct StopsAfter(AtomicU64);

impl Observer for StopsAfter {
    fn advance(&self, bytes: u64) -> Result<(), Failure> {
        stop_if(self.0.fetch_add(bytes, Ordering::Relaxed) + bytes > 100_000)
    }
}

#[test]
fn a_stopped_transfer_says_so_and_leaves_what_has_arrived() {
    let (source, root) = faulty(Fault::None);
    let (_directory, layout) = layout();
    let sink = Arc::new(layout.sink().unwrap());
    let ready = plan(Box::new(source), sink, &root, &all()).unwrap();
    assert_eq!(ready.run(&StopsAfter::default()).unwrap_err().class(), Class::Interrupted);
    assert_eq!(layout.size_of(&root.digest).unwrap(), None);
}

#[test]
fn from_layout_to_layout_no_byte_is_copied_where_a_link_will_do() {
    let (source, root) = faulty(Fault::None);
    let ((_a, first), (_b, second)) = (layout(), layout());
    plan(Box::new(source.clone()), Arc::new(first.sink().unwrap()), &root, &all())
        .unwrap()
        .run(&Silent)
        .unwrap();
    let sink = Arc::new(second.sink().unwrap());
    plan(Box::new(first.clone()), sink, &root, &all()).unwrap().run(&Silent).unwrap();
    let inode = |layout: &Layout| {
        use std::os::unix::fs::MetadataExt;
        let name = format!("blobs/sha256/{}", source.victim.digest.hex());
        std::fs::metadata(layout.path().join(name)).unwrap().ino()
    };
    assert_eq!(second.size_of(&source.victim.digest).unwrap(), Some(700_000));
    if has_reflinks(second.path()) {
        eprintln!("skipped: the file system has reflinks, which look like copies");
    } else {
        assert_eq!(inode(&first), inode(&second));
    }
}

fn has_reflinks(directory: &std::path::Path) -> bool {
    let [from, to] = ["oci-layout", "clone"].map(|name| directory.join(name));
    let cp = std::process::Command::new("cp").arg("--reflink=always").args([from, to]).output();
    cp.is_ok_and(|output| output.status.success())
}

#[test]
fn a_layout_that_lacks_a_blob_names_it_before_anything_is_sent() {
    let (source, root) = faulty(Fault::None);
    let (directory, layout) = layout();
    plan(Box::new(source.clone()), Arc::new(layout.sink().unwrap()), &root, &all())
        .unwrap()
        .run(&Silent)
        .unwrap();
    std::fs::remove_file(directory.path().join("blobs/sha256").join(source.victim.digest.hex())).unwrap();
    let failure = plan(Box::new(layout), Arc::new(MemoryStore::new()), &root, &all()).unwrap_err();
    assert_eq!(failure.class(), Class::NotFound);
    assert!(failure.to_string().contains(&source.victim.digest.to_string()), "{failure}");
}
