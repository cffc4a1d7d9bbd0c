//! What keys and layers depend on, and what they do not.

use super::fixture::{Builder, instructions};
use crate::Error;
use cache::Cache;
use image_format::{Class, Digest, Observer, Silent};
use std::fs::{self, File, create_dir, create_dir_all, write};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// Counts the bytes that are read.
#[derive(Default)]
struct Read(AtomicU64);

impl Observer for Read {
    fn advance(&self, bytes: u64) -> Result<(), image_format::Failure> {
        self.0.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }
}

fn fill(root: &Path) {
    for directory in 0..7 {
        create_dir_all(root.join(format!("{directory}/deep"))).unwrap();
        for file in 0..11 {
            write(root.join(format!("{directory}/deep/{file}")), format!("{directory} {file}")).unwrap();
        }
    }
    symlink("1/deep", root.join("link")).unwrap();
    fs::hard_link(root.join("2/deep/3"), root.join("2/other")).unwrap();
}

/// The key as it is read, and the layer.
fn copied(builder: &Builder, step: &str) -> (Digest, Digest, Vec<u8>) {
    let (instruction, _) = instructions(step).remove(0);
    let key = builder
        .step(&instruction, &[], &[], |mut prepared| Ok((prepared.outline(), prepared.read_key(&Silent)?)));
    let (outline, key) = key.unwrap();
    let tar = builder.step(&instruction, &[], &[], |prepared| {
        let mut tar = Vec::new();
        assert_eq!(prepared.write(&mut tar, &Silent)?, key);
        Ok(tar)
    });
    (outline, key, tar.unwrap())
}

#[test]
fn the_same_files_make_the_same_layer_in_another_directory_and_at_another_time() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(one.path());
    fill(other.path());
    let file = File::open(other.path().join("3/deep/4")).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1)).unwrap();
    let first = copied(&Builder::new(one.path(), ""), "COPY . /x/");
    assert_eq!(first, copied(&Builder::new(other.path(), ""), "COPY . /x/"));
    let epoch = Builder { epoch: Some(5), ..Builder::new(other.path(), "") };
    let later = copied(&epoch, "COPY . /x/");
    assert!(later.1 != first.1 && later.2 != first.2);
}

#[test]
fn whatever_is_other_in_the_layer_is_other_in_the_key() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    fill(root);
    let builder = Builder::new(root, "");
    let key = |step: &str| copied(&builder, step).1;
    let mut seen = vec![key("COPY . /x/")];
    for step in [
        "COPY . /y/",
        "COPY . /x",
        "COPY --link . /x/",
        "COPY --chown=1 . /x/",
        "COPY --chmod=755 . /x/",
        "COPY --exclude=1 . /x/",
        "COPY . 1 /x/",
    ] {
        seen.push(key(step));
    }
    let changes: [&dyn Fn(); 7] = [
        &|| write(root.join("1/deep/1"), "1 2").unwrap(),
        &|| fs::set_permissions(root.join("1/deep/1"), fs::Permissions::from_mode(0o600)).unwrap(),
        &|| fs::rename(root.join("1/deep/1"), root.join("1/deep/z")).unwrap(),
        &|| fs::remove_file(root.join("2/other")).unwrap(),
        &|| fs::copy(root.join("2/deep/3"), root.join("2/other")).map(drop).unwrap(),
        &|| fs::remove_file(root.join("link")).and_then(|()| symlink("2/deep", root.join("link"))).unwrap(),
        &|| create_dir(root.join("new")).unwrap(),
    ];
    for change in changes {
        change();
        seen.push(key("COPY . /x/"));
    }
    for (at, one) in seen.iter().enumerate() {
        assert!(!seen[..at].contains(one), "{at}");
    }
    // a part of the context that is not copied plays no part
    let one = key("COPY 3 /x/");
    write(root.join("4/deep/1"), "changed").unwrap();
    assert_eq!(key("COPY 3 /x/"), one);
}

#[test]
fn the_outline_is_known_without_reading_and_the_same_while_only_bytes_change() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path());
    let builder = Builder::new(directory.path(), "");
    let (before, key, _) = copied(&builder, "COPY . /x/");
    write(directory.path().join("1/deep/1"), "9 9").unwrap();
    let (after, other, _) = copied(&builder, "COPY . /x/");
    assert!(before == after && key != other);
    write(directory.path().join("1/deep/1"), "longer").unwrap();
    assert!(copied(&builder, "COPY . /x/").0 != after);
}

#[test]
fn what_has_not_changed_is_not_read_again() {
    let (directory, cached) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(directory.path());
    let cache = Cache::new(cached.path());
    let (instruction, _) = instructions("COPY . /x/").remove(0);
    let builder = || Builder::with(directory.path(), "", Some(&cache));
    let read = |builder: &Builder| {
        let read = Read::default();
        let key = builder.step(&instruction, &[], &[], |mut prepared| {
            let unknown = prepared.unknown_bytes();
            let key = prepared.read_key(&read)?;
            assert_eq!(unknown, read.0.load(Ordering::Relaxed));
            Ok((key, unknown))
        });
        key.unwrap()
    };
    // files that have just been written are not trusted to stay as they are
    let (key, first) = read(&builder());
    assert_eq!(read(&builder()), (key, first));
    let mut trusting = builder();
    trusting.context.digests_mut().set_clock(|| SystemTime::now() + Duration::from_secs(10));
    read(&trusting);
    drop(trusting);
    assert_eq!(read(&builder()), (key, 0));
    write(directory.path().join("1/deep/1"), "9 9").unwrap();
    let (other, again) = read(&builder());
    assert!(other != key && again == 3);
}

#[test]
fn a_file_that_changes_between_being_found_and_being_read_ends_the_build() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path());
    let builder = Builder::new(directory.path(), "");
    let (instruction, _) = instructions("COPY 1 /x/").remove(0);
    let changes: [&dyn Fn(&Path); 4] = [
        &|file| write(file, "longer than before").unwrap(),
        &|file| write(file, "1 0").unwrap(),
        &|file| fs::remove_file(file).and_then(|()| symlink("/etc/hostname", file)).unwrap(),
        &|file| fs::remove_file(file).and_then(|()| create_dir(file)).unwrap(),
    ];
    for change in changes {
        let failed = builder.step(&instruction, &[], &[], |prepared| {
            // long enough for a file system to see that it is another time
            change(&directory.path().join("1/deep/0"));
            let touched = File::open(directory.path().join("1/deep/0"));
            drop(touched.map(|file| file.set_modified(SystemTime::UNIX_EPOCH)));
            prepared.write(&mut std::io::sink(), &Silent)
        });
        let Err(Error::Failure(failure)) = failed else { panic!("{failed:?}") };
        let is_said = matches!(failure.class(), Class::Conflict | Class::Failed);
        assert!(is_said && failure.to_string().contains("1/deep/0"), "{failure}");
        let _ = fs::remove_file(directory.path().join("1/deep/0"));
        let _ = fs::remove_dir(directory.path().join("1/deep/0"));
        write(directory.path().join("1/deep/0"), "1 0").unwrap();
    }
}

#[test]
fn only_a_linked_layer_without_names_of_owners_is_the_same_on_any_stage() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path());
    let builder = Builder::new(directory.path(), "");
    for (step, expected) in [
        ("COPY --link 1 /x/", true),
        ("COPY --link --chown=1:2 1 /x/", true),
        ("COPY --link --chown=u 1 /x/", false),
        ("COPY 1 /x/", false),
    ] {
        let (instruction, _) = instructions(step).remove(0);
        let is = builder.step(&instruction, &[], &[], |prepared| Ok(prepared.is_independent()));
        assert_eq!(is.unwrap(), expected, "{step}");
    }
}

#[test]
fn a_tree_that_is_deeper_than_a_layers_names_are_long_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut here = File::open(directory.path()).unwrap();
    let name = "d".repeat(200);
    for _ in 0..50 {
        rustix::fs::mkdirat(&here, &name, rustix::fs::Mode::RWXU).unwrap();
        let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY;
        here = rustix::fs::openat(&here, &name, flags, rustix::fs::Mode::empty()).unwrap().into();
    }
    let failed = Builder::new(directory.path(), "").build("COPY . /x/").unwrap_err();
    assert!(failed.contains("at most 8192 fit into a layer"), "{failed}");
    layer::clear_directory(directory.path()).unwrap();
}
