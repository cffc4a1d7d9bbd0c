//! Removing images and collecting blobs: what nobody needs goes, and nothing else.

use crate::child;
use crate::fixture::{
    age, collect, collect_all, create, descriptor, image, name, open, pull, remove, resolve, send, tag,
};
use image_format::{Class, Digest, MediaType, Sink};
use ociutils_layout::{Layout, Removal};
use std::path::Path;
use std::time::Duration;
use test_support::{Dir, LayoutCheck, check_layout};

const FORCE: Removal = Removal { force: true, no_prune: false, dry_run: false };

/// `a:1` and `b:1`, old, and an old image that nobody names.
fn furnished(dir: &Dir) -> Layout {
    let layout = create(dir.path());
    for (content, to) in [("a", "a:1"), ("orphan", "b:1"), ("b", "b:1")] {
        pull(&layout, &image(content), to).unwrap();
    }
    age(dir.path());
    layout
}

#[test]
fn a_collection_takes_what_no_row_reaches() {
    let dir = Dir::new();
    let layout = furnished(&dir);
    let mut orphans: Vec<String> = image("orphan").blobs.into_keys().collect();
    orphans.sort();
    assert_eq!(collect(&layout, Duration::ZERO, true).unwrap(), orphans, "a dry run says it");
    assert_eq!(check_layout(dir.path()).unreachable.len(), 3, "and leaves it");
    assert_eq!(
        collect(&layout, Duration::from_secs(7200), false).unwrap(),
        [""; 0],
        "the grace shields them"
    );
    assert_eq!(collect(&layout, Duration::from_secs(600), false).unwrap(), orphans);
    assert_eq!(check_layout(dir.path()).blobs.len(), 6);
}

#[test]
fn a_lease_keeps_what_is_not_named_yet() {
    let dir = Dir::new();
    let layout = furnished(&dir);
    let sink = layout.sink().unwrap();
    let new = image("new");
    send(&sink, &new).unwrap();
    assert_eq!(collect_all(&open(dir.path())).len(), 3, "the orphan is older than the lease");
    sink.name(Some(&name("new:1")), &descriptor(&new)).unwrap();
    drop(sink);
    assert_eq!(collect_all(&layout), [""; 0]);
    assert_eq!(check_layout(dir.path()).names().len(), 3);
}

#[test]
fn what_is_refreshed_is_kept_though_it_is_old() {
    let dir = Dir::new();
    let layout = furnished(&dir);
    let sink = layout.sink().unwrap();
    let orphan = image("orphan");
    send(&sink, &orphan).unwrap();
    assert_eq!(collect_all(&open(dir.path())), [""; 0]);
    sink.name(Some(&name("saved:1")), &descriptor(&orphan)).unwrap();
    drop(sink);
    assert_eq!(check_layout(dir.path()).names().len(), 3);
}

#[test]
fn a_refresh_that_comes_too_late_finds_the_blob_missing() {
    let dir = Dir::new();
    let layout = furnished(&dir);
    let sink = layout.sink().unwrap();
    collect_all(&open(dir.path()));
    let orphan = descriptor(&image("orphan"));
    assert_eq!(sink.missing(std::slice::from_ref(&orphan)).unwrap(), [&orphan]);
    std::fs::write(dir.join("blobs/sha256").join(orphan.digest.hex()), "short").unwrap();
    assert_eq!(sink.missing(std::slice::from_ref(&orphan)).unwrap(), [&orphan], "nor is a cut one whole");
}

#[test]
fn leases_and_nameless_parts_of_the_dead_are_swept_and_those_of_the_living_are_not() {
    const NAME: &str =
        "taking_away::leases_and_nameless_parts_of_the_dead_are_swept_and_those_of_the_living_are_not";
    if child::arguments().is_some() {
        let sink = open(Path::new(".")).sink().unwrap();
        let algorithm = image_format::Algorithm::Sha256;
        let mut writer = sink.writer(image_format::Expected::Algorithm(algorithm)).unwrap();
        writer.write_all(b"begun").unwrap();
        std::fs::write("started", "").unwrap();
        loop {
            std::thread::park();
        }
    }
    let dir = Dir::new();
    let layout = furnished(&dir);
    let mut writer = child::start(NAME, dir.path(), &[]);
    while !dir.join("started").exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
    dir.write(".ociutils/leases/dead", "");
    dir.write(".ociutils/ingest/new-dead", "x");
    let partial = dir.write(format!(".ociutils/ingest/sha256-{}", "0".repeat(64)), "kept for a week");
    collect_all(&layout);
    let left = |dir: &Dir| (dir.list(".ociutils/leases").len(), dir.list(".ociutils/ingest").len());
    assert_eq!(left(&dir), (1, 2), "{:?} {:?}", dir.list(".ociutils/leases"), dir.list(".ociutils/ingest"));
    writer.kill().unwrap();
    writer.wait().unwrap();
    let week = Duration::from_secs(8 * 24 * 3600);
    let file = std::fs::File::options().write(true).open(partial).unwrap();
    file.set_modified(std::time::SystemTime::now() - week).unwrap();
    dir.write("blobs/sha256/".to_owned() + &Digest::sha256(b"x").hex(), "x");
    assert_eq!(collect_all(&layout).len(), 1, "a dead lease keeps nothing");
    assert_eq!(left(&dir), (0, 0));
}

#[test]
fn removing_the_last_name_removes_the_image_and_what_only_it_used() {
    let dir = Dir::new();
    let layout = furnished(&dir);
    tag(&layout, "a:1", "a:2").unwrap();
    let a = image("a");
    assert_eq!(remove(&layout, &["a:1"], Removal::default()).unwrap(), ["untagged docker.io/library/a:1"]);
    assert_eq!(resolve(&layout, "a:2").unwrap(), a.digest);
    let mut said = vec!["untagged docker.io/library/a:2".to_owned(), format!("deleted {}", a.digest)];
    said.extend(a.blobs.keys().map(|digest| format!("blob {digest}")));
    assert_eq!(remove(&layout, &["a:2"], Removal::default()).unwrap(), said);
    // the orphan is not this removal's business
    assert_eq!(check_layout(dir.path()).unreachable.len(), 3);
}

#[test]
fn an_image_with_several_names_goes_by_its_id_only_by_force() {
    let dir = Dir::new();
    let layout = furnished(&dir);
    tag(&layout, "a:1", "c:1").unwrap();
    let id = image("a").config_digest[7..19].to_owned();
    let refused = remove(&layout, &[&id], Removal::default()).unwrap_err();
    assert_eq!(refused.class(), Class::Conflict);
    assert!(refused.to_string().contains("docker.io/library/a:1, docker.io/library/c:1"), "{refused}");
    let rehearsed = remove(&layout, &[&id], Removal { dry_run: true, ..FORCE }).unwrap();
    assert_eq!(resolve(&layout, "a:1").unwrap(), image("a").digest, "a dry run leaves everything");
    assert_eq!(remove(&layout, &[&id], FORCE).unwrap(), rehearsed);
    assert_eq!(rehearsed.len(), 6, "{rehearsed:?}");
    assert_eq!(check_layout(dir.path()).names(), ["docker.io/library/b:1"]);
}

#[test]
fn what_other_images_use_stays() {
    let dir = Dir::new();
    let layout = create(dir.path());
    let shared =
        test_support::Image::new().plain_layer(test_support::TarBuilder::new().file("s", "s").bytes());
    for (command, to) in [("a", "a:1"), ("b", "b:1")] {
        pull(&layout, &shared.clone().cmd([command]).build(), to).unwrap();
    }
    for removal in [Removal { dry_run: true, ..Removal::default() }, Removal::default()] {
        let said = remove(&layout, &["a:1"], removal).unwrap();
        assert_eq!(said.len(), 4, "{said:?}");
    }
    assert_eq!(check_layout(dir.path()).blobs.len(), 3);
    let unpruned = Removal { no_prune: true, ..Removal::default() };
    assert_eq!(remove(&layout, &["b:1"], unpruned).unwrap().len(), 2);
    assert_eq!(check_layout(dir.path()).unreachable.len(), 3);
}

#[test]
fn a_name_that_has_moved_on_is_left() {
    let dir = Dir::new();
    let layout = furnished(&dir);
    let (a, b) = (image("a").digest, image("b").digest);
    let before = dir.read("index.json");
    for (operand, class) in [
        (format!("a:1@{b}"), Class::Conflict),
        (format!("c:1@{a}"), Class::NotFound),
        ("c:1".to_owned(), Class::NotFound),
    ] {
        assert_eq!(remove(&layout, &[&operand], Removal::default()).unwrap_err().class(), class, "{operand}");
    }
    assert_eq!(dir.read("index.json"), before);
    assert_eq!(remove(&layout, &[&format!("a:1@{a}")], Removal::default()).unwrap().len(), 5);
    assert_eq!(remove(&layout, &["b:1", "b:1"], Removal::default()).unwrap_err().class(), Class::NotFound);
    assert_eq!(check_layout(dir.path()).names(), [""; 0]);
}

/// What a row or a document that is strange in some way keeps alive.
#[test]
fn a_collection_that_does_not_know_what_is_needed_takes_nothing() {
    let a = image("a");
    let long = format!(r#"{{"config":{{}},"layers":[],"x":"{}"}}"#, "x".repeat(5 << 20));
    let schema1 = r#"{"schemaVersion":1,"fsLayers":[]}"#.to_owned();
    for (what, content) in [("too long", long), ("of another schema", schema1), ("cut", "{".to_owned())] {
        let dir = Dir::new();
        let layout = furnished(&dir);
        let sink = layout.sink().unwrap();
        let manifest = sink.put(MediaType::OciManifest, content.as_bytes()).unwrap();
        sink.name(Some(&name("odd:1")), &manifest).unwrap();
        drop(sink);
        age(dir.path());
        let failure = collect(&layout, Duration::ZERO, false).unwrap_err();
        assert_eq!(failure.class(), Class::Integrity, "{what}: {failure}");
        assert!(failure.hint().is_some_and(|hint| hint.contains("oci-fsck")), "{what}");
        assert_eq!(dir.list("blobs/sha256").len(), 10, "{what}");
        // it can still be removed, and then everything goes on
        remove(&layout, &["odd:1"], Removal::default()).unwrap();
        assert_eq!(collect_all(&layout).len(), 3, "{what}");
        assert_eq!(check_layout(dir.path()).blobs.len(), 6);
    }
    // rows that are no descriptors keep the images that they speak of
    for (what, broken) in [
        ("a size that is none", (r#""size":"#, r#""size":-"#)),
        ("no media type", (r#""mediaType""#, r#""media-type""#)),
        ("a name that is a number", (r#""docker.io/library/a:1""#, "7")),
        ("escapes", (r#""size":"#, r#""x":"\n","size":-"#)),
    ] {
        let dir = Dir::new();
        let layout = create(dir.path());
        pull(&layout, &a, "a:1").unwrap();
        age(dir.path());
        dir.write("index.json", dir.read_text("index.json").replace(broken.0, broken.1));
        assert_eq!(collect_all(&layout), [""; 0], "{what}");
    }
}

#[test]
fn a_document_of_an_unknown_type_keeps_all_that_it_mentions() {
    let dir = Dir::new();
    let layout = create(dir.path());
    let sink = layout.sink().unwrap();
    let part = sink.put(MediaType::from("text/plain"), b"part").unwrap();
    let text = format!(r#"{{"blobs":[{{"digest":"{}"}}]}}"#, part.digest);
    let escaped =
        format!(r#"{{"of":"{}"}}"#, Digest::sha256(text.as_bytes()).to_string().replace(':', "\\u003a"));
    let artifact = MediaType::from("application/vnd.oci.artifact.manifest.v1+json");
    sink.put(artifact.clone(), text.as_bytes()).unwrap();
    let root = sink.put(artifact, escaped.as_bytes()).unwrap();
    sink.name(Some(&name("artifact:1")), &root).unwrap();
    drop(sink);
    age(dir.path());
    assert_eq!(collect_all(&layout), [""; 0]);
}

#[test]
fn an_image_that_calls_another_images_manifest_a_layer_takes_nothing_from_it() {
    let dir = Dir::new();
    let layout = create(dir.path());
    let a = image("a");
    pull(&layout, &a, "zz:1").unwrap();
    let sink = layout.sink().unwrap();
    let config = sink.put(MediaType::OciConfig, b"{}").unwrap();
    let mut layer = descriptor(&a);
    layer.media_type = MediaType::OciLayerGzip;
    layer.platform = None;
    let manifest = image_format::Raw::write(image_format::Manifest::new(config, vec![layer])).into_bytes();
    let evil = sink.put(MediaType::OciManifest, &manifest).unwrap();
    // its row comes before and behind the other's
    sink.name(Some(&name("evil:1")), &evil).unwrap();
    sink.name(Some(&name("zz:1")), &evil).unwrap();
    sink.name(Some(&name("last:1")), &descriptor(&a)).unwrap();
    drop(sink);
    age(dir.path());
    assert_eq!(collect_all(&layout), [""; 0]);
    assert_eq!(LayoutCheck::new(dir.path()).allow_wrong_diff_ids().run().blobs.len(), 5);
}

#[test]
fn a_sparse_index_keeps_the_children_that_are_there() {
    let dir = Dir::new();
    let layout = create(dir.path());
    let a = image("a");
    let sink = layout.sink().unwrap();
    send(&sink, &a).unwrap();
    let index = image_format::Index::new(vec![descriptor(&a), descriptor(&image("elsewhere"))]);
    let index = image_format::Raw::write(index).into_bytes();
    let index = sink.put(MediaType::OciIndex, &index).unwrap();
    sink.name(Some(&name("multi:1")), &index).unwrap();
    drop(sink);
    age(dir.path());
    assert_eq!(collect_all(&layout), [""; 0]);
    assert_eq!(LayoutCheck::new(dir.path()).allow_sparse().run().missing.len(), 1);
    assert_eq!(
        resolve(&layout, &format!("@{}", a.digest)).unwrap(),
        a.digest,
        "a child is found by its digest"
    );
    let refused = remove(&layout, &[&format!("@{}", a.digest)], Removal::default()).unwrap_err();
    assert_eq!(refused.class(), Class::Conflict);
}
