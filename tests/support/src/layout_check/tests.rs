//! The check must find each defect: a check that cannot fail says nothing.

use serde_json::json;

use super::*;
use crate::{Dir, Image, TarBuilder, digest_of};

fn sound() -> (Dir, PathBuf) {
    let dir = Dir::new();
    let layout = dir.join("layout");
    let image = Image::new()
        .layer(TarBuilder::new().dir("etc").file("etc/motd", "hi\n"))
        .zstd_layer(TarBuilder::new().whiteout("etc/motd"))
        .plain_layer(TarBuilder::new().noise_file("big", 100_000));
    image.write_layout(&layout, Some("docker.io/library/app:1"));
    (dir, layout)
}

/// What the check says once `break_it` has had its way with a sound layout.
fn complaints(break_it: impl FnOnce(&Path)) -> String {
    let (_dir, layout) = sound();
    break_it(&layout);
    LayoutCheck::new(&layout).report().wrong.join("\n")
}

fn blob(layout: &Path, wanted: impl Fn(&[u8]) -> bool) -> PathBuf {
    let files = list(&layout.join("blobs/sha256"));
    files.into_iter().map(|(_, path)| path).find(|p| wanted(&std::fs::read(p).unwrap())).unwrap()
}

#[test]
fn a_sound_layout_is_reported_as_it_is() {
    let (_dir, layout) = sound();
    let report = check_layout(&layout);
    assert_eq!(report.names(), ["docker.io/library/app:1"]);
    assert_eq!(report.blobs.len(), 5);
    assert!(report.unreachable.is_empty() && report.unfinished.is_empty() && report.others.is_empty());
}

#[test]
fn a_changed_byte_is_found() {
    let said = complaints(|l| {
        let path = blob(l, |b| b.starts_with(&[0x1f, 0x8b]));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[20] ^= 1;
        std::fs::write(path, bytes).unwrap();
    });
    assert!(said.contains("its content is sha256:"), "{said}");
}

#[test]
fn a_missing_layer_is_found() {
    let said = complaints(|l| std::fs::remove_file(blob(l, |b| b.starts_with(&[0x1f, 0x8b]))).unwrap());
    assert!(said.contains("is missing"), "{said}");
}

#[test]
fn a_foreign_file_under_blobs_is_found() {
    let said = complaints(|l| std::fs::write(l.join("blobs/sha256/tmp-1"), "").unwrap());
    assert!(said.contains("tmp-1: not a finished blob"), "{said}");
}

#[test]
fn a_row_that_leads_nowhere_is_found() {
    let said =
        complaints(|l| std::fs::remove_file(blob(l, |b| b.starts_with(br#"{"config":{"digest"#))).unwrap());
    assert!(said.contains("leads nowhere"), "{said}");
}

#[test]
fn a_wrong_size_in_a_row_is_found() {
    let said = complaints(|l| {
        let text = std::fs::read_to_string(l.join("index.json")).unwrap();
        std::fs::write(l.join("index.json"), text.replace(r#""size":"#, r#""size":1"#)).unwrap();
    });
    assert!(said.contains("index.json: says 1"), "{said}");
}

#[test]
fn a_layout_of_another_version_is_found() {
    let said = complaints(|l| std::fs::write(l.join("oci-layout"), "{}").unwrap());
    assert!(said.contains("is not 1.0.0"), "{said}");
}

#[test]
fn a_wrong_diff_id_is_found_and_may_be_allowed() {
    let dir = Dir::new();
    let layout = dir.join("layout");
    let mut image = Image::new().layer(TarBuilder::new().file("a", "a")).build();
    let config = String::from_utf8(image.blobs[&image.config_digest].clone()).unwrap();
    let manifest = String::from_utf8(image.blobs[&image.digest].clone()).unwrap();
    let tar = digest_of(TarBuilder::new().file("a", "a").bytes());
    let config = config.replace(&tar, &digest_of("other"));
    let manifest = manifest.replace(&image.config_digest, &digest_of(&config));
    image.descriptor["digest"] = json!(digest_of(&manifest));
    image.blobs.extend([config, manifest].map(|text| (digest_of(&text), text.into_bytes())));
    image.write_layout(&layout, None);

    let said = LayoutCheck::new(&layout).report().wrong.join("\n");
    assert!(said.contains(&format!("is {tar}, not")), "{said}");
    let report = LayoutCheck::new(&layout).allow_wrong_diff_ids().run();
    assert_eq!(report.unreachable.len(), 2, "the first config and manifest");
}

#[test]
fn a_sparse_index_is_found_and_may_be_allowed() {
    let (_dir, layout) = sound();
    let absent = digest_of("absent");
    let index = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": absent, "size": 6 }] })
    .to_string();
    let digest = digest_of(&index);
    std::fs::write(layout.join("blobs").join(digest.replace(':', "/")), &index).unwrap();
    let top = json!({ "schemaVersion": 2, "manifests": [
        { "mediaType": "application/vnd.oci.image.index.v1+json", "digest": digest, "size": index.len() }] });
    std::fs::write(layout.join("index.json"), top.to_string()).unwrap();

    let said = LayoutCheck::new(&layout).report().wrong.join("\n");
    assert!(said.contains(&format!("{absent}: an index names it")), "{said}");
    let report = LayoutCheck::new(&layout).allow_sparse().run();
    assert!(report.missing.contains(&absent));
}
