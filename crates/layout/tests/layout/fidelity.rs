//! What was received stays as it was received.

use crate::fixture::{collect_all, create, descriptor, image, name, open, pull, remove, tag};
use image_format::{Expected, Failure, MediaType, Sink};
use ociutils_layout::{Layout, Removal};
use std::io::Write;
use test_support::{Dir, LayoutCheck, check_layout};

#[test]
fn a_manifest_is_kept_as_the_exact_bytes_received() {
    let dir = Dir::new();
    let layout = create(dir.path());
    let sink = layout.sink().unwrap();
    let text = b"{ \"schemaVersion\" : 2,\r\n\t\"x\":1.0e2,\"config\":{},\"layers\":[] }\n";
    let manifest = sink.put(MediaType::OciManifest, text).unwrap();
    assert_eq!(layout.read_small(&manifest.digest).unwrap(), text);
}

#[test]
fn unknown_members_rows_and_files_survive_every_write() {
    type Write = fn(&Layout) -> Result<(), Failure>;
    let writes: [(&str, Write); 4] = [
        ("pull", |layout| pull(layout, &image("b"), "b:1")),
        ("tag", |layout| tag(layout, "a:1", "c:1")),
        ("remove", |layout| remove(layout, &["a:1"], Removal::default()).map(drop)),
        ("collect", |layout| {
            collect_all(layout);
            Ok(())
        }),
    ];
    for (what, write) in writes {
        let dir = Dir::new();
        pull(&create(dir.path()), &image("a"), "a:1").unwrap();
        let foreign = r#"{"digest":"md5:x" , "x":[1.10,{}]}"#;
        let index = dir.read_text("index.json");
        let index = index
            .replacen("{", r#"{"x-first":1.10,"#, 1)
            .replace("\"manifests\":[", &format!("\"manifests\":[{foreign},"));
        let end = index.len() - 2;
        assert_eq!(&index[end..], "]}");
        dir.write("index.json", format!(r#"{}],"annotations":{{"k":"v"}},"x-last":null}}"#, &index[..end]));
        dir.write("their-file", "x");
        dir.write(".their-directory/file", "y");
        write(&open(dir.path())).unwrap();
        let index = dir.read_text("index.json");
        for kept in [r#"{"x-first":1.10,"#, foreign, r#"],"annotations":{"k":"v"},"x-last":null}"#] {
            assert!(index.contains(kept), "{what}: {kept} not in {index}");
        }
        assert_eq!(
            (dir.read_text("their-file"), dir.read_text(".their-directory/file")),
            ("x".into(), "y".into())
        );
    }
}

#[test]
fn a_blob_appears_whole_or_not_at_all() {
    let dir = Dir::new();
    let layout = create(dir.path());
    let sink = layout.sink().unwrap();
    let image = image("a");
    let blob = descriptor(&image);
    let right = &image.blobs[&image.digest];
    for (sent, said) in [
        (&right[..10], "ended after 10 bytes"),
        (&[right.as_slice(), b"x"].concat(), "more bytes than its descriptor says"),
        (&right.iter().map(|byte| byte ^ 1).collect::<Vec<_>>(), "the content's digest is sha256:"),
    ] {
        let mut writer = sink.writer(Expected::Descriptor(blob.clone())).unwrap();
        writer.restart().unwrap();
        let result = writer.write_all(sent).map_err(Failure::from).and_then(|()| writer.commit().map(drop));
        let failure = result.unwrap_err();
        assert!(failure.to_string().contains(said), "{failure}");
        assert_eq!(failure.class(), image_format::Class::Integrity, "{failure}");
        assert_eq!(dir.list("blobs/sha256"), [""; 0], "{said}");
    }
    drop(sink);
    // the whole one of the three may have been gone on with, so nothing but it may be left
    assert!(dir.list(".ociutils/ingest").len() <= 1);
    pull(&layout, &image, "a:1").unwrap();
    assert_eq!(dir.list(".ociutils/ingest"), [""; 0]);
    check_layout(dir.path());
}

#[test]
fn a_blob_whose_digest_is_not_known_is_named_by_what_was_sent() {
    let dir = Dir::new();
    let layout = create(dir.path());
    let sink = layout.sink().unwrap();
    for algorithm in image_format::Algorithm::ALL {
        let mut writer = sink.writer(Expected::Algorithm(algorithm)).unwrap();
        writer.write_all(b"bytes").unwrap();
        let blob = writer.commit().unwrap();
        assert_eq!((blob.digest, blob.size), (image_format::Digest::of(algorithm, b"bytes"), 5));
        assert_eq!(layout.read_small(&blob.digest).unwrap(), b"bytes");
        sink.writer(Expected::Algorithm(algorithm)).unwrap().write_all(b"given up").unwrap();
    }
    drop(sink);
    assert_eq!(dir.list(".ociutils/ingest"), [""; 0]);
    assert_eq!(LayoutCheck::new(dir.path()).run().blobs.len(), 2);
}

#[test]
fn a_name_keeps_the_platform_and_source_of_its_descriptor() {
    let dir = Dir::new();
    let layout = create(dir.path());
    let image = image("a");
    pull(&layout, &image, "a:1").unwrap();
    let row = descriptor(&image).with_annotation("dev.ociutils.source", "docker.io/library/a:1@sha256:0");
    layout.sink().unwrap().name(Some(&name("a:1")), &row).unwrap();
    let snapshot = layout.snapshot().unwrap();
    let found = snapshot.images().remove(0).descriptor;
    assert_eq!(
        (&found.platform, found.annotation("dev.ociutils.source")),
        (&row.platform, row.annotation("dev.ociutils.source"))
    );
}
