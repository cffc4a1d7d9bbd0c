//! The images that Dockerfiles of the cases build upon.

use serde_json::{Value, json};
use test_support::{Image, TarBuilder};

/// A `security.capability`: `cap_net_bind_service+ep`.
pub(crate) const CAPABILITY: &[u8] = b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

const PASSWD: &str =
    "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/srv:/bin/sh\nwww:x:33:33::/:/bin/false\n";
const GROUP: &str = "root:x:0:\napp:x:1000:\nwww:x:33:\nstaff:x:50:app,www\n";

/// All of them, by name.
pub(crate) fn all() -> Vec<(&'static str, Image)> {
    vec![
        ("base", Image::new().layer(tree()).config("Env", json!(["PATH=/usr/local/bin:/bin"]))),
        ("config", with_config()),
        ("onbuild", with_triggers()),
        ("history", with_history()),
        ("arm", Image::new().layer(TarBuilder::new().file("arch", "arm64\n")).platform("linux", "arm64")),
        ("special", Image::new().layer(special())),
        ("linked", Image::new().layer(linked())),
    ]
}

/// Users, links of directories, owners, attributes.
fn tree() -> TarBuilder {
    TarBuilder::new()
        .dir("etc")
        .file("etc/passwd", PASSWD)
        .file("etc/group", GROUP)
        .dir("usr")
        .dir("usr/bin")
        .file("usr/bin/tool", "tool\n")
        .mode(0o755)
        .dir("usr/lib")
        .file("usr/lib/x", "x\n")
        .symlink("bin", "usr/bin")
        .symlink("lib", "/usr/lib")
        .dir("run")
        .dir("var")
        .symlink("var/run", "/run")
        .dir("data")
        .mode(0o700)
        .owner(1000, 1000)
        .file("data/keep", "keep\n")
        .mode(0o640)
        .owner(1000, 50)
        .symlink("link-file", "data/keep")
        .symlink("dangling", "/nowhere/there")
        .symlink("loop", "loop")
        .symlink("up", "../../etc")
        .symlink("escape", "/../../../../tmp")
        .file("note", "note\n")
        .file("hard1", "h\n")
        .hard_link("hard2", "hard1")
        .file("capable", "c\n")
        .mode(0o755)
        .xattr("security.capability", CAPABILITY)
        .file("attributes", "n\n")
        .xattr("user.note", "n")
        .dir("d")
        .file("d/f", "old f\n")
        .file("d/old", "old\n")
        .dir("tmp")
        .mode(0o1777)
}

/// Every key of a config.
fn with_config() -> Image {
    let keys = [
        ("Env", json!(["PATH=/base/bin:/bin", "BASE=1", "EMPTY="])),
        ("User", json!("app")),
        ("WorkingDir", json!("/srv/app")),
        ("Entrypoint", json!(["/base/entry"])),
        ("Cmd", json!(["base", "cmd"])),
        ("Labels", json!({ "base": "yes", "z": "1" })),
        ("ExposedPorts", json!({ "80/tcp": {} })),
        ("Volumes", json!({ "/vol": {} })),
        ("StopSignal", json!("SIGUSR1")),
        ("Shell", json!(["/bin/base-sh", "-c"])),
        ("Healthcheck", json!({ "Test": ["CMD", "base"], "Interval": 1_000_000_000_i64, "Retries": 2 })),
    ];
    let image = Image::new().layer(tree()).document("author", json!("base"));
    keys.into_iter().fold(image, |image, (key, value)| image.config(key, value))
}

fn with_triggers() -> Image {
    let triggers = [
        "ARG GIVEN=0",
        "COPY a /onbuild/",
        "ENV O=$GIVEN-$PATH",
        "WORKDIR rel",
        "LABEL on=\"build\"",
        "USER app",
    ];
    Image::new().layer(tree()).config("Env", json!(["PATH=/bin"])).config("OnBuild", json!(triggers))
}

/// Two layers, and lines of history of another builder.
fn with_history() -> Image {
    let line = |created_by: &str, more: Value| {
        let mut line = json!({ "created": "2020-01-01T00:00:00Z", "created_by": created_by });
        line.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        line
    };
    let history = [
        line("/bin/sh -c #(nop) ADD file:x in / ", json!({ "comment": "c" })),
        line("/bin/sh -c #(nop)  ENV x", json!({ "empty_layer": true, "author": "me" })),
        line("second", json!({})),
    ];
    let image = Image::new().layer(tree()).layer(TarBuilder::new().file("second", "2\n"));
    image.config("Env", json!(["PATH=/bin"])).document("history", json!(history))
}

/// What no context holds.
fn special() -> TarBuilder {
    TarBuilder::new()
        .fifo("pipe")
        .mode(0o620)
        .owner(1, 2)
        .device("null", 1, 3)
        .file("setuid", "s")
        .mode(0o4755)
        .dir("sticky")
        .mode(0o1777)
        .owner(7, 8)
        .file("wide", "w")
        .owner(3_000_000, 4_000_000)
}

/// Links where others have directories, and directories where others have links.
fn linked() -> TarBuilder {
    TarBuilder::new()
        .dir("real")
        .file("real/f", "f\n")
        .symlink("d", "real")
        .symlink("etc", "/elsewhere")
        .dir("elsewhere")
        .dir("tree")
        .dir("tree/lib")
        .file("tree/lib/new", "n\n")
        .dir("tree/bin")
        .file("tree/bin/new", "n\n")
        .file("tree/link-file", "l\n")
}
