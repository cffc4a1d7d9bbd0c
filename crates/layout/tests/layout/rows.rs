//! Names, whoever wrote their rows. The JSON is what the tools wrote, with the command that made it.

use crate::fixture::{create, lookup, open, remove, resolve, tag};
use image_format::Class;
use ociutils_layout::Removal;
use test_support::Dir;

const ONE: &str = "sha256:759fcea60146c2ca6306a7bad69f788b964bc0f800bc8c0ef28e2a361f474684";
const TWO: &str = "sha256:1ffe09604126da2480e9b0d28561cf8e8154909445e540dfcdff181d3fde10ab";
const THREE: &str = "sha256:1439502fb0bc28f534e33c04c44988832f599b34cb4dccbb990d13f5f776e0f2";
const FOUR: &str = "sha256:3bef5a32c9ab984423c2af5a8e93422fd5f5098644101334a2f31458d404163e";
const FIVE: &str = "sha256:b46760756e86422cfc882a68fc88a58e89bdddf6b79cd04a768a042deb3afa5d";

/// A row as the tools write it; their rows differ in the digest and in the annotations alone.
fn row(digest: &str, annotations: &str) -> String {
    format!(
        r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":249,"annotations":{{{annotations}}}}}"#
    )
}

fn ours(digest: &str, name: &str) -> String {
    row(
        digest,
        &format!(r#""io.containerd.image.name":"{name}","org.opencontainers.image.ref.name":"{name}""#),
    )
}

/// `umoci tag --image L:docker.io/library/a:1 TAG`: the row with all its annotations, but for `ref.name`.
fn copied_by_umoci(digest: &str, tag: &str) -> String {
    row(digest, &format!(r#""io.containerd.image.name":"{A}","org.opencontainers.image.ref.name":"{tag}""#))
}

fn ref_name(digest: &str, text: &str) -> String {
    row(digest, &format!(r#""org.opencontainers.image.ref.name":"{text}""#))
}

fn write(dir: &Dir, rows: &[String]) {
    create(dir.path());
    let rows = rows.join(",");
    dir.write("index.json", format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{rows}]}}"#
    ));
}

const A: &str = "docker.io/library/a:1";
const B: &str = "docker.io/library/b:1";

/// Who wrote, the rows, and what each operand leads to.
type Case = (&'static str, Vec<String>, Vec<(&'static str, Option<&'static str>)>);

fn cases() -> Vec<Case> {
    vec![
        (
            // before each of the commands below
            "ours and one of `umoci config --image L:two`",
            vec![ours(ONE, A), ref_name(TWO, "two")],
            vec![("a:1", Some(ONE)), (A, Some(ONE)), ("two", Some(TWO)), ("a", None), ("library/two", None)],
        ),
        (
            "skopeo copy oci:L:two oci:L:docker.io/library/a:1",
            vec![
                row(ONE, r#""io.containerd.image.name":"docker.io/library/a:1""#),
                ref_name(TWO, "two"),
                ref_name(TWO, A),
            ],
            vec![("a:1", Some(TWO)), ("two", Some(TWO))],
        ),
        (
            "umoci tag --image L:docker.io/library/a:1 docker.io/library/b:1",
            vec![
                ours(ONE, A),
                ref_name(TWO, "two"),
                row(
                    ONE,
                    r#""io.containerd.image.name":"docker.io/library/a:1","org.opencontainers.image.ref.name":"docker.io/library/b:1""#,
                ),
            ],
            vec![("a:1", Some(ONE)), ("b:1", Some(ONE))],
        ),
        (
            "umoci tag --image L:docker.io/library/a:1 v2, then umoci config --image L:docker.io/library/a:1 …",
            vec![copied_by_umoci(ONE, "v2"), ref_name(TWO, "two"), ours(THREE, A)],
            vec![("v2", Some(ONE)), ("a:1", Some(THREE)), ("library/v2", None), ("a:v2", None)],
        ),
        (
            "umoci config --image L:docker.io/library/a:1 --config.cmd three",
            vec![ref_name(TWO, "two"), ours(THREE, A)],
            vec![("a:1", Some(THREE)), ("two", Some(TWO))],
        ),
        (
            "umoci repack --image L:docker.io/library/b:1 BUNDLE (of a:1), then … --image L:docker.io/library/a:1 BUNDLE",
            vec![
                ref_name(TWO, "two"),
                row(
                    FOUR,
                    r#""io.containerd.image.name":"docker.io/library/a:1","org.opencontainers.image.ref.name":"docker.io/library/b:1""#,
                ),
                ours(FIVE, A),
            ],
            vec![("a:1", Some(FIVE)), ("b:1", Some(FOUR))],
        ),
        (
            "oras cp --from-oci-layout L:two --to-oci-layout L:three",
            vec![ours(ONE, A), ref_name(TWO, "two"), ref_name(TWO, "three")],
            vec![("three", Some(TWO)), ("two", Some(TWO))],
        ),
        (
            "crane pull --format=oci --annotate-ref a:1 L",
            vec![ref_name(ONE, "index.docker.io/library/a:1")],
            vec![("a:1", Some(ONE)), (A, Some(ONE)), ("index.docker.io/library/a:1", Some(ONE))],
        ),
        (
            "docker save a:1 b:1; buildctl build --output type=oci,tar=false,name=…",
            vec![
                row(
                    ONE,
                    r#""io.containerd.image.name":"docker.io/library/a:1","org.opencontainers.image.created":"2026-11-24T09:00:00Z","org.opencontainers.image.ref.name":"1""#,
                ),
                row(
                    TWO,
                    r#""io.containerd.image.name":"docker.io/library/b:1","org.opencontainers.image.ref.name":"1""#,
                ),
            ],
            vec![("a:1", Some(ONE)), ("b:1", Some(TWO))],
        ),
        (
            "buildctl without a name; kaniko",
            vec![ref_name(ONE, "latest"), row(TWO, "")],
            vec![("latest", Some(ONE)), ("library/latest", None)],
        ),
    ]
}

#[test]
fn each_row_claims_one_name_and_the_stronger_claim_wins() {
    for (who, rows, operands) in cases() {
        let dir = Dir::new();
        write(&dir, &rows);
        let layout = open(dir.path());
        for (operand, expected) in operands {
            let found = resolve(&layout, operand);
            assert_eq!(found, expected.map(str::to_owned).ok_or(Class::NotFound), "{who}: {operand}");
        }
    }
}

/// Docker's and BuildKit's row: the tag stands beside the full name.
fn dockers(digest: &str, name: &str) -> String {
    row(digest, &format!(r#""io.containerd.image.name":"{name}","org.opencontainers.image.ref.name":"1""#))
}

#[test]
fn a_tag_beside_a_full_name_is_enough_where_no_other_image_has_it() {
    let dir = Dir::new();
    write(&dir, &[dockers(ONE, A), ref_name(TWO, "two")]);
    let layout = open(dir.path());
    assert_eq!(resolve(&layout, "1"), Ok(ONE.to_owned()));
    // the row has lost its name since
    write(&dir, &[dockers(ONE, A), ours(TWO, A)]);
    assert_eq!(resolve(&layout, "1"), Err(Class::NotFound));
    // a claim is stronger
    write(&dir, &[dockers(ONE, A), ref_name(TWO, "1")]);
    assert_eq!(resolve(&layout, "1"), Ok(TWO.to_owned()));
    write(&dir, &[dockers(ONE, A), dockers(TWO, B)]);
    assert_eq!(resolve(&layout, "1"), Err(Class::Usage));
    let snapshot = layout.snapshot().unwrap();
    let error = layout.resolve(&snapshot, &lookup("1")).unwrap_err().to_string();
    assert!(error.contains(A) && error.contains(B), "{error}");
    assert_eq!(resolve(&layout, &format!("1@{TWO}")), Ok(TWO.to_owned()));
}

#[test]
fn our_next_write_of_a_name_leaves_no_other_claim_to_it() {
    for (who, rows, operands) in cases() {
        let dir = Dir::new();
        write(&dir, &rows);
        let layout = open(dir.path());
        tag(&layout, operands[0].0, "ours:9").unwrap();
        tag(&layout, "ours:9", "a:1").unwrap();
        let index = dir.read_text("index.json");
        let claims = open(dir.path()).snapshot().unwrap();
        let holders =
            claims.rows().filter(|row| row.claim().is_some_and(|(claim, _)| claim.to_string() == A));
        assert_eq!(holders.count(), 1, "{who}: {index}");
        assert_eq!(resolve(&layout, "a:1"), resolve(&layout, "ours:9"), "{who}");
        // nothing else changed: rows that were not about this name are there byte for byte
        for row in rows.iter().filter(|row| !row.contains("library/a:1")) {
            assert!(index.contains(row), "{who}: {row} not in {index}");
        }
        assert!(!who.starts_with("docker save") || index.contains("image.created"), "{who}: {index}");
    }
}

#[test]
fn a_bare_tag_that_umoci_gave_outlives_the_name_that_was_copied_with_it() {
    let dir = Dir::new();
    write(&dir, &[ours(ONE, A), copied_by_umoci(ONE, "v2"), copied_by_umoci(TWO, "v3")]);
    let layout = open(dir.path());
    let shown = |layout: &ociutils_layout::Layout| -> Vec<String> {
        let images = layout.snapshot().unwrap().images();
        images.iter().map(|image| image.name.as_ref().map_or("-".to_owned(), ToString::to_string)).collect()
    };
    assert_eq!(shown(&layout), [A, "v2", "v3"]);
    // written anew
    tag(&layout, "v3", "a:1").unwrap();
    assert_eq!(shown(&layout), [A, "v2", "v3"]);
    assert_eq!([resolve(&layout, "a:1"), resolve(&layout, "v2")], [Ok(TWO.to_owned()), Ok(ONE.to_owned())]);
    assert!(
        !dir.read_text("index.json").contains(&copied_by_umoci(ONE, "v2")),
        "it claims no other name now"
    );
    // its last other row goes: the copy stays, since it was never asked for
    write(&dir, &[copied_by_umoci(ONE, "v2")]);
    tag(&layout, "v2", "a:1").unwrap();
    assert_eq!(shown(&layout), ["v2", A]);
}

#[test]
fn a_bare_tag_that_umoci_gave_is_removed_by_it_and_not_by_the_name() {
    let dir = Dir::new();
    let removed = |operands: &[&str]| {
        write(&dir, &[ours(ONE, A), copied_by_umoci(ONE, "v2")]);
        let layout = open(dir.path());
        let removal = Removal { no_prune: true, ..Removal::default() };
        let said = remove(&layout, operands, removal).map_err(|failure| failure.class());
        (said, ["a:1", "v2"].map(|operand| resolve(&layout, operand).is_ok()))
    };
    let untagged = |name: &str| format!("untagged {name}");
    assert_eq!(removed(&["v2"]), (Ok(vec![untagged("v2")]), [true, false]));
    assert_eq!(removed(&["a:1"]), (Ok(vec![untagged(A)]), [false, true]));
    let both = vec![untagged(A), untagged("v2"), format!("deleted {ONE}")];
    assert_eq!(removed(&["a:1", "v2"]), (Ok(both.clone()), [false, false]));
    let both = vec![untagged("v2"), untagged(A), format!("deleted {ONE}")];
    assert_eq!(removed(&["v2", "a:1"]), (Ok(both), [false, false]));
    assert_eq!(removed(&[&ONE[7..20]]), (Err(Class::Conflict), [true, true]));
}

#[test]
fn names_win_over_ids_and_an_ambiguous_id_lists_its_candidates() {
    let dir = Dir::new();
    let twin = format!("{}{}", &ONE[..12], "0".repeat(59));
    write(&dir, &[ours(ONE, A), ref_name(&twin, "cafe"), ref_name(TWO, "1ffe")]);
    let layout = open(dir.path());
    assert_eq!(resolve(&layout, &ONE[7..20]).unwrap(), ONE);
    assert_eq!(resolve(&layout, "1ffe0").unwrap(), TWO);
    assert_eq!(resolve(&layout, "759"), Err(Class::NotFound));
    assert_eq!(resolve(&layout, "759f"), Err(Class::Usage));
    let error = layout.resolve(&layout.snapshot().unwrap(), &lookup("759f")).unwrap_err().to_string();
    assert!(error.contains(&format!("{A}@{ONE}")) && error.contains(&format!("cafe@{twin}")), "{error}");
    assert_eq!(resolve(&layout, "1ffe").unwrap(), TWO);
}

#[test]
fn the_digest_says_what_and_the_name_only_where() {
    let dir = Dir::new();
    write(&dir, &[ours(ONE, A), ours(TWO, B)]);
    let layout = open(dir.path());
    let snapshot = layout.snapshot().unwrap();
    for (operand, digest, moved) in [
        (format!("a:1@{ONE}"), ONE, false),
        (format!("a:1@{TWO}"), TWO, true),
        (format!("c:1@{TWO}"), TWO, true),
        (format!("@{TWO}"), TWO, false),
    ] {
        let found = layout.resolve(&snapshot, &lookup(&operand)).unwrap();
        assert_eq!((found.descriptor.digest.to_string().as_str(), found.moved), (digest, moved), "{operand}");
    }
    assert_eq!(resolve(&layout, &format!("a:1@{THREE}")), Err(Class::NotFound));
}

#[test]
fn a_tag_that_is_not_there_is_answered_with_those_that_are() {
    let dir = Dir::new();
    write(&dir, &[ours(ONE, A), ours(TWO, "docker.io/library/a:latest")]);
    let layout = open(dir.path());
    let error = layout.resolve(&layout.snapshot().unwrap(), &lookup("a:2")).unwrap_err();
    assert_eq!(error.to_string(), "a:2: no such tag; this layout has: 1, latest");
}
