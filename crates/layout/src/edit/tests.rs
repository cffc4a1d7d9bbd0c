//! What an edit does to the rows, byte for byte.

use crate::IndexEdit;
use crate::index_file::IndexFile;
use crate::snapshot::Snapshot;
use image_format::{Claim, Descriptor, Digest, ImageName, MediaType, annotation};

const HEAD: &str = r#"{"schemaVersion":2,"manifests":["#;

fn snapshot(rows: &[&str]) -> Snapshot {
    Snapshot::new(IndexFile::parse(format!("{HEAD}{}]}}", rows.join(","))).unwrap())
}

fn name(text: &str) -> ImageName {
    text.parse().unwrap()
}

fn image(content: &str) -> Descriptor {
    Descriptor::new(MediaType::OciManifest, Digest::sha256(content.as_bytes()), content.len() as u64)
}

/// A row as others write it: a digest, then whatever is said.
fn row(content: &str, rest: &str) -> String {
    let image = image(content);
    format!(
        r#"{{"mediaType":"{}","digest":"{}","size":{}{rest}}}"#,
        image.media_type, image.digest, image.size
    )
}

/// Our own row.
fn ours(content: &str, full: &str) -> String {
    row(
        content,
        &format!(
            r#","annotations":{{"io.containerd.image.name":"{full}","org.opencontainers.image.ref.name":"{full}"}}"#
        ),
    )
}

fn by_ref_name(content: &str, text: &str) -> String {
    row(content, &format!(r#","annotations":{{"org.opencontainers.image.ref.name":"{text}"}}"#))
}

/// The rows after an edit; `None` where nothing is to be written.
fn after(before: &[&str], change: impl FnOnce(&mut IndexEdit<'_>)) -> Option<Vec<String>> {
    let snapshot = snapshot(before);
    let mut edit = IndexEdit::new(&snapshot);
    change(&mut edit);
    let written = String::from_utf8(edit.finish()?).unwrap();
    assert!(written.starts_with(HEAD), "{written}");
    Some(IndexFile::parse(written).unwrap().rows().map(str::to_owned).collect())
}

const A: &str = "docker.io/library/a:1";

#[test]
fn an_edit_that_changes_nothing_writes_nothing() {
    let (a, b, bare) = (ours("1", A), ours("2", "docker.io/library/b:1"), row("3", ""));
    let rows = [&*a, &*b, &*bare];
    let spaced = a.replace(',', " , ");
    assert_eq!(after(&rows, |_| {}), None);
    assert_eq!(after(&rows, |edit| edit.set_name(&name("a:1"), &image("1"))), None);
    assert_eq!(after(&[&spaced, &b], |edit| edit.set_name(&name("a:1"), &image("1"))), None);
    assert_eq!(after(&rows, |edit| edit.add(&image("1"))), None);
    assert_eq!(after(&rows, |edit| edit.add(&image("3"))), None);
    assert_eq!(after(&rows, |edit| assert!(edit.remove_name(&Claim::Name(name("c:1"))).is_none())), None);
    assert_eq!(after(&rows, |edit| assert_eq!(edit.remove_digest(&image("9").digest), 0)), None);
    // back and forth
    assert_eq!(
        after(&rows, |edit| {
            edit.set_name(&name("a:1"), &image("2"));
            edit.set_name(&name("a:1"), &image("1"));
            edit.add(&image("7"));
            edit.remove_digest(&image("7").digest);
        }),
        None
    );
}

#[test]
fn a_name_moves_where_its_row_stands_and_a_new_one_comes_last() {
    let (a, b) = (ours("1", A), ours("2", "docker.io/library/b:1"));
    let moved = after(&[&a, &b], |edit| edit.set_name(&name("a:1"), &image("2"))).unwrap();
    assert_eq!(moved, [ours("2", A), b.clone()]);
    let added = after(&[&a, &b], |edit| edit.set_name(&name("c:1"), &image("1"))).unwrap();
    assert_eq!(added, [a, b, ours("1", "docker.io/library/c:1")]);
}

#[test]
fn a_write_of_a_name_removes_every_other_claim_to_it() {
    let skopeos = by_ref_name("2", A);
    let left_behind = row("1", r#","annotations":{"io.containerd.image.name":"docker.io/library/a:1"}"#);
    let short = by_ref_name("3", "a:1");
    let other = by_ref_name("4", "v1");
    let rows = [&*left_behind, &*skopeos, &*other, &*short];
    let named = after(&rows, |edit| edit.set_name(&name("a:1"), &image("5"))).unwrap();
    assert_eq!(named, [other.clone(), ours("5", A)]);
    let mut held = None;
    let gone = after(&rows, |edit| held = edit.remove_name(&Claim::Name(name("a:1")))).unwrap();
    assert_eq!((gone, held), (vec![other], Some(image("3").digest)));
}

#[test]
fn naming_an_image_ends_its_row_without_a_name() {
    let (bare, a) = (row("1", ""), ours("2", A));
    let named = after(&[&bare, &a], |edit| edit.set_name(&name("b"), &image("1"))).unwrap();
    assert_eq!(named, [a.clone(), ours("1", "docker.io/library/b:latest")]);
    let twice = after(&[&a], |edit| {
        edit.add(&image("1"));
        edit.add(&image("1"));
        edit.set_name(&name("b"), &image("1"));
        edit.add(&image("1"));
    });
    assert_eq!(twice.unwrap(), [a, ours("1", "docker.io/library/b:latest")]);
}

#[test]
fn a_name_that_the_grammar_of_ref_name_forbids_stands_in_containerds_annotation_alone() {
    let rows = after(&[], |edit| edit.set_name(&name("quay.io/a__b:1"), &image("1"))).unwrap();
    assert_eq!(rows, [row("1", r#","annotations":{"io.containerd.image.name":"quay.io/a__b:1"}"#)]);
}

#[test]
fn unknown_members_and_annotations_of_a_row_survive_its_rewrite() {
    let theirs = row(
        "1",
        r#","x-big":12345678901234567890123,"data":"MQ==","annotations":{"k":"v","org.opencontainers.image.ref.name":"a:1"}"#,
    );
    let unchanged = by_ref_name("2", "spaced  \\u0076");
    let rows = after(&[&theirs, &unchanged], |edit| {
        edit.set_name(&name("a:1"), &image("1").with_annotation(annotation::SOURCE, "s"));
        edit.set_name(&name("b:1"), &image("1"));
    })
    .unwrap();
    let annotations = |full: &str, more: [&str; 2]| {
        format!(
            r#","annotations":{{{}"io.containerd.image.name":"{full}",{}"org.opencontainers.image.ref.name":"{full}"}},"x-big":12345678901234567890123,"data":"MQ==""#,
            more[0], more[1]
        )
    };
    let a = row("1", &annotations(A, [r#""dev.ociutils.source":"s","#, r#""k":"v","#]));
    let b = row("1", &annotations("docker.io/library/b:1", ["", ""]));
    assert_eq!(rows, [a, unchanged, b]);
    // what was said of another image is not said of this one
    let moved = after(&[&theirs], |edit| edit.set_name(&name("a:1"), &image("2"))).unwrap();
    assert_eq!(moved, [ours("2", A)]);
}

#[test]
fn rows_that_are_no_descriptors_stay_as_they_are() {
    let strange = ["7", "null", r#"{"digest":7}"#, r#"{ "a":[1, 2] }"#];
    let rows = after(&strange, |edit| edit.set_name(&name("a:1"), &image("1"))).unwrap();
    assert_eq!(rows[..4], strange);
    assert_eq!(rows[4], ours("1", A));
}

#[test]
fn removing_a_digest_takes_all_its_rows_those_of_this_edit_too() {
    let (a, b) = (ours("1", A), ours("2", "docker.io/library/b:1"));
    let mut count = 0;
    let rows = after(&[&a, &b, &row("1", "")], |edit| {
        edit.set_name(&name("c:1"), &image("1"));
        count = edit.remove_digest(&image("1").digest);
        assert!(edit.remove_name(&Claim::Name(name("c:1"))).is_none());
    });
    assert_eq!((rows.unwrap(), count), (vec![b], 2));
}

#[test]
fn a_referrer_is_neither_an_image_without_a_name_nor_added_twice() {
    let referrer = image("sig").with_annotation(annotation::SUBJECT, image("1").digest.to_string());
    let json = serde_json::to_string(&referrer).unwrap();
    let once = after(&[], |edit| {
        edit.add_row(&referrer);
        edit.add_row(&referrer);
    });
    assert_eq!(once.unwrap(), std::slice::from_ref(&json));
    assert_eq!(after(&[&json], |edit| edit.add_row(&referrer)), None);
    let named = after(&[&json], |edit| edit.set_name(&name("a:1"), &image("sig"))).unwrap();
    assert_eq!(named, [json, ours("sig", A)]);
}
