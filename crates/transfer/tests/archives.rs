//! Images into archives and back, through stores in memory.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use archive::{ArchiveReader, Content, Format, Opened, Output, PackOptions, Packing, ReceiveOptions};
use image_format::{
    Blob, Class, Descriptor, DiffId, Digest, Failure, ImageConfig, ImageName, Index, Manifest, MediaType,
    MemoryStore, Platform, Raw, RootFs, Silent, Source,
};
use layer::{Compression, Entry, Kind, LayerWriter, Metadata, TarWriter, Threads};
use ociutils_transfer::{Arrival, Naming, Platforms, export, hold, receive};
use std::io::{Cursor, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A layer's tar of one file that no compression makes much smaller.
fn tar(seed: u8, size: usize) -> Vec<u8> {
    let mut state = u32::from(seed) + 1;
    let content: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(size)
    .collect();
    let kind = Kind::File { size: content.len() as u64, pieces: None };
    let entry = Entry { path: b"data".to_vec(), kind, metadata: Metadata::default() };
    let mut tar = TarWriter::new(Vec::new());
    tar.append(&entry, &mut &content[..]).unwrap();
    tar.finish().unwrap()
}

fn compressed(tar: &[u8], form: &str) -> Vec<u8> {
    let mut layer = LayerWriter::new(Vec::new(), form.parse().unwrap(), Threads::default());
    layer.write_all(tar).unwrap();
    layer.finish().unwrap().1
}

/// An image whose layers are compressed in these forms.
fn image(store: &MemoryStore, seed: u8, forms: &[&str], architecture: &str) -> Descriptor {
    let (mut layers, mut diff_ids) = (Vec::new(), Vec::new());
    for (position, form) in (0..).zip(forms) {
        // one that is small enough to be held in memory, one that is not
        let tar = tar(seed + position, 100 << (position * 10 % 20));
        diff_ids.push(DiffId::new(Digest::sha256(&tar)));
        let kind = match form.split(':').next() {
            Some("gzip") => MediaType::OciLayerGzip,
            Some("zstd") => MediaType::OciLayerZstd,
            _ => MediaType::OciLayer,
        };
        layers.push(store.put(kind, compressed(&tar, form)));
    }
    let config = ImageConfig {
        os: "linux".to_owned(),
        architecture: architecture.to_owned(),
        rootfs: RootFs { diff_ids, ..RootFs::default() },
        ..ImageConfig::default()
    };
    let platform = config.platform();
    let config = store.put(MediaType::OciConfig, Raw::write(config).into_bytes());
    let manifest = Raw::write(Manifest::new(config, layers));
    store.put(MediaType::OciManifest, manifest.into_bytes()).with_platform(platform)
}

#[derive(Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn names(names: &[&str]) -> Vec<ImageName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn try_pack(
    store: &MemoryStore,
    images: &[(&Descriptor, &[&str])],
    format: Format,
) -> Result<Vec<u8>, Failure> {
    let held = images
        .iter()
        .map(|(root, called)| hold(Box::new(store.clone()), root, names(called), &Platforms::All).unwrap())
        .collect();
    let options = PackOptions { format, platform: None, leave_out: &|_| false, observer: &Silent };
    let bytes = Bytes::default();
    let packing = Packing::new(held, options)?;
    export(&packing, Output::writer(bytes.clone()), &Silent)?;
    let bytes = bytes.0.lock().unwrap().clone();
    Ok(bytes)
}

fn pack(store: &MemoryStore, images: &[(&Descriptor, &[&str])], format: Format) -> Vec<u8> {
    try_pack(store, images, format).unwrap()
}

fn unpack_with(
    archive: Vec<u8>,
    compression: Option<Compression>,
    platforms: &Platforms,
    store: &MemoryStore,
) -> Result<Vec<Arrival>, Failure> {
    let opened = archive::open(Cursor::new(archive), None).unwrap();
    let Opened::Archive(mut reader) = opened else { panic!("taken for a root filesystem") };
    let options = ReceiveOptions { compression, threads: Threads::default(), observer: &Silent };
    receive(&mut reader, store, platforms, Naming::Own, options)
}

fn unpack(archive: Vec<u8>) -> Result<(MemoryStore, Vec<Arrival>), Failure> {
    let store = MemoryStore::new();
    let arrivals = unpack_with(archive, Some(Compression::default()), &Platforms::All, &store)?;
    Ok((store, arrivals))
}

fn entries(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut tar = layer::TarReader::new(archive);
    let mut entries = Vec::new();
    while let Some(entry) = tar.next_entry().unwrap() {
        let mut content = Vec::new();
        tar.content().read_to_end(&mut content).unwrap();
        entries.push((String::from_utf8(entry.path).unwrap(), content));
    }
    entries
}

/// An archive of these entries.
fn tar_of(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut tar = TarWriter::new(Vec::new());
    for (name, content) in entries {
        let kind = Kind::File { size: content.len() as u64, pieces: None };
        let entry = Entry { path: name.clone().into_bytes(), kind, metadata: Metadata::default() };
        tar.append(&entry, &mut &content[..]).unwrap();
    }
    tar.finish().unwrap()
}

fn config_of(store: &MemoryStore, manifest: &Descriptor) -> Descriptor {
    let bytes = store.get(&manifest.digest).unwrap();
    serde_json::from_slice::<Manifest>(&bytes).unwrap().config
}

#[test]
fn an_image_comes_back_from_a_hybrid_and_from_a_layout_as_it_was() {
    let store = MemoryStore::new();
    let app = image(&store, 1, &["gzip", "gzip:3"], "amd64");
    for format in [Format::Hybrid, Format::Oci] {
        let archive = pack(&store, &[(&app, &["app:1", "registry.example/app:2"])], format);
        let (copy, arrivals) = unpack(archive).unwrap();
        let [arrival] = &arrivals[..] else { panic!("{arrivals:?}") };
        assert_eq!(arrival.descriptor.digest, app.digest);
        assert_eq!(arrival.names, names(&["app:1", "registry.example/app:2"]));
        assert!(!arrival.changed);
        for blob in [app.digest, config_of(&store, &app).digest] {
            assert_eq!(copy.get(&blob), store.get(&blob));
        }
    }
}

#[test]
fn what_is_known_comes_first_and_equal_images_are_equal_archives() {
    let store = MemoryStore::new();
    let app = image(&store, 1, &["gzip", "gzip"], "amd64");
    let archive = pack(&store, &[(&app, &["app:1"])], Format::Hybrid);
    assert_eq!(archive, pack(&store, &[(&app, &["app:1"])], Format::Hybrid));
    let found: Vec<String> = entries(&archive).into_iter().map(|(name, _)| name).collect();
    assert_eq!(found[..3], ["oci-layout", "index.json", "manifest.json"]);
    let manifest: Manifest = serde_json::from_slice(&store.get(&app.digest).unwrap()).unwrap();
    let blobs = [&app, &manifest.config, &manifest.layers[0], &manifest.layers[1]];
    let blobs = blobs.map(|blob| format!("blobs/sha256/{}", blob.digest.hex()));
    assert_eq!(found[3..], blobs);
    let rows: serde_json::Value = serde_json::from_slice(&entries(&archive)[2].1).unwrap();
    let expected = serde_json::json!([
        { "Config": blobs[1], "RepoTags": ["docker.io/library/app:1"], "Layers": [blobs[2], blobs[3]] }
    ]);
    assert_eq!(rows, expected);
}

#[test]
fn a_docker_archive_has_plain_layers_and_comes_back_with_its_config() {
    let store = MemoryStore::new();
    let app = image(&store, 1, &["gzip", "zstd", "none"], "amd64");
    let archive = pack(&store, &[(&app, &["app:1"])], Format::Docker);
    let config = config_of(&store, &app);
    let parsed: ImageConfig = serde_json::from_slice(&store.get(&config.digest).unwrap()).unwrap();
    let found: Vec<String> = entries(&archive).into_iter().map(|(name, _)| name).collect();
    let mut expected = vec!["manifest.json".to_owned(), format!("{}.json", config.digest.hex())];
    expected.extend(parsed.rootfs.diff_ids.iter().map(|diff_id| format!("{}.tar", diff_id.digest().hex())));
    assert_eq!(found, expected);
    let (copy, arrivals) = unpack(archive.clone()).unwrap();
    assert_eq!(config_of(&copy, &arrivals[0].descriptor).digest, config.digest);
    assert_eq!(arrivals[0].names, names(&["app:1"]));
    // the same archive is the same image, and another one where its layers stay plain
    assert_eq!(unpack(archive.clone()).unwrap().1[0].descriptor, arrivals[0].descriptor);
    let store = MemoryStore::new();
    let kept = unpack_with(archive, None, &Platforms::All, &store).unwrap();
    let manifest: Manifest = serde_json::from_slice(&store.get(&kept[0].descriptor.digest).unwrap()).unwrap();
    for (layer, diff_id) in manifest.layers.iter().zip(&parsed.rootfs.diff_ids) {
        assert_eq!((&layer.digest, &layer.media_type), (diff_id.digest(), &MediaType::OciLayer));
    }
}

#[test]
fn zstd_layers_become_gzip_where_docker_reads_the_archive() {
    let store = MemoryStore::new();
    let app = image(&store, 1, &["zstd", "zstd"], "amd64");
    let kept = pack(&store, &[(&app, &["app:1"])], Format::Oci);
    assert_eq!(unpack(kept).unwrap().1[0].descriptor.digest, app.digest);
    let hybrid = pack(&store, &[(&app, &["app:1"])], Format::Hybrid);
    let (copy, arrivals) = unpack(hybrid).unwrap();
    let manifest: Manifest =
        serde_json::from_slice(&copy.get(&arrivals[0].descriptor.digest).unwrap()).unwrap();
    assert!(manifest.layers.iter().all(|layer| layer.media_type == MediaType::OciLayerGzip));
    assert_eq!(manifest.config.digest, config_of(&store, &app).digest);
}

/// Counts how often one blob is opened.
struct Counting {
    store: MemoryStore,
    counted: Digest,
    opened: Arc<AtomicUsize>,
}

impl Source for Counting {
    fn open(&self, descriptor: &Descriptor, from: u64) -> Result<Blob, Failure> {
        if descriptor.digest == self.counted {
            self.opened.fetch_add(1, Ordering::Relaxed);
        }
        self.store.open(descriptor, from)
    }
}

#[test]
fn a_layer_that_is_converted_is_read_twice_to_learn_its_digest_and_to_be_written() {
    let store = MemoryStore::new();
    let app = image(&store, 1, &["zstd", "zstd"], "amd64");
    let manifest: Manifest = serde_json::from_slice(&store.get(&app.digest).unwrap()).unwrap();
    let opened = Arc::default();
    let source = Counting { store, counted: manifest.layers[1].digest, opened: Arc::clone(&opened) };
    let held = hold(Box::new(source), &app, names(&["app:1"]), &Platforms::All).unwrap();
    let before = opened.load(Ordering::Relaxed);
    let options =
        PackOptions { format: Format::Hybrid, platform: None, leave_out: &|_| false, observer: &Silent };
    let packing = Packing::new(vec![held], options).unwrap();
    export(&packing, Output::writer(Bytes::default()), &Silent).unwrap();
    assert_eq!(opened.load(Ordering::Relaxed) - before, 2);
}

#[test]
fn plain_layers_of_a_layout_are_compressed_unless_they_are_to_stay() {
    let store = MemoryStore::new();
    let app = image(&store, 1, &["none", "none"], "amd64");
    let archive = pack(&store, &[(&app, &["app:1"])], Format::Hybrid);
    let (copy, arrivals) = unpack(archive.clone()).unwrap();
    assert!(arrivals[0].changed);
    let manifest: Manifest =
        serde_json::from_slice(&copy.get(&arrivals[0].descriptor.digest).unwrap()).unwrap();
    for layer in &manifest.layers {
        assert_eq!(layer.media_type, MediaType::OciLayerGzip);
        assert_eq!(copy.get(&layer.digest).unwrap().len() as u64, layer.size);
    }
    let store = MemoryStore::new();
    let kept = unpack_with(archive, None, &Platforms::All, &store).unwrap();
    assert_eq!((kept[0].descriptor.digest, kept[0].changed), (app.digest, false));
}

#[test]
fn blobs_in_any_order_are_the_same_image() {
    let store = MemoryStore::new();
    for (forms, format) in [(["gzip", "none"], Format::Hybrid), (["gzip", "gzip"], Format::Docker)] {
        let app = image(&store, 1, &forms, "amd64");
        let archive = pack(&store, &[(&app, &["app:1"])], format);
        let mut entries = entries(&archive);
        let (_, expected) = unpack(archive).unwrap();
        entries.reverse();
        if format == Format::Docker {
            // docker's own order: what says that it is an archive comes last
            entries.insert(0, ("repositories".to_owned(), b"{}".to_vec()));
        }
        let (copy, arrivals) = unpack(tar_of(&entries)).unwrap();
        assert_eq!(arrivals[0].descriptor, expected[0].descriptor);
        assert!(copy.get(&arrivals[0].descriptor.digest).is_some());
    }
}

#[test]
fn several_images_and_platforms_share_an_archive() {
    let store = MemoryStore::new();
    let (one, other) = (image(&store, 1, &["gzip"], "amd64"), image(&store, 2, &["gzip", "gzip"], "arm64"));
    let index = Raw::write(Index::of_platforms([one.clone(), other.clone()]).unwrap());
    let index = store.put(MediaType::OciIndex, index.into_bytes());
    let archive = pack(&store, &[(&index, &["all:1"]), (&other, &["arm:1"]), (&one, &[])], Format::Hybrid);
    let (copy, arrivals) = unpack(archive.clone()).unwrap();
    let digests: Vec<Digest> = arrivals.iter().map(|arrival| arrival.descriptor.digest).collect();
    assert_eq!(digests, [index.digest, other.digest, one.digest]);
    assert!(arrivals[2].names.is_empty());
    assert!(copy.get(&one.digest).is_some() && copy.get(&other.digest).is_some());
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&entries(&archive)[2].1).unwrap();
    assert_eq!(rows.len(), 2, "the index stands for the host's image, which is there by itself too");
    let wanted = Platforms::These(vec![Platform::new("linux", "arm64", None)]);
    let store = MemoryStore::new();
    let only = pack(&copy, &[(&index, &["all:1"])], Format::Oci);
    let chosen = unpack_with(only, None, &wanted, &store).unwrap();
    assert_eq!(chosen[0].descriptor.digest, other.digest);
    assert_eq!(store.get(&one.digest), None);
}

#[test]
fn an_index_that_lacks_some_of_its_images_is_kept_and_one_that_lacks_all_is_not() {
    let store = MemoryStore::new();
    let (one, other) = (image(&store, 1, &["gzip"], "amd64"), image(&store, 2, &["gzip"], "arm64"));
    let index = Raw::write(Index::of_platforms([one.clone(), other.clone()]).unwrap());
    let index = store.put(MediaType::OciIndex, index.into_bytes());
    let mut entries = entries(&pack(&store, &[(&index, &["all:1"])], Format::Oci));
    entries.retain(|(name, _)| !name.contains(&other.digest.hex()));
    let (copy, arrivals) = unpack(tar_of(&entries)).unwrap();
    assert_eq!(arrivals[0].descriptor.digest, index.digest);
    assert!(copy.get(&one.digest).is_some() && copy.get(&other.digest).is_none());
    entries.retain(|(name, _)| !name.contains(&one.digest.hex()));
    assert_eq!(unpack(tar_of(&entries)).unwrap_err().class(), Class::NotFound);
}

#[test]
fn nothing_is_stored_of_an_archive_that_lies_or_lacks_something() {
    let store = MemoryStore::new();
    let app = image(&store, 1, &["gzip", "none"], "amd64");
    for format in [Format::Hybrid, Format::Oci, Format::Docker] {
        let whole = entries(&pack(&store, &[(&app, &["app:1"])], format));
        for position in 0..whole.len() {
            let optional = ["oci-layout", "manifest.json"].contains(&&*whole[position].0);
            let mut lacking = whole.clone();
            let (gone, _) = lacking.remove(position);
            if !optional {
                let target = MemoryStore::new();
                let opened = ArchiveReader::new(Box::new(Cursor::new(tar_of(&lacking))));
                match receive_all(opened, &target) {
                    Ok(_) => assert!(format == Format::Hybrid && gone == "index.json", "{format}: {gone}"),
                    Err(failure) if gone == "index.json" => assert_eq!(failure.class(), Class::Integrity),
                    Err(failure) => assert_eq!(failure.class(), Class::NotFound, "{gone}: {failure}"),
                }
            }
            let mut lying = whole.clone();
            let byte = lying[position].1.len() / 2;
            lying[position].1[byte] ^= 0x20;
            let target = MemoryStore::new();
            let opened = ArchiveReader::new(Box::new(Cursor::new(tar_of(&lying))));
            if let Err(failure) = receive_all(opened, &target) {
                assert!(matches!(failure.class(), Class::Integrity | Class::NotFound), "{gone}: {failure}");
            } else {
                assert!(optional || gone == "index.json", "{format}: {gone} was changed");
            }
        }
    }
}

fn receive_all(mut reader: ArchiveReader, store: &MemoryStore) -> Result<Vec<Arrival>, Failure> {
    let options = ReceiveOptions { compression: None, threads: Threads::default(), observer: &Silent };
    receive(&mut reader, store, &Platforms::All, Naming::Own, options)
}

#[test]
fn a_corrupt_blob_does_not_become_an_archive() {
    let store = MemoryStore::new();
    for (form, format) in [("gzip", Format::Hybrid), ("zstd", Format::Hybrid), ("gzip", Format::Docker)] {
        let app = image(&store, 1, &[form], "amd64");
        let manifest: Manifest = serde_json::from_slice(&store.get(&app.digest).unwrap()).unwrap();
        let layer = &manifest.layers[0];
        let mut bytes = store.get(&layer.digest).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let broken = store.clone();
        broken.insert(layer.digest, bytes);
        let failure = try_pack(&broken, &[(&app, &["app:1"])], format).unwrap_err();
        assert_eq!(failure.class(), Class::Integrity, "{form} {format}: {failure}");
    }
}

#[test]
fn what_the_other_side_has_is_left_out_and_asked_for_when_it_has_not() {
    let store = MemoryStore::new();
    let app = image(&store, 1, &["gzip", "gzip"], "amd64");
    let manifest: Manifest = serde_json::from_slice(&store.get(&app.digest).unwrap()).unwrap();
    let shared = manifest.layers[0].digest;
    let held = hold(Box::new(store.clone()), &app, names(&["app:1"]), &Platforms::All).unwrap();
    let leave_out = |digest: &Digest| *digest == shared;
    let options =
        PackOptions { format: Format::Hybrid, platform: None, leave_out: &leave_out, observer: &Silent };
    let bytes = Bytes::default();
    let packing = Packing::new(vec![held], options).unwrap();
    assert!(packing.blobs().all(|blob| blob.digest != shared));
    export(&packing, Output::writer(bytes.clone()), &Silent).unwrap();
    let archive = bytes.0.lock().unwrap().clone();
    let failure = unpack(archive.clone()).unwrap_err();
    assert_eq!(failure.class(), Class::NotFound);
    assert!(failure.to_string().contains(&shared.to_string()), "{failure}");
    let target = MemoryStore::new();
    target.insert(shared, store.get(&shared).unwrap());
    let arrivals = unpack_with(archive, Some(Compression::default()), &Platforms::All, &target).unwrap();
    assert_eq!(arrivals[0].descriptor.digest, app.digest);
}

#[test]
fn a_tar_is_an_archive_or_a_root_filesystem_by_its_first_entries() {
    let id = "0123456789abcdef".repeat(4);
    let kind = |name: &str| {
        let tar = tar_of(&[(name.to_owned(), b"x".to_vec())]);
        match archive::open(Cursor::new(tar), None).unwrap() {
            Opened::Archive(_) => Content::Archive,
            Opened::Rootfs { .. } => Content::Rootfs,
        }
    };
    for name in
        ["oci-layout", "./index.json", "blobs/sha256/x", &format!("{id}/json"), &format!("{id}.tar.gz")]
    {
        assert_eq!(kind(name), Content::Archive, "{name}");
    }
    for name in [".dockerenv", "etc/passwd", "bin", "./usr/manifest.json"] {
        assert_eq!(kind(name), Content::Rootfs, "{name}");
    }
}

#[test]
fn more_names_than_an_archive_may_have_are_refused_and_so_are_lists_that_do_not_end() {
    let config = Raw::write(ImageConfig::default()).into_bytes();
    let archive = |tags: Vec<String>| {
        let rows = serde_json::json!([{ "Config": "c.json", "RepoTags": tags, "Layers": [] }]);
        tar_of(&[
            ("manifest.json".to_owned(), rows.to_string().into_bytes()),
            ("c.json".to_owned(), config.clone()),
        ])
    };
    let tags = |count: usize| (0..count).map(|number| format!("app:{number}")).collect();
    assert_eq!(unpack(archive(tags(10_000))).unwrap().1[0].names.len(), 10_000);
    assert_eq!(unpack(archive(tags(10_001))).unwrap_err().class(), Class::Integrity);
    let row = serde_json::json!({ "Config": "c.json", "Layers": [] });
    let rows = |count: usize| {
        let rows = serde_json::to_vec(&vec![row.clone(); count]).unwrap();
        tar_of(&[("manifest.json".to_owned(), rows), ("c.json".to_owned(), config.clone())])
    };
    assert_eq!(unpack(rows(10_000)).unwrap().1.len(), 1);
    assert_eq!(unpack(rows(10_001)).unwrap_err().class(), Class::Integrity);
    let endless = vec![b' '; 5 << 20];
    let failure = unpack(tar_of(&[("manifest.json".to_owned(), endless)])).unwrap_err();
    assert_eq!(failure.class(), Class::Integrity);
    assert!(failure.to_string().contains("at most 4194304"), "{failure}");
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(24))]

    #[test]
    fn whatever_is_packed_is_unpacked_as_it_was_in_any_order(
        forms in proptest::collection::vec(proptest::sample::select(vec!["gzip", "gzip:2", "zstd"]), 0..4),
        tags in proptest::collection::btree_set("[a-z][a-z0-9]{0,8}:[0-9]{1,3}", 0..4),
        seed: u8,
        order in proptest::prelude::any::<u64>(),
    ) {
        let store = MemoryStore::new();
        let app = image(&store, seed & 0x3f, &forms, "amd64");
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        let mut entries = entries(&pack(&store, &[(&app, &tags)], Format::Oci));
        // the first says what it is; the rest may come in any order
        let mut state = order;
        for position in (2..entries.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let other = 1 + usize::try_from(state >> 33).unwrap() % position;
            entries.swap(position, other);
        }
        let (copy, arrivals) = unpack(tar_of(&entries)).unwrap();
        assert_eq!(arrivals[0].descriptor.digest, app.digest);
        assert_eq!(arrivals[0].names, names(&tags));
        let manifest: Manifest = serde_json::from_slice(&copy.get(&app.digest).unwrap()).unwrap();
        for blob in manifest.layers.iter().chain([&manifest.config]) {
            assert_eq!(copy.get(&blob.digest), store.get(&blob.digest));
        }
    }
}
