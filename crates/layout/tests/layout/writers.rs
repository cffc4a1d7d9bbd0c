//! Many writers at once, killed ones and slow ones.

use crate::child;
use crate::fixture::{
    blob, collect, collect_all, create, descriptor, image, name, open, pull, remove, send, tag,
};
use image_format::{Class, Expected, Failure, Sink, Source};
use ociutils_layout::Removal;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;
use test_support::{Dir, check_layout, noise};

#[test]
fn any_writer_sweeps_what_dead_ones_left_without_a_digest() {
    let dir = Dir::new();
    let layout = create(dir.path());
    drop(layout.sink().unwrap());
    let digest = format!("sha256-{}", "0".repeat(64));
    for name in ["new-dead", "new-alive", "upload-1", &digest] {
        dir.write(format!(".ociutils/ingest/{name}"), "some bytes");
    }
    let alive = File::open(dir.join(".ociutils/ingest/new-alive")).unwrap();
    alive.lock().unwrap();
    drop(layout.sink().unwrap());
    let mut left = dir.list(".ociutils/ingest");
    left.sort();
    assert_eq!(left, ["new-alive", &*digest, "upload-1"]);
}

#[test]
fn threads_with_a_layout_each_never_lose_a_row() {
    let dir = Dir::new();
    create(dir.path());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let path = dir.path();
            scope.spawn(move || {
                let layout = open(path);
                for turn in 0..12 {
                    pull(&layout, &image(&format!("{thread}-{turn}")), &format!("app:{thread}-{turn}"))
                        .unwrap();
                }
            });
        }
    });
    let report = check_layout(dir.path());
    assert_eq!(report.names().len(), 96);
    assert!(report.unreachable.is_empty() && report.unfinished.is_empty());
}

#[test]
fn processes_never_lose_a_row() {
    const NAME: &str = "writers::processes_never_lose_a_row";
    if let Some(arguments) = child::arguments() {
        let layout = open(Path::new("."));
        for turn in 0..10 {
            let image = image("shared");
            pull(&layout, &image, &format!("app:{}-{turn}", arguments[0])).unwrap();
        }
        return remove(&layout, &[&format!("app:{}-0", arguments[0])], Removal::default()).map(drop).unwrap();
    }
    let dir = Dir::new();
    create(dir.path());
    let numbers: Vec<String> = (0..16).map(|number| number.to_string()).collect();
    child::finish(numbers.iter().map(|number| child::start(NAME, dir.path(), &[number])).collect::<Vec<_>>());
    let report = check_layout(dir.path());
    assert_eq!(report.names().len(), 16 * 9);
    assert!(report.unreachable.is_empty() && report.unfinished.is_empty());
}

#[test]
fn names_are_given_and_taken_and_blobs_collected_all_at_once() {
    let dir = Dir::new();
    let layout = create(dir.path());
    pull(&layout, &image("kept"), "kept:1").unwrap();
    std::thread::scope(|scope| {
        for thread in 0..16_usize {
            let path = dir.path();
            scope.spawn(move || {
                let layout = open(path);
                for turn in 0..12 {
                    // a few images that all of them share, so that what one removes another is about to name
                    let image = image(&format!("{}", turn % 3));
                    let own = format!("app:{thread}");
                    match thread % 4 {
                        0 => drop(collect(&layout, Duration::ZERO, false).unwrap()),
                        1 => {
                            pull(&layout, &image, &own).unwrap();
                            remove(&layout, &[&own], Removal::default()).unwrap();
                        }
                        2 => {
                            let sink = layout.sink().unwrap();
                            send(&sink, &image).unwrap();
                            std::thread::sleep(Duration::from_millis(1));
                            sink.name(Some(&name(&own)), &descriptor(&image)).unwrap();
                        }
                        _ => tag(&layout, "kept:1", &own).unwrap(),
                    }
                }
            });
        }
    });
    let report = check_layout(dir.path());
    let mut expected: Vec<String> =
        (0..16).filter(|n| n % 4 > 1).map(|n| format!("docker.io/library/app:{n}")).collect();
    expected.push("docker.io/library/kept:1".to_owned());
    expected.sort();
    assert_eq!(report.names(), expected);
    assert!(report.unfinished.is_empty(), "{:?}", report.unfinished);
}

#[test]
fn a_writer_that_unlinks_the_lock_after_use_breaks_nobodys_exclusion() {
    // As BuildKit: client/ociindex unlocks index.json.lock and then removes it.
    let dir = Dir::new();
    create(dir.path());
    std::thread::scope(|scope| {
        let path = dir.path();
        let lock = path.join("index.json.lock");
        scope.spawn(move || {
            for turn in 0..200 {
                let file = File::create(&lock).unwrap();
                file.lock().unwrap();
                if turn % 4 == 0 {
                    std::thread::sleep(Duration::from_millis(1));
                }
                file.unlock().unwrap();
                drop(std::fs::remove_file(&lock));
            }
        });
        for thread in 0..4 {
            scope.spawn(move || {
                let layout = open(path);
                for turn in 0..25 {
                    pull(&layout, &image("same"), &format!("app:{thread}-{turn}")).unwrap();
                }
            });
        }
    });
    assert_eq!(check_layout(dir.path()).names().len(), 100);
}

#[test]
fn what_a_killed_writer_left_is_gone_on_with_by_the_next() {
    const NAME: &str = "writers::what_a_killed_writer_left_is_gone_on_with_by_the_next";
    let bytes = noise(1, 300_000);
    let whole = blob(&test_support::digest_of(&bytes), &bytes);
    if child::arguments().is_some() {
        let sink = open(Path::new(".")).sink().unwrap();
        let mut writer = sink.writer(Expected::Descriptor(whole)).unwrap();
        writer.write_all(&bytes[..200_000]).unwrap();
        std::fs::write("written", "").unwrap();
        loop {
            std::thread::park();
        }
    }
    let dir = Dir::new();
    let layout = create(dir.path());
    let mut writer = child::start(NAME, dir.path(), &[]);
    while !dir.join("written").exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
    // while it lives, another fetches the blob for itself, and nobody waits
    let sink = layout.sink().unwrap();
    let beside = sink.writer(Expected::Descriptor(whole.clone())).unwrap();
    assert_eq!(beside.have(), 0);
    drop(beside);
    writer.kill().unwrap();
    writer.wait().unwrap();
    assert_eq!(dir.list(".ociutils/leases").len(), 2, "ours and the dead one's");
    collect(&layout, Duration::ZERO, false).unwrap();
    assert_eq!(dir.list(".ociutils/ingest").len(), 1, "what can be gone on with is kept");
    let mut rest = sink.writer(Expected::Descriptor(whole.clone())).unwrap();
    assert_eq!(rest.have(), 200_000);
    rest.write_all(&bytes[200_000..]).unwrap();
    assert_eq!(rest.commit().unwrap(), whole);
    assert_eq!(layout.size_of(&whole.digest).unwrap(), Some(300_000));
    drop(sink);
    let orphans = test_support::LayoutCheck::new(dir.path()).run().unreachable;
    assert_eq!(orphans.len(), 1);
    collect(&layout, Duration::ZERO, false).unwrap();
    assert_eq!((dir.list(".ociutils/leases").len(), dir.list("blobs/sha256").len()), (0, 0));
}

#[test]
fn a_part_that_cannot_be_right_is_thrown_away() {
    let bytes = noise(2, 10_000);
    let whole = blob(&test_support::digest_of(&bytes), &bytes);
    for (what, part) in
        [("too long", noise(2, 10_001)), ("others", noise(3, 5_000)), ("all wrong", noise(3, 10_000))]
    {
        let dir = Dir::new();
        let layout = create(dir.path());
        let key = format!(".ociutils/ingest/{}", whole.digest.to_string().replace(':', "-"));
        dir.write(&key, &part);
        let sink = layout.sink().unwrap();
        let mut writer = sink.writer(Expected::Descriptor(whole.clone())).unwrap();
        let have = usize::try_from(writer.have()).unwrap();
        writer.write_all(&bytes[have..]).unwrap();
        match writer.commit() {
            Ok(_) => assert_eq!(have, 0, "{what}"),
            Err(failure) => {
                assert_eq!(failure.class(), Class::Integrity, "{what}");
                assert_eq!(dir.list(".ociutils/ingest"), [""; 0], "{what}");
                let mut again = sink.writer(Expected::Descriptor(whole.clone())).unwrap();
                again.restart().unwrap();
                again.write_all(&bytes).unwrap();
                again.commit().unwrap();
            }
        }
        assert_eq!(layout.read_small(&whole.digest).unwrap(), bytes, "{what}");
    }
}

#[test]
fn what_was_thrown_away_is_not_said_to_be_stored() {
    let dir = Dir::new();
    let layout = create(dir.path());
    let bytes = noise(2, 10_000);
    let whole = blob(&test_support::digest_of(&bytes), &bytes);
    let sink = layout.sink().unwrap();
    let mut writer = sink.writer(Expected::Descriptor(whole.clone())).unwrap();
    writer.write_all(&bytes).unwrap();
    assert!(writer.write_all(b"one too many").is_err());
    assert!(writer.commit().is_err());
    assert_eq!(dir.list("blobs/sha256"), [""; 0]);
}

#[test]
fn one_blob_fetched_by_two_processes_at_once_is_there_for_both() {
    const NAME: &str = "writers::one_blob_fetched_by_two_processes_at_once_is_there_for_both";
    let bytes = noise(1, 2_000_000);
    let whole = blob(&test_support::digest_of(&bytes), &bytes);
    if child::arguments().is_some() {
        let layout = open(Path::new("."));
        let sink = layout.sink().unwrap();
        let mut writer = sink.writer(Expected::Descriptor(whole.clone())).unwrap();
        let have = usize::try_from(writer.have()).unwrap();
        for piece in bytes[have..].chunks(50_000) {
            writer.write_all(piece).unwrap();
            std::thread::sleep(Duration::from_millis(1));
        }
        writer.commit().unwrap();
        return assert_eq!(layout.size_of(&whole.digest).unwrap(), Some(whole.size));
    }
    let dir = Dir::new();
    create(dir.path());
    child::finish((0..4).map(|_| child::start(NAME, dir.path(), &[])).collect::<Vec<_>>());
    let report = test_support::LayoutCheck::new(dir.path()).run();
    assert_eq!((report.blobs.len(), report.unfinished.len()), (1, 0));
}

#[test]
fn an_edit_that_fails_leaves_the_rows_and_no_file_behind() {
    let dir = Dir::new();
    let layout = create(dir.path());
    pull(&layout, &image("a"), "a:1").unwrap();
    let before = dir.read("index.json");
    let result: Result<(), Failure> = layout.update_index(|edit| {
        edit.set_name(&name("b:1"), &descriptor(&image("a")));
        Err(Failure::new(Class::Usage, "no"))
    });
    assert_eq!(result.unwrap_err().class(), Class::Usage);
    assert_eq!(dir.read("index.json"), before);
    assert_eq!(dir.list(".ociutils/ingest"), [""; 0]);
}

#[test]
fn a_copy_from_layout_to_layout_goes_on_while_its_target_is_collected() {
    let dir = Dir::new();
    let from = create(&dir.join("from"));
    pull(&from, &image("a"), "a:1").unwrap();
    let to = create(&dir.join("to"));
    std::thread::scope(|scope| {
        let copies = scope.spawn(|| {
            for _ in 0..200 {
                let sink = to.sink().unwrap();
                for (digest, bytes) in &image("a").blobs {
                    let blob = blob(digest, bytes);
                    // what a collection looks at just now is copied
                    sink.adopt(&blob, &from.origin(&blob).unwrap()).unwrap();
                }
            }
        });
        while !copies.is_finished() {
            collect_all(&to);
        }
    });
}
