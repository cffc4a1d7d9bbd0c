//! What is kept in a bundle of how it was made: ours, and umoci's.

use image_format::{ChainId, DiffId, Digest, Failure, Layer};
use layer::{Privilege, Time};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Ours, beside `config.json`. It is as old as the unpacking: who edits `config.json` leaves it alone.
const OURS: &str = "oci-unpack.json";
const UMOCI: &str = "umoci.json";
/// More than either has.
const MAX_BYTES: u64 = 64 << 10;

/// How a bundle was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    base: Option<Base>,
    pub(crate) privilege: Privilege,
    /// Whether ids in the tree are not those of the image: no tree of ours.
    pub(crate) is_mapped: bool,
}

/// Of what it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Base {
    Layers(Digest),
    Manifest(Digest),
}

impl Record {
    /// That of a tree that was made of these layers now.
    pub(crate) fn of(layers: &[Layer], privilege: Privilege) -> Record {
        let base = chains(layers).last().map(|chain| Base::Layers(*chain.digest()));
        Record { base, privilege, is_mapped: false }
    }

    pub(crate) fn write(&self, directory: &Path) -> Result<(), Failure> {
        let mut record = json!({ "rootless": self.privilege == Privilege::Rootless });
        if let Some(Base::Layers(chain)) = &self.base {
            record["chainId"] = json!(chain);
        }
        let path = directory.join(OURS);
        let written =
            File::create(&path).and_then(|mut file| file.write_all(format!("{record:#}\n").as_bytes()));
        written.map_err(|error| Failure::io(path.display(), error))
    }

    /// The record in `directory`, and when it was made; `None` where there is none that says anything.
    pub(crate) fn read(directory: &Path) -> Option<(Record, Time)> {
        [(OURS, Record::of_ours as fn(&Value) -> Option<Record>), (UMOCI, Record::of_umoci)]
            .into_iter()
            .find_map(|(name, parse)| {
                let (value, time) = read(&directory.join(name))?;
                Some((parse(&value)?, time))
            })
    }

    fn of_ours(record: &Value) -> Option<Record> {
        let base = record.get("chainId").and_then(digest).map(Base::Layers);
        Some(Record { base, privilege: privilege(record.get("rootless")?), is_mapped: false })
    }

    /// umoci's Meta, umoci_version 2.
    fn of_umoci(record: &Value) -> Option<Record> {
        let walk = record.get("from_descriptor_path")?.get("descriptor_walk")?.as_array()?;
        let base = walk.last().and_then(|descriptor| digest(descriptor.get("digest")?)).map(Base::Manifest);
        let map = record.get("map_options")?;
        let privilege = privilege(map.get("rootless")?);
        let has = |key: &str| map.get(key).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
        let is_mapped = privilege == Privilege::Root && (has("uid_mappings") || has("gid_mappings"));
        Some(Record { base, privilege, is_mapped })
    }

    /// How many of `layers`, from the bottom, the tree was made of; `None` where it was made of others. `manifest` is that
    /// of the image.
    pub(crate) fn layers_of(&self, layers: &[Layer], manifest: &Digest) -> Option<usize> {
        match self.base.as_ref()? {
            Base::Manifest(digest) => (digest == manifest).then_some(layers.len()),
            Base::Layers(digest) => {
                chains(layers).position(|chain| chain.digest() == digest).map(|position| position + 1)
            }
        }
    }
}

/// The identity of each stack from the bottom on.
fn chains(layers: &[Layer]) -> impl Iterator<Item = ChainId> {
    let next = |chain: &mut Option<ChainId>, diff_id: &DiffId| {
        *chain = Some(chain.map_or_else(|| ChainId::bottom(diff_id), |chain| chain.next(diff_id)));
        *chain
    };
    layers.iter().map(|layer| &layer.diff_id).scan(None, next)
}

fn digest(value: &Value) -> Option<Digest> {
    value.as_str()?.parse().ok()
}

fn privilege(rootless: &Value) -> Privilege {
    if rootless.as_bool() == Some(true) { Privilege::Rootless } else { Privilege::Root }
}

fn read(path: &Path) -> Option<(Value, Time)> {
    let file = File::open(path).ok()?;
    let meta = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let mut text = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut text).ok()?;
    let time = Time { seconds: meta.mtime(), nanoseconds: u32::try_from(meta.mtime_nsec()).ok()? };
    Some((serde_json::from_slice(&text).ok()?, time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image_format::{Descriptor, MediaType};

    fn layers(contents: &[&str]) -> Vec<Layer> {
        let layer = |content: &&str| {
            let digest = Digest::sha256(content.as_bytes());
            Layer {
                descriptor: Descriptor::new(MediaType::OciLayer, digest, 1),
                diff_id: DiffId::new(digest),
            }
        };
        contents.iter().map(layer).collect()
    }

    fn read_back(record: &Record) -> Record {
        let dir = tempfile::tempdir().unwrap();
        record.write(dir.path()).unwrap();
        Record::read(dir.path()).unwrap().0
    }

    #[test]
    fn a_record_knows_the_layers_that_it_was_made_of_beneath_others() {
        let manifest = Digest::sha256(b"manifest");
        let record = Record::of(&layers(&["a", "b"]), Privilege::Rootless);
        assert_eq!(read_back(&record), record);
        for (other, of) in
            [(&["a", "b"][..], Some(2)), (&["a", "b", "c"], Some(2)), (&["a"], None), (&["b", "a"], None)]
        {
            assert_eq!(record.layers_of(&layers(other), &manifest), of, "{other:?}");
        }
        let nothing = Record::of(&[], Privilege::Root);
        assert_eq!(read_back(&nothing), nothing);
        assert_eq!(nothing.layers_of(&layers(&["a"]), &manifest), None);
    }

    #[test]
    fn umocis_record_names_the_manifest_and_whether_owners_are_mapped() {
        let manifest = Digest::sha256(b"manifest");
        let record = |maps: Value| {
            let walk = json!([{ "digest": Digest::sha256(b"index") }, { "digest": manifest }]);
            let meta = json!({
                "umoci_version": "2", "from_descriptor_path": { "descriptor_walk": walk }, "map_options": maps,
            });
            Record::of_umoci(&meta).unwrap()
        };
        let map = json!([{ "hostID": 1000, "containerID": 0, "size": 1 }]);
        let rootless = record(json!({ "uid_mappings": map, "gid_mappings": map, "rootless": true }));
        assert_eq!((rootless.privilege, rootless.is_mapped), (Privilege::Rootless, false));
        let root = record(json!({ "uid_mappings": null, "gid_mappings": [], "rootless": false }));
        assert_eq!((root.privilege, root.is_mapped), (Privilege::Root, false));
        assert!(record(json!({ "uid_mappings": map, "rootless": false })).is_mapped);
        assert_eq!(root.layers_of(&layers(&["a", "b"]), &manifest), Some(2));
        assert_eq!(root.layers_of(&layers(&["a", "b"]), &Digest::sha256(b"other")), None);
    }

    #[test]
    fn a_record_that_is_none_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["", "[]", "{}", "nonsense", "{\"rootless\": 1"] {
            std::fs::write(dir.path().join(OURS), text).unwrap();
            assert_eq!(Record::read(dir.path()), None, "{text}");
        }
        std::fs::remove_file(dir.path().join(OURS)).unwrap();
        std::os::unix::fs::symlink("/dev/zero", dir.path().join(OURS)).unwrap();
        assert_eq!(Record::read(dir.path()), None);
    }
}
