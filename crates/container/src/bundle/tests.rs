use super::*;
use image_format::{Class, DiffId, Digest, MediaType, MemoryStore, Silent};
use test_support::TarBuilder;

fn unpack(tar: TarBuilder, user: &str, directory: &Path) -> Result<u64, Failure> {
    let store = MemoryStore::new();
    let tar = tar.bytes();
    let diff_id = DiffId::new(Digest::sha256(&tar));
    let layers = [Layer { descriptor: store.put(MediaType::OciLayer, tar), diff_id }];
    let exec = image_format::ExecConfig { user: Some(user.into()), ..Default::default() };
    let config = ImageConfig { config: Some(exec), ..ImageConfig::default() };
    let root = rustix::process::geteuid().is_root();
    let privilege = if root { Privilege::Root } else { Privilege::Rootless };
    unpack_bundle(&store, &layers, &config, directory, privilege, &Indexes::none(), &Silent)
}

#[test]
fn the_user_is_looked_up_in_the_image_and_never_outside() {
    let dir = tempfile::tempdir().unwrap();
    let passwd = "www:x:33:33::/var/www:/bin/sh\n";
    let tar = TarBuilder::new().file("usr/etc/passwd", passwd).symlink("etc", "/usr/etc");
    unpack(tar, "www", dir.path()).unwrap();
    let spec: serde_json::Value =
        serde_json::from_slice(&fs::read(dir.path().join("config.json")).unwrap()).unwrap();
    assert_eq!(spec["process"]["env"][1], "HOME=/var/www");
    assert_eq!(spec["root"]["path"], "rootfs");
    assert_eq!(fs::read_to_string(dir.path().join("rootfs/usr/etc/passwd")).unwrap(), passwd);

    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("passwd"), passwd).unwrap();
    fs::create_dir(dir.path().join("bundle")).unwrap();
    let tar = TarBuilder::new()
        .dir("etc")
        .symlink("etc/passwd", "../../../passwd")
        .symlink("etc/group", "/dev/zero");
    let failure = unpack(tar, "www", &dir.path().join("bundle")).unwrap_err();
    assert_eq!(failure.class(), Class::NotFound, "{failure}");
}
