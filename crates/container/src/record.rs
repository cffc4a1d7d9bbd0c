//! What is kept in a bundle of how it was made: ours, and umoci's.

use image_format::{ChainId, Class, DiffId, Digest, Failure, Layer};
use layer::{Privilege, Time};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Ours, beside `config.json`. It is as old as the unpacking: who edits `config.json` leaves it alone.
const OURS: &str = "oci-unpack.json";
const UMOCI: &str = "umoci.json";
/// What to do about one that is damaged.
const WITHOUT: &str =
    "without that file every file of the tree is compared; say --rootless if it was unpacked so";
/// More than either has.
const MAX_BYTES: u64 = 64 << 10;

/// How a bundle was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// `None`: of an image without layers.
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

    /// The record in `directory`, and when it was made; `None` where there is none.
    ///
    /// # Errors
    /// There is one that cannot be read, or does not say what it should ([`Class::Integrity`]).
    pub(crate) fn read(directory: &Path) -> Result<Option<(Record, Time)>, Failure> {
        for (name, parse) in
            [(OURS, Record::of_ours as fn(&Value) -> Option<Record>), (UMOCI, Record::of_umoci)]
        {
            let path = directory.join(name);
            let failed = |failure: Failure| failure.at(path.display()).with_hint(WITHOUT);
            let Some((text, time)) = read(&path).map_err(|error| failed(error.into()))? else { continue };
            let value = serde_json::from_slice(&text)
                .map_err(|error| failed(Failure::new(Class::Integrity, format_args!("no JSON: {error}"))))?;
            let record = parse(&value).ok_or_else(|| {
                failed(Failure::new(Class::Integrity, "does not say what the tree beside it was unpacked of"))
            })?;
            return Ok(Some((record, time)));
        }
        Ok(None)
    }

    fn of_ours(record: &Value) -> Option<Record> {
        let base = match record.get("chainId") {
            Some(chain) => Some(Base::Layers(digest(chain)?)),
            None => None,
        };
        Some(Record { base, privilege: privilege(record.get("rootless")?)?, is_mapped: false })
    }

    /// umoci's Meta, umoci_version 2.
    fn of_umoci(record: &Value) -> Option<Record> {
        let walk = record.get("from_descriptor_path")?.get("descriptor_walk")?.as_array()?;
        let base = Some(Base::Manifest(digest(walk.last()?.get("digest")?)?));
        let map = record.get("map_options")?;
        let privilege = privilege(map.get("rootless")?)?;
        let has = |key: &str| map.get(key).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
        let is_mapped = privilege == Privilege::Root && (has("uid_mappings") || has("gid_mappings"));
        Some(Record { base, privilege, is_mapped })
    }

    /// How many of `layers`, from the bottom, the tree was made of; `None` where it was made of others. `manifest` is that
    /// of the image.
    pub(crate) fn layers_of(&self, layers: &[Layer], manifest: &Digest) -> Option<usize> {
        match self.base.as_ref() {
            None => layers.is_empty().then_some(0),
            Some(Base::Manifest(digest)) => (digest == manifest).then_some(layers.len()),
            Some(Base::Layers(digest)) => {
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

fn privilege(rootless: &Value) -> Option<Privilege> {
    Some(if rootless.as_bool()? { Privilege::Rootless } else { Privilege::Root })
}

/// What a file of ours or umoci's holds, and its time; `None` where there is none.
fn read(path: &Path) -> io::Result<Option<(Vec<u8>, Time)>> {
    let meta = match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    if !meta.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no regular file"));
    }
    let mut text = Vec::new();
    File::open(path)?.take(MAX_BYTES).read_to_end(&mut text)?;
    let nanoseconds = u32::try_from(meta.mtime_nsec()).unwrap_or_default();
    Ok(Some((text, Time { seconds: meta.mtime(), nanoseconds })))
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
        Record::read(dir.path()).unwrap().unwrap().0
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
        assert_eq!(nothing.layers_of(&[], &manifest), Some(0), "of an image without layers");
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
    fn a_record_that_says_nothing_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Record::read(dir.path()).unwrap(), None);
        let path = dir.path().join(OURS);
        let refused = || {
            let failure = Record::read(dir.path()).unwrap_err();
            assert!(failure.to_string().starts_with(&path.display().to_string()), "{failure}");
            assert_eq!(failure.hint(), Some(WITHOUT));
            failure.to_string()
        };
        for text in
            ["", "[]", "{}", "nonsense", "{\"rootless\": 1}", "{\"rootless\": true, \"chainId\": \"x\"}"]
        {
            std::fs::write(&path, text).unwrap();
            refused();
        }
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert!(refused().ends_with("no regular file"));
        std::fs::remove_file(&path).unwrap();
        std::fs::write(dir.path().join(UMOCI), "{}").unwrap();
        assert!(Record::read(dir.path()).is_err());
    }
}
