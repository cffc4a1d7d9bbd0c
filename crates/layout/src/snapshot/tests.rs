//! Finding rows by what they claim, however many look-ups there were and however a row is spelled.

use super::*;
use proptest::prelude::*;

const REF: &str = "org.opencontainers.image.ref.name";
const CONTAINERD: &str = "io.containerd.image.name";

fn snapshot(rows: &[String]) -> Snapshot {
    let text = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, rows.join(","));
    Snapshot::new(IndexFile::parse(text).unwrap())
}

fn row(content: u8, annotations: &[(&str, &str)]) -> String {
    let digest = Digest::sha256(&[content]);
    let list: Vec<String> = annotations
        .iter()
        .map(|(key, value)| format!("\"{key}\":{}", serde_json::Value::from(*value)))
        .collect();
    format!(
        r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":1,"annotations":{{{}}}}}"#,
        list.join(",")
    )
}

fn claim(text: &str) -> Claim {
    Claim::Name(text.parse().unwrap())
}

#[test]
fn the_strongest_claim_wins_and_among_equals_the_later_row() {
    let full = "docker.io/library/a:1";
    let by_containerd = |content| row(content, &[(CONTAINERD, full)]);
    let by_ref_name = |content| row(content, &[(REF, full)]);
    for (rows, winner) in [
        (vec![by_containerd(1)], 1),
        (vec![by_containerd(1), by_containerd(2)], 2),
        (vec![by_ref_name(1), by_containerd(2)], 1),
        (vec![by_containerd(1), by_ref_name(2)], 2),
        (vec![by_ref_name(1), by_ref_name(2), by_containerd(3)], 2),
        (vec![by_ref_name(1), row(2, &[(REF, "index.docker.io/library/a:1")])], 2),
        (vec![row(1, &[(REF, "a:1"), (CONTAINERD, "b:1")]), row(2, &[(REF, "1"), (CONTAINERD, full)])], 1),
    ] {
        let snapshot = snapshot(&rows);
        for lookup in 0..3 * SCANS {
            let found = snapshot.find(&claim("a:1")).unwrap().digest().unwrap();
            assert_eq!(found, Digest::sha256(&[winner]), "look-up {lookup} in {rows:?}");
        }
        let named = snapshot.images().into_iter().filter(|image| image.name == Some(claim("a:1")));
        let digests: Vec<Digest> = named.map(|image| image.descriptor.digest).collect();
        assert_eq!(digests, [Digest::sha256(&[winner])], "{rows:?}");
    }
}

#[test]
fn a_row_whose_annotations_are_odd_still_counts() {
    for annotations in ["{}", "null", r#"{"org.opencontainers.image.ref.name":7,"a":[{}]}"#] {
        let digest = Digest::sha256(b"x");
        let row = format!(r#"{{"digest":"{digest}","annotations":{annotations}}}"#);
        let snapshot = snapshot(&[row]);
        assert_eq!(snapshot.row(0).digest(), Some(digest), "{annotations}");
        assert_eq!(snapshot.row(0).claim(), None, "{annotations}");
        assert_eq!(*snapshot.with_digest(&digest), [0]);
    }
}

#[test]
fn one_image_needs_no_name() {
    let only = |rows: &[String]| snapshot(rows).only_image().map(|image| image.descriptor.digest);
    assert!(only(&[]).unwrap_err().to_string().contains("no image"));
    assert_eq!(only(&[row(1, &[])]).unwrap(), Digest::sha256(&[1]));
    assert!(only(&[row(1, &[]), row(2, &[])]).unwrap_err().to_string().contains("2 images"));
}

/// Spells a text as JSON with some letters escaped.
fn spelled(text: &str, escapes: u64) -> String {
    let letter = |(at, letter): (usize, char)| match letter {
        letter if escapes >> (at % 64) & 1 == 1 => format!("\\u{:04x}", letter as u32),
        '/' if escapes.is_multiple_of(3) => "\\/".to_owned(),
        letter => letter.to_string(),
    };
    format!("\"{}\"", text.chars().enumerate().map(letter).collect::<String>())
}

fn any_reference() -> impl Strategy<Value = String> {
    let host = prop::sample::select(vec![
        "",
        "docker.io/",
        "index.docker.io/",
        "library/",
        "docker.io/library/",
        "r.io:5/",
    ]);
    let path = prop::sample::select(vec!["a", "ab", "a/b", "b"]);
    let rest = prop::sample::select(vec!["", ":1", ":latest", ":12", "@sha256:00", ":A b"]);
    (host, path, rest).prop_map(|(host, path, rest)| format!("{host}{path}{rest}"))
}

proptest! {
    #[test]
    fn a_scan_finds_what_the_table_finds(
        rows in prop::collection::vec(
            (any_reference(), prop::option::of(any_reference()), prop::sample::select(vec![0, 0, 0, 3, u64::MAX, 0x55])), 0..8,
        ),
    ) {
        let digest = Digest::sha256(b"x");
        let rows: Vec<String> = rows
            .iter()
            .map(|(ref_name, containerd, escapes)| {
                let containerd = containerd.as_ref()
                    .map(|name| format!(",{}:{}", spelled(CONTAINERD, *escapes), spelled(name, *escapes)));
                format!(
                    r#"{{"digest":{},"annotations":{{"{REF}":{}{}}}}}"#,
                    spelled(&digest.to_string(), *escapes), spelled(ref_name, *escapes), containerd.unwrap_or_default()
                )
            })
            .collect();
        let by_table = snapshot(&rows);
        for (claim, positions) in &by_table.table().claims {
            let scanned = snapshot(&rows);
            prop_assert_eq!(&*scanned.claimants(claim), &positions[..]);
        }
        let scanned = snapshot(&rows);
        prop_assert_eq!(scanned.with_digest(&digest), by_table.with_digest(&digest));
        prop_assert_eq!(scanned.unnamed(&digest), by_table.unnamed(&digest));
    }
}
