//! Whatever goes wrong, at whatever moment: the layout stays readable, each row's blobs are there and whole, and the
//! next attempt succeeds.

use super::*;
use crate::{CheckLayer, Collection, Decompressed, Layout, LayoutSink, Lookup, Problem, Removal};
use image_format::{
    Algorithm, Descriptor, Digest, Expected, Failure, ImageName, Manifest, MediaType, Place, Raw, Sink,
    Source, parts, walk,
};
use std::num::NonZeroUsize;

/// ENOSPC and EIO.
const ERRORS: [i32; 2] = [28, 5];

fn name(text: &str) -> ImageName {
    text.parse().unwrap()
}

fn new_layout() -> (Memory, Layout) {
    let memory = Memory::new();
    let layout = Layout::in_storage(Arc::new(memory.clone())).unwrap();
    (memory, layout)
}

/// What an image is made of, without putting it anywhere: its blobs, the manifest last.
fn image(content: &str) -> Vec<(Descriptor, Vec<u8>)> {
    let blob = |kind: MediaType, bytes: Vec<u8>| {
        (Descriptor::new(kind, Digest::sha256(&bytes), bytes.len() as u64), bytes)
    };
    let config = blob(MediaType::OciConfig, format!("{{\"author\":\"{content}\"}}").into_bytes());
    let layer = blob(MediaType::OciLayer, format!("layer {content}").into_bytes());
    let manifest = Raw::write(Manifest::new(config.0.clone(), vec![layer.0.clone()])).into_bytes();
    vec![config, layer, blob(MediaType::OciManifest, manifest)]
}

fn fetch(sink: &LayoutSink, blobs: &[(Descriptor, Vec<u8>)]) -> Result<(), Failure> {
    for (descriptor, bytes) in blobs {
        if sink.missing(std::slice::from_ref(descriptor))?.is_empty() {
            continue;
        }
        let mut writer = sink.writer(Expected::Descriptor(descriptor.clone()))?;
        let have = usize::try_from(writer.have()).unwrap();
        writer.write_all(&bytes[have..])?;
        if let Err(failure) = writer.commit() {
            // A partial that a crash left zeros in is gone now: from the start.
            if failure.class() != image_format::Class::Integrity {
                return Err(failure);
            }
            let mut writer = sink.writer(Expected::Descriptor(descriptor.clone()))?;
            writer.restart()?;
            writer.write_all(bytes)?;
            writer.commit()?;
        }
    }
    Ok(())
}

fn pull(layout: &Layout, content: &str, to: &str) -> Result<(), Failure> {
    let sink = layout.sink()?;
    let blobs = image(content);
    fetch(&sink, &blobs)?;
    sink.name(Some(&name(to)), &blobs.last().unwrap().0)
}

fn put(layout: &Layout, content: &str, to: &str) -> Result<(), Failure> {
    let sink = layout.sink()?;
    let blobs = image(content);
    for (descriptor, bytes) in &blobs {
        sink.put(descriptor.media_type.clone(), bytes)?;
    }
    sink.name(Some(&name(to)), &blobs.last().unwrap().0)
}

fn tag(layout: &Layout, from: &str, to: &str) -> Result<(), Failure> {
    layout.update_index(|edit| {
        let found = layout.resolve(edit.before(), &lookup(from))?;
        edit.set_name(&name(to), &found.descriptor);
        Ok(())
    })
}

fn lookup(text: &str) -> Lookup {
    Lookup { verbatim: Some(text.to_owned()), name: text.parse().ok(), digest: None }
}

fn remove(layout: &Layout, text: &str) -> Result<(), Failure> {
    let outcomes = layout.remove(&[lookup(text)], &Removal::default(), &mut |_| Ok(()))?;
    match outcomes.into_iter().next().unwrap() {
        Err(failure) if failure.class() != image_format::Class::NotFound => Err(failure),
        _ => Ok(()),
    }
}

fn collect(layout: &Layout) -> Result<(), Failure> {
    let all = Collection { only: None, grace: Duration::ZERO, dry_run: false };
    layout.collect(&all, &mut |_| Ok(())).map(drop)
}

/// Readable; every finished blob whole; every row's graph there. Returns the names.
fn check(memory: &Memory, context: &str) -> Vec<String> {
    for (key, bytes) in memory.objects() {
        if let Some(hex) = key.strip_prefix("blobs/sha256/") {
            assert_eq!(Digest::sha256(&bytes).hex(), hex, "{context}: a blob is not whole");
        } else {
            assert!(!key.starts_with("blobs/"), "{context}: {key}");
        }
    }
    let layout = Layout::over_storage(Arc::new(memory.clone())).expect(context);
    let snapshot = layout.snapshot().expect(context);
    for row in snapshot.rows() {
        let root = row.descriptor().expect(context);
        walk(&root, &mut |place: Place<'_>| {
            layout.open(place.descriptor, 0)?;
            parts(&layout, place.descriptor)
        })
        .expect(context);
    }
    let names = snapshot.images().into_iter().filter_map(|image| image.name);
    names.map(|name| name.to_string()).collect()
}

type Work = fn(&Layout) -> Result<(), Failure>;

/// Each with the names that it leaves: before and after.
const WORK: &[(&str, Work, &[&str], &[&str])] = &[
    ("put and name", |layout| put(layout, "2", "b:1"), &["a:1", "old:1"], &["a:1", "b:1", "old:1"]),
    ("pull", |layout| pull(layout, "2", "b:1"), &["a:1", "old:1"], &["a:1", "b:1", "old:1"]),
    ("pull what is there", |layout| pull(layout, "1", "a:1"), &["a:1", "old:1"], &["a:1", "old:1"]),
    ("move a name", |layout| tag(layout, "old:1", "a:1"), &["a:1", "old:1"], &["a:1", "old:1"]),
    ("add a name", |layout| tag(layout, "a:1", "c:1"), &["a:1", "old:1"], &["a:1", "c:1", "old:1"]),
    ("remove", |layout| remove(layout, "old:1"), &["a:1", "old:1"], &["a:1"]),
    ("collect", collect, &["a:1", "old:1"], &["a:1", "old:1"]),
];

/// Two images with names, one that lost its own, all of them old.
fn furnished() -> (Memory, Layout) {
    let (memory, layout) = new_layout();
    put(&layout, "0", "a:1").unwrap();
    put(&layout, "1", "a:1").unwrap();
    put(&layout, "old", "old:1").unwrap();
    memory.age(Duration::from_secs(3600));
    (memory, layout)
}

fn full(names: &[&str]) -> Vec<String> {
    names.iter().map(|text| name(text).to_string()).collect()
}

#[test]
fn after_a_crash_at_any_moment_the_layout_is_sound_and_the_next_attempt_succeeds() {
    for (what, work, before, after) in WORK {
        let mut at = 0;
        loop {
            let mut struck = false;
            for survivors in
                [0, u64::MAX, 0x5555_5555_5555_5555, 0xcccc_cccc_cccc_cccc, 0x0f0f_f0f0_3c3c_a5a5]
            {
                let (memory, layout) = furnished();
                memory.arm(at, Fault::Crash);
                let result = work(&layout);
                struck = memory.has_struck();
                assert!(!(struck && result.is_ok()) || *what == "collect", "{what}: a crash went unnoticed");
                let restarted = memory.restart(survivors);
                let context = format!("{what}, crash at {at} ({:?}), {survivors:x}", memory.log().last());
                let mut names = check(&restarted, &context);
                names.sort();
                assert!(names == full(before) || names == full(after), "{context}: {names:?}");
                if result.is_ok() {
                    assert_eq!(names, full(after), "{context}: what was reported as done is undone");
                }
                let layout = Layout::over_storage(Arc::new(restarted.clone())).unwrap();
                work(&layout).expect(&context);
                let mut names = check(&restarted, &context);
                names.sort();
                assert_eq!(names, full(after), "{context}, and again");
                if *what == "remove" {
                    collect(&layout).expect(&context);
                    check(&restarted, &context);
                }
            }
            if !struck {
                break;
            }
            at += 1;
        }
        assert!(at > 3, "{what}: only {at} operations");
    }
}

#[test]
fn after_an_error_of_the_disk_at_any_moment_the_layout_is_as_it_was() {
    for (what, work, before, after) in WORK {
        for error in ERRORS {
            for at in 0.. {
                let (memory, layout) = furnished();
                memory.arm(at, Fault::Error(error));
                let result = work(&layout);
                if !memory.has_struck() {
                    result.unwrap();
                    break;
                }
                let context = format!("{what}, error {error} at {at} ({:?})", memory.log());
                let mut names = check(&memory, &context);
                names.sort();
                assert!(names == full(before) || names == full(after), "{context}: {names:?}");
                work(&layout).expect(&context);
                check(&memory, &context);
            }
        }
    }
}

/// Layers that nobody looks into.
struct NoLayers;

impl CheckLayer for NoLayers {
    fn look(&self, _: Box<dyn io::Read + Send>, _: Algorithm) -> io::Result<Decompressed> {
        Err(io::Error::other("nobody looks into layers here"))
    }
}

#[test]
fn an_error_of_the_disk_while_a_layout_is_checked_makes_no_blob_misnamed() {
    let (memory, layout) = furnished();
    for at in 0.. {
        memory.arm(at, Fault::Error(5));
        let found = layout.check(&NoLayers, NonZeroUsize::MIN);
        if !memory.has_struck() {
            break;
        }
        let misnamed = |problem: &Problem| matches!(problem, Problem::Misnamed(_));
        let problems = found.map(|check| check.problems).unwrap_or_default();
        assert!(!problems.iter().any(misnamed), "{at} ({:?}): {problems:?}", memory.log().last());
    }
}

#[test]
fn the_leases_are_looked_at_once_while_a_collection_holds_the_lock() {
    let (memory, layout) = furnished();
    memory.arm(usize::MAX, Fault::Crash);
    collect(&layout).unwrap();
    let log = memory.log();
    let locked: Vec<&String> = log.iter().skip_while(|step| *step != "lock").collect();
    let count = |what: &str| locked.iter().filter(|step| step.starts_with(what)).count();
    assert!(count("delete blobs/") > 1, "{log:#?}");
    assert_eq!((count("lock"), count("list .ociutils/leases")), (1, 1), "{log:#?}");
}

#[test]
fn blobs_are_synced_before_they_are_named_and_rows_come_after_their_names() {
    let (memory, layout) = new_layout();
    memory.arm(usize::MAX, Fault::Crash);
    put(&layout, "1", "a:1").unwrap();
    let log = memory.log();
    let blob = |line: &String| line.contains(" .ociutils/ingest/sha256-");
    let steps = log.iter().filter_map(|line| match line.split(' ').next().unwrap() {
        "sync" if blob(line) => Some("sync blob"),
        "rename" if blob(line) => Some("name blob"),
        "sync" if line == "sync names" => Some("sync names"),
        "sync" if line == "sync root" => Some("sync root"),
        "sync" => Some("sync index"),
        "rename" => Some("replace index"),
        _ => None,
    });
    let each = ["sync blob", "name blob"];
    let expected =
        [&each[..], &each, &each, &["sync names", "sync index", "replace index", "sync root"]].concat();
    assert_eq!(steps.collect::<Vec<_>>(), expected, "{log:#?}");
}

#[test]
fn an_edit_that_meets_another_without_a_lock_is_made_again_on_the_new_rows() {
    let (memory, layout) = furnished();
    let other = Layout::over_storage(Arc::new(memory.clone())).unwrap();
    let mut rounds = 0;
    layout
        .update_index(|edit| {
            rounds += 1;
            if rounds == 1 {
                tag(&other, "a:1", "other:1")?;
            }
            let found = layout.resolve(edit.before(), &lookup("old:1"))?;
            edit.set_name(&name("ours:1"), &found.descriptor);
            Ok(())
        })
        .unwrap();
    assert_eq!(rounds, 2);
    assert_eq!(check(&memory, "both edits"), full(&["a:1", "old:1", "other:1", "ours:1"]));
}
