//! What the file system is asked for, where no public method shows it.

use super::*;
use crate::storage::Storage;

fn directory() -> (tempfile::TempDir, Directory) {
    let temp = tempfile::tempdir().unwrap();
    let directory = Directory::open(temp.path(), false).unwrap();
    (temp, directory)
}

fn replace(directory: &Directory, key: &str, content: &[u8]) -> Version {
    let lock = directory.lock(Hold::Exclusive, &Stop::default()).unwrap();
    let version = directory.version_of(key).unwrap();
    assert!(directory.replace_if(key, version.as_ref(), content, &*lock).unwrap());
    directory.version_of(key).unwrap().unwrap()
}

#[test]
fn no_two_contents_have_one_version_though_inodes_are_used_again_at_once() {
    let (_temp, directory) = directory();
    for _ in 0..200 {
        let first = replace(&directory, "index.json", b"a");
        replace(&directory, "index.json", b"b");
        let third = replace(&directory, "index.json", b"c");
        assert_ne!(first, third);
    }
}

#[test]
fn an_object_that_changed_is_not_replaced_and_nothing_is_left_behind() {
    let (temp, directory) = directory();
    let old = replace(&directory, "index.json", b"a");
    replace(&directory, "index.json", b"b");
    let lock = directory.lock(Hold::Exclusive, &Stop::default()).unwrap();
    assert!(!directory.replace_if("index.json", Some(&old), b"c", &*lock).unwrap());
    assert!(!directory.replace_if("index.json", None, b"c", &*lock).unwrap());
    std::fs::create_dir(temp.path().join("directory")).unwrap();
    assert!(directory.replace_if("directory", None, b"c", &*lock).is_err());
    assert_eq!(directory.list(path::INGEST).unwrap(), [""; 0]);
    assert_eq!(directory.read_whole("index.json", 9).unwrap().0, b"b");
}

#[test]
fn an_object_is_not_replaced_under_a_lock_that_was_unlinked() {
    let (_temp, directory) = directory();
    let old = replace(&directory, "index.json", b"a");
    let lock = directory.lock(Hold::Exclusive, &Stop::default()).unwrap();
    directory.delete(path::LOCK).unwrap();
    assert!(!directory.replace_if("index.json", Some(&old), b"b", &*lock).unwrap());
}

#[test]
fn a_part_or_lease_is_never_buried_under_its_owner() {
    let (_temp, directory) = directory();
    let key = format!("{}/new-1", path::INGEST);
    std::thread::scope(|scope| {
        let sweeper = scope.spawn(|| {
            for _ in 0..3000 {
                directory.bury(&key).unwrap();
            }
        });
        while !sweeper.is_finished() {
            if let Some(part) = directory.part(&key, false).unwrap() {
                part.publish("blob").unwrap();
            }
        }
    });
}

#[test]
fn what_is_gone_on_with_must_be_there() {
    let (_temp, directory) = directory();
    let key = format!("{}/upload-1", path::INGEST);
    let gone = |directory: &Directory| directory.part_again(&key).err().map(|error| error.kind());
    assert_eq!(gone(&directory), Some(std::io::ErrorKind::NotFound));
    let mut part = directory.part(&key, false).unwrap().unwrap();
    part.write_all(b"begun").unwrap();
    assert!(directory.part_again(&key).unwrap().is_none(), "its writer has it");
    drop(part);
    let part = directory.part_again(&key).unwrap().unwrap();
    assert_eq!(part.have(), 5);
    part.discard().unwrap();
    assert_eq!(gone(&directory), Some(std::io::ErrorKind::NotFound));
    assert_eq!(directory.list(path::INGEST).unwrap(), [""; 0], "a late request revives nothing");
}

#[test]
fn a_file_that_is_taken_over_is_not_buried_before_it_has_its_name() {
    let (temp, directory) = directory();
    let source = temp.path().join("source");
    std::fs::write(&source, "blob").unwrap();
    let keys = ["new-1", "new-2"].map(|name| format!("{}/{name}", path::INGEST));
    let parts = keys.each_ref().map(|key| directory.adopt(key, &source).unwrap().unwrap());
    for key in &keys {
        directory.bury(key).unwrap();
    }
    for part in parts {
        part.publish("blob").unwrap();
        assert_eq!(directory.read_whole("blob", 9).unwrap().0, b"blob");
    }
    std::fs::hard_link(&source, temp.path().join(&keys[0])).unwrap();
    directory.bury(&keys[0]).unwrap();
    assert_eq!(directory.list(path::INGEST).unwrap(), [""; 0], "the link of a dead process is buried");
}

#[test]
fn a_file_that_somebody_keeps_locked_is_not_waited_for() {
    let (temp, directory) = directory();
    let source = temp.path().join("source");
    std::fs::write(&source, "blob").unwrap();
    let locked = File::open(&source).unwrap();
    locked.lock().unwrap();
    let key = format!("{}/new-1", path::INGEST);
    if let Some(part) = directory.adopt(&key, &source).unwrap() {
        // a clone shares no lock
        part.discard().unwrap();
    }
    assert_eq!(directory.list(path::INGEST).unwrap(), [""; 0]);
}

#[test]
fn a_blob_that_comes_while_an_old_one_is_deleted_stays() {
    use crate::{Collection, Layout, Options};
    use image_format::{Algorithm, Expected, Sink};
    let temp = tempfile::tempdir().unwrap();
    let layout = Layout::create(temp.path(), Options { fsync: false }).unwrap();
    std::thread::scope(|scope| {
        let collector = scope.spawn(|| {
            for _ in 0..300 {
                let all = Collection { only: None, grace: Duration::ZERO, dry_run: false };
                layout.collect(&all, &mut |_| Ok(())).unwrap();
            }
        });
        while !collector.is_finished() {
            // An old copy that nobody needs, and a writer that does not know what it is about to write.
            let sink = layout.sink().unwrap();
            let mut writer = sink.writer(Expected::Algorithm(Algorithm::Sha256)).unwrap();
            writer.write_all(b"same").unwrap();
            let blob = temp.path().join(path::blob(&image_format::Digest::sha256(b"same")));
            std::fs::write(temp.path().join("old"), b"same").unwrap();
            File::options()
                .write(true)
                .open(temp.path().join("old"))
                .unwrap()
                .set_modified(SystemTime::UNIX_EPOCH)
                .unwrap();
            std::fs::rename(temp.path().join("old"), &blob).unwrap();
            writer.commit().unwrap();
            assert!(blob.exists());
        }
    });
}
