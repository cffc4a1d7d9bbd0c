//! Every form of operand, looked up.

use crate::fixture;
use test_support::{Outcome, check_layout, tool};

/// What `oci-inspect` makes of an operand: the digest that it found, or its status.
fn found(outcome: &Outcome) -> Result<String, i32> {
    match outcome.code() {
        Some(0) => {
            let object: serde_json::Value = serde_json::from_str(outcome.line()).expect("JSON");
            Ok(object["descriptor"]["digest"].as_str().expect("text").to_owned())
        }
        code => Err(code.expect("a status")),
    }
}

#[test]
fn every_form_finds_its_image() {
    let (dir, [one, two]) = fixture::layout();
    fixture::image("alone").write_layout(dir.join("single"), Some("docker.io/library/only:1"));
    let alone = fixture::image("alone").build();
    let built = fixture::image("1").build();
    let (hex, id) = (one[7..].to_owned(), built.config_digest[7..].to_owned());
    let unknown = format!("sha256:{}", "0".repeat(64));
    let rows: Vec<(String, Result<&str, i32>)> = vec![
        ("app:1".into(), Ok(&one)),
        ("docker.io/library/app:2".into(), Ok(&two)),
        ("index.docker.io/library/app:1".into(), Ok(&one)),
        (format!("app:1@{one}"), Ok(&one)),
        (format!("app:1@{two}"), Ok(&two)),
        (format!("elsewhere/app:7@{two}"), Ok(&two)),
        (format!("@{one}"), Ok(&one)),
        (hex[..4].to_owned(), Ok(&one)),
        (hex.clone(), Ok(&one)),
        (id[..12].to_owned(), Ok(&one)),
        (format!("sha256:{id}"), Ok(&one)),
        (format!("sha256:{}", &id[..12]), Ok(&one)),
        ("oci:work:app:1".into(), Ok(&one)),
        ("oci:./work:app:2".into(), Ok(&two)),
        (format!("oci:work@{two}"), Ok(&two)),
        (format!("oci:work:app:1@{two}"), Ok(&two)),
        (format!("oci:{}:app:1", dir.join("work").display()), Ok(&one)),
        ("oci:single".into(), Ok(&alone.digest)),
        ("oci:single:only:1".into(), Ok(&alone.digest)),
        // not there
        ("app".into(), Err(3)),
        ("app:3".into(), Err(3)),
        (hex[..3].to_owned(), Err(3)),
        (format!("@{unknown}"), Err(3)),
        (format!("app:1@{unknown}"), Err(3)),
        (unknown[7..].to_owned(), Err(3)),
        ("oci:work".into(), Err(3)),
        ("oci:nosuch:app:1".into(), Err(3)),
        // no images
        ("APP".into(), Err(2)),
        ("app:1@sha256:12".into(), Err(2)),
        ("app:1@md5:d41d8cd98f00b204e9800998ecf8427e".into(), Err(2)),
        ("oci:".into(), Err(2)),
        ("oci:a@b:app".into(), Err(2)),
        ("".into(), Err(2)),
        ("docker://DEBIAN".into(), Err(2)),
    ];
    for (operand, expected) in rows {
        let outcome = dir.command(tool("oci-inspect")).args(["-L", "work", &operand]).run();
        assert_eq!(found(&outcome).as_deref().map_err(|status| *status), expected, "{operand}: {outcome}");
    }
    check_layout(dir.join("work"));
}

#[test]
fn a_tool_that_writes_into_a_layout_takes_no_image_straight_from_a_registry() {
    let (dir, _) = fixture::layout();
    let outcome = dir.command(tool("oci-tag")).args(["-L", "work", "docker://debian", "x"]).fails_with(2);
    outcome.stdout_is("").stderr_has("hint: pull it first: oci-pull docker.io/library/debian");
}

#[test]
fn an_id_that_is_too_short_is_told_so() {
    let (dir, _) = fixture::layout();
    let outcome = dir.command(tool("oci-inspect")).args(["-L", "work", "abc"]).fails_with(3);
    outcome.stderr_has("an ID has 4 letters at least");
}

#[test]
fn a_name_wins_over_an_id_and_an_ambiguous_id_names_what_fits() {
    let (dir, [one, two]) = fixture::layout();
    let id = &one[7..19];
    dir.command(tool("oci-tag")).args(["-L", "work", "app:2", id]).succeeds();
    let outcome = dir.command(tool("oci-inspect")).args(["-L", "work", id]).run();
    assert_eq!(found(&outcome).as_deref(), Ok(&*two));

    // a row is enough to be a candidate
    let twin = format!("{}{}", &one[..20], "0".repeat(51));
    let row = format!(
        r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{twin}","size":2}},"#
    );
    let index = dir.read_text("work/index.json").replace("\"manifests\":[", &format!("\"manifests\":[{row}"));
    dir.write("work/index.json", index);
    for head in [&one[7..11], &one[7..20]] {
        let outcome = dir.command(tool("oci-inspect")).args(["-L", "work", head]).fails_with(2).stdout_is("");
        let says = "several images begin with this ID: ";
        outcome.stderr_has(says).stderr_has(format!("@{twin}")).stderr_has(format!("library/app:1@{one}"));
    }
    let outcome = dir.command(tool("oci-inspect")).args(["-L", "work", &one[7..21]]).run();
    assert_eq!(found(&outcome).as_deref(), Ok(&*one), "one letter more tells them apart");
}

#[test]
fn which_layout_is_taken_and_why_is_said_on_request() {
    let (dir, _) = fixture::layout();
    for (args, variables, why) in [
        (&["-v", "-L", "work"][..], &[("OCI_LAYOUT", "other")][..], "layout work (from -L)"),
        (&["-v"], &[("OCI_LAYOUT", "work"), ("XDG_DATA_HOME", "/x")], "layout work (from $OCI_LAYOUT)"),
    ] {
        let mut command = dir.command(tool("oci-images")).args(args);
        for (name, value) in variables {
            command = command.env(name, value);
        }
        assert_eq!(command.succeeds().stderr(), format!("oci-images: {why}\n"));
    }
    let outcome = dir.command(tool("oci-images")).arg("-v").fails_with(3);
    assert!(outcome.stderr().contains("home/.local/share/oci (from $XDG_DATA_HOME)"), "{outcome}");
    let outcome = dir.command(tool("oci-images")).arg("-v").env_remove("XDG_DATA_HOME").fails_with(3);
    assert!(outcome.stderr().contains("home/.local/share/oci (the default)"), "{outcome}");
    let outcome =
        dir.command(tool("oci-images")).env_remove("XDG_DATA_HOME").env_remove("HOME").fails_with(2);
    assert!(outcome.stderr().contains("neither -L, $OCI_LAYOUT, $XDG_DATA_HOME nor $HOME"), "{outcome}");
}
