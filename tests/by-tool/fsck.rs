//! `oci-fsck`: whatever is wrong is found and named.

use test_support::{Dir, Image, Served, TarBuilder, Terminal, digest_of, tool};

struct Fixture {
    dir: Dir,
    manifest: String,
    config: String,
    layer: String,
}

fn layout() -> Fixture {
    let dir = Dir::new();
    let image = Image::new().layer(TarBuilder::new().file("etc/motd", "hi\n")).cmd(["sh"]);
    let built = image.write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let layer = built.blobs.keys().find(|digest| **digest != built.digest && **digest != built.config_digest);
    let layer = layer.expect("the image has a layer").clone();
    Fixture { dir, manifest: built.digest, config: built.config_digest, layer }
}

impl Fixture {
    fn blob(&self, digest: &str) -> String {
        format!("work/blobs/sha256/{}", &digest["sha256:".len()..])
    }

    fn fsck(&self) -> test_support::Command {
        self.dir.command(tool("oci-fsck")).args(["-L", "work"])
    }
}

#[test]
fn a_layout_that_is_as_it_should_be_says_nothing_but_how_much_was_read() {
    let fixture = layout();
    fixture.fsck().succeeds().stdout_is("").stderr_has("3 blobs, ").stderr_has("no problem");
}

#[test]
fn one_altered_bit_in_any_blob_is_found() {
    for pick in 0..3 {
        let fixture = layout();
        let digest = [&fixture.manifest, &fixture.config, &fixture.layer][pick].clone();
        let mut content = fixture.dir.read(fixture.blob(&digest));
        let last = content.len() - 1;
        content[last] ^= 1;
        fixture.dir.write(fixture.blob(&digest), content);
        fixture.fsck().fails_with(6).stdout_has(format!("problem: {digest}: the content has another digest"));
    }
}

#[test]
fn missing_misnamed_and_unreferenced_blobs_are_told_apart() {
    let fixture = layout();
    std::fs::remove_file(fixture.dir.join(fixture.blob(&fixture.layer))).expect("the layer was there");
    fixture.dir.write("work/blobs/sha256/README", "not a blob");
    fixture.dir.write("work/blobs/sha256/.part-0011", "of another tool");
    let stray = digest_of("stray");
    fixture.dir.write(fixture.blob(&stray), "stray");
    let said = fixture.fsck().fails_with(6);
    said.stdout_has(format!("problem: {}: needed, and not here", fixture.layer))
        .stdout_has("problem: blobs/sha256/README: not the name of a blob")
        .stdout_has("note: blobs/sha256/.part-0011: what another tool left")
        .stdout_has(format!("note: {stray}: 5 bytes that no image needs"))
        .stderr_has("work: 2 problems in ");
}

#[test]
fn names_from_elsewhere_forge_no_line_and_harm_no_terminal() {
    let fixture = layout();
    fixture.dir.write("work/blobs/sha256/x\nproblem: forged\u{1b}[2J\u{202e}", "not a blob");
    let said = fixture.fsck().fails_with(6);
    said.stdout_is(
        "problem: blobs/sha256/x\\nproblem: forged\\u{1b}[2J\u{202e}: not the name of a blob; move it away\n",
    );
    for (option, written) in
        [("-q", r"x\nproblem: forged\u{1b}[2J\u{202e}:"), ("--json", r"x\\nproblem: forged")]
    {
        let terminal = Terminal::open();
        fixture.fsck().arg(option).stdout_terminal(&terminal).fails_with(6);
        let screen = terminal.screen();
        assert!(screen.contains(written), "{option}: {screen:?}");
        assert!(!screen.contains(['\u{1b}', '\u{202e}']), "{option}: {screen:?}");
    }
}

#[test]
fn a_layer_that_unpacks_to_something_else_is_found() {
    let fixture = layout();
    let text = fixture.dir.read_text(fixture.blob(&fixture.config));
    let at = text.find("diff_ids").and_then(|at| text[at..].find("sha256:").map(|from| at + from + 7));
    let at = at.expect("the config has a DiffID");
    let altered = format!("{}{}{}", &text[..at], "0".repeat(64), &text[at + 64..]);
    let config = digest_of(&altered);
    fixture.dir.write(fixture.blob(&config), &altered);
    let manifest = fixture.dir.read_text(fixture.blob(&fixture.manifest)).replace(&fixture.config, &config);
    let digest = digest_of(&manifest);
    fixture.dir.write(fixture.blob(&digest), &manifest);
    let index = fixture.dir.read_text("work/index.json").replace(&fixture.manifest, &digest);
    fixture.dir.write("work/index.json", index);
    let said = fixture.fsck().args(["--json"]).fails_with(6);
    said.stdout_has(r#""severity":"problem","kind":"diff-id""#).stdout_has(&fixture.layer);
}

#[test]
fn a_layer_that_no_tool_unpacks_is_found() {
    let dir = Dir::new();
    let image = Image::new().layer(TarBuilder::new().file("d/.wh.", ""));
    image.write_layout(dir.join("work"), Some("docker.io/library/odd:1"));
    let said = dir.command(tool("oci-fsck")).args(["-L", "work"]).fails_with(6);
    said.stdout_has("cannot be unpacked: /d/.wh.: a whiteout of no file\n");
}

#[test]
fn a_config_that_is_said_to_be_a_layer_is_found() {
    let fixture = layout();
    let manifest = fixture.dir.read_text(fixture.blob(&fixture.manifest));
    let manifest = manifest.replace("image.config.v1+json", "image.layer.v1.tar+gzip");
    let digest = digest_of(&manifest);
    fixture.dir.write(fixture.blob(&digest), &manifest);
    let index = fixture.dir.read_text("work/index.json").replace(&fixture.manifest, &digest);
    // the new manifest has as many bytes as it says
    let size = |text: &str| format!("\"size\":{}", text.len());
    let index =
        index.replace(&size(&fixture.dir.read_text(fixture.blob(&fixture.manifest))), &size(&manifest));
    fixture.dir.write("work/index.json", index);
    let said = fixture.fsck().fails_with(6);
    said.stdout_has(format!(
        "problem: {digest}: its config is said to be application/vnd.oci.image.layer.v1.tar+gzip"
    ));
}

/// Makes `text`, which has as many bytes as the manifest had, the image's manifest.
fn replace_manifest(fixture: &Fixture, text: &str) {
    let digest = digest_of(text);
    fixture.dir.write(fixture.blob(&digest), text);
    let index = fixture.dir.read_text("work/index.json").replace(&fixture.manifest, &digest);
    fixture.dir.write("work/index.json", index);
}

#[test]
fn types_and_platforms_that_are_not_what_is_there_are_found() {
    let fixture = layout();
    let index = fixture.dir.read_text("work/index.json");
    let typed = |from: &str, to: &str| fixture.dir.write("work/index.json", index.replace(from, to));
    typed("vnd.oci.image.manifest.v1+json", "vnd.docker.distribution.manifest.v2+json");
    fixture.fsck().fails_with(6).stdout_has(format!(
        "problem: {}: says that it is application/vnd.oci.image.manifest.v1+json; its descriptor says \
         application/vnd.docker.distribution.manifest.v2+json\n",
        fixture.manifest
    ));
    for (platform, found) in [
        (r#"{"os":"linux","architecture":"s390x"}"#, Some("linux/s390x")),
        (r#"{"os":"windows","architecture":"amd64"}"#, Some("windows/amd64")),
        (r#"{"os":"linux","architecture":"amd64"}"#, None),
        (r#"{"os":"linux","architecture":"amd64","variant":"v1"}"#, None),
        (r#"{"os":"unknown","architecture":"unknown"}"#, None),
    ] {
        let mut rows: serde_json::Value = serde_json::from_str(&index).expect("JSON");
        rows["manifests"][0]["platform"] = serde_json::from_str(platform).expect("JSON");
        fixture.dir.write("work/index.json", rows.to_string());
        match found {
            None => drop(fixture.fsck().succeeds().stdout_is("")),
            Some(said) => drop(fixture.fsck().args(["--json"]).fails_with(6).stdout_has(format!(
                r#""kind":"platform","digest":"{}","image":"docker.io/library/app:1","message":"problem: {}: its config is for linux/amd64; its row says {said}""#,
                fixture.manifest, fixture.manifest
            ))),
        }
    }
    fixture.dir.write("work/index.json", &index);
    let manifest = fixture.dir.read_text(fixture.blob(&fixture.manifest));
    let claimed = manifest.replace("layer.v1.tar+gzip", "layer.v1.tar+zstd");
    replace_manifest(&fixture, &claimed);
    fixture.fsck().fails_with(6).stdout_has(format!(
        "problem: {}: its bytes are gzip; its descriptor says application/vnd.oci.image.layer.v1.tar+zstd\n",
        fixture.layer
    ));
}

#[test]
fn what_a_row_of_no_known_type_keeps_is_not_said_to_be_garbage() {
    let fixture = layout();
    let index = fixture.dir.read_text("work/index.json");
    let typed = r#""mediaType":"application/vnd.oci.image.manifest.v1+json","#;
    let gc = || fixture.dir.command(tool("oci-gc")).args(["-L", "work", "--grace", "0s"]);
    for (other, status) in [("", 6), (r#""mediaType":"application/x-unknown+json","#, 0)] {
        assert!(index.contains(typed), "{index}");
        fixture.dir.write("work/index.json", index.replace(typed, other));
        let outcome = fixture.fsck().run().assert_code(status);
        assert!(!outcome.stdout().contains("no image needs"), "{outcome}");
        gc().succeeds().stdout_is("");
    }
    fixture.dir.write("work/index.json", r#"{"schemaVersion":2,"manifests":[]}"#);
    assert_eq!(fixture.fsck().succeeds().stdout().matches("no image needs; oci-gc frees them").count(), 3);
    assert_eq!(gc().succeeds().lines().len(), 3);
}

#[test]
fn rows_that_contradict_each_other_or_are_none_are_found() {
    let fixture = layout();
    let index = fixture.dir.read_text("work/index.json");
    let other = format!("sha256:{}", "1".repeat(64));
    let row =
        index[index.find("\"manifests\":[").expect("rows") + 13..index.rfind(']').expect("rows")].to_owned();
    let twin = row.replace(&fixture.manifest, &other);
    fixture.dir.write("work/index.json", index.replace(&row, &format!("{row},{twin},7")));
    let said = fixture.fsck().fails_with(6);
    said.stdout_has("problem: docker.io/library/app:1: two rows claim it for different images")
        .stdout_has("problem: index.json: row 2 is not a descriptor")
        .stdout_has(format!("problem: {other}: needed, and not here"));
}

#[test]
fn a_layout_whose_index_cannot_be_read_is_one_clear_error() {
    let fixture = layout();
    for (content, why) in
        [("", "EOF"), ("{}", "no member called manifests"), ("[", "expected an image index")]
    {
        fixture.dir.write("work/index.json", content);
        fixture.fsck().fails_with(6).stdout_is("").stderr_has("not an image index").stderr_has(why);
    }
    fixture.dir.write("work/oci-layout", r#"{"imageLayoutVersion":"2.0.0"}"#);
    fixture.fsck().fails_with(6).stderr_has("image layout version \"2.0.0\"; expected \"1.0.0\"");
}

/// Files named by a finding: `… delete blobs/sha256/HEX, then pull or import IMAGE again`.
fn advice(line: &str) -> (String, String) {
    let (_, advice) = line.split_once("; delete ").expect("it says what to delete");
    let (file, rest) = advice.split_once(", then pull or import ").expect("it says what to do then");
    (file.to_owned(), rest.strip_suffix(" again").expect("and that is all").to_owned())
}

#[test]
fn doing_what_it_says_about_an_altered_blob_mends_the_layout() {
    let fixture = layout();
    let served = Served::new(&fixture.dir, "work");
    let name = served.name("app:1");
    let pull = || fixture.dir.command(tool("oci-pull")).args(["-L", "mine", "-q", &name]);
    pull().succeeds();
    for digest in [&fixture.manifest, &fixture.config, &fixture.layer] {
        let blob = fixture.blob(digest).replace("work/", "mine/");
        let mut content = fixture.dir.read(&blob);
        content[0] ^= 1;
        fixture.dir.write(&blob, content);
        let fsck = || fixture.dir.command(tool("oci-fsck")).args(["-L", "mine"]);
        let found = fsck().fails_with(6);
        let line =
            found.lines().iter().find(|line| line.contains("another digest")).expect("found").to_string();
        assert!(line.starts_with(&format!("problem: {digest}: ")), "{line}");
        let (file, image) = advice(&line);
        assert_eq!(image, name);
        std::fs::remove_file(fixture.dir.join("mine").join(file)).expect("the file that it names is there");
        fsck().fails_with(6).stdout_has(format!("needed, and not here; pull or import {name} again"));
        pull().succeeds();
        fsck().succeeds().stdout_is("");
    }
}

#[test]
fn an_object_names_the_image_that_needs_the_blob() {
    let fixture = layout();
    std::fs::remove_file(fixture.dir.join(fixture.blob(&fixture.layer))).expect("the layer was there");
    let said = fixture.fsck().args(["--json"]).fails_with(6);
    said.stdout_has(r#""kind":"missing""#).stdout_has(r#""image":"docker.io/library/app:1""#);
}

#[test]
fn indexes_that_nest_too_deep_are_found() {
    let fixture = layout();
    let kind = "application/vnd.oci.image.index.v1+json";
    let mut child = fixture.manifest.clone();
    let mut size = fixture.dir.read(fixture.blob(&child)).len();
    let mut kind_of_child = "application/vnd.oci.image.manifest.v1+json";
    for _ in 0..10 {
        let row = format!(r#"{{"mediaType":"{kind_of_child}","digest":"{child}","size":{size}}}"#);
        let index = format!(r#"{{"schemaVersion":2,"mediaType":"{kind}","manifests":[{row}]}}"#);
        (child, size, kind_of_child) = (digest_of(&index), index.len(), kind);
        fixture.dir.write(fixture.blob(&child), index);
    }
    let row = format!(r#"{{"mediaType":"{kind}","digest":"{child}","size":{size}}}"#);
    fixture.dir.write("work/index.json", format!(r#"{{"schemaVersion":2,"manifests":[{row}]}}"#));
    fixture.fsck().fails_with(6).stdout_has("indexes nest deeper than 8");
    // and yet nothing of it is garbage
    fixture.dir.command(tool("oci-gc")).args(["-L", "work", "--grace", "0s"]).succeeds().stdout_is("");
}

#[test]
fn a_damaged_manifest_is_one_problem_and_its_blobs_are_not_given_up() {
    let fixture = layout();
    fixture.dir.write(fixture.blob(&fixture.manifest), "damaged");
    let said = fixture.fsck().fails_with(6).stderr_has("work: 1 problem in ");
    for digest in [&fixture.config, &fixture.layer] {
        let line = said.lines().into_iter().find(|line| line.contains(&**digest)).expect("it is spoken of");
        assert!(line.ends_with("bytes that may belong to an image whose manifest is damaged"), "{line}");
    }
    let said = said.stdout_has("then pull or import docker.io/library/app:1 again");
    drop(said);
    let fixture = layout();
    let stray = digest_of("stray");
    fixture.dir.write(fixture.blob(&stray), "other");
    let said = fixture.fsck().fails_with(6);
    said.stdout_has(format!("; delete blobs/sha256/{}: no image needs it", &stray[7..]));
}

#[test]
fn a_layout_without_its_marker_or_index_is_answered_with_how_to_put_it_back() {
    let fixture = layout();
    std::fs::remove_file(fixture.dir.join("work/oci-layout")).expect("it was there");
    let said = fixture.fsck().fails_with(3);
    let (_, command) = said.stderr().split_once("hint: put it back: ").expect("a hint");
    fixture.dir.command("sh").args(["-c", command]).succeeds();
    fixture.fsck().succeeds();
    std::fs::remove_file(fixture.dir.join("work/index.json")).expect("it was there");
    let said =
        fixture.fsck().fails_with(6).stderr_has("index.json: missing").stderr_has("oci-tag @DIGEST NAME");
    let empty = said.stderr().split("there, ").nth(1).and_then(|rest| rest.split(" if").next());
    fixture.dir.write("work/index.json", empty.expect("what to write"));
    let again =
        fixture.dir.command(tool("oci-tag")).args(["-L", "work", &format!("@{}", fixture.manifest), "app:1"]);
    again.succeeds();
    fixture.fsck().succeeds().stdout_is("");
}
