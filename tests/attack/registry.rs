//! The faults of a registry: truncated, altered and endless blobs, resets, redirects, errors, lies.

use test_support::{Dir, skip};

use crate::attack::{Attack, Verdict, all_as_expected};

/// Most of a fault's time is spent in waiting.
const SIDE_BY_SIDE: &str = "8";

/// With TLS the registry's other host speaks plain HTTP, so that a redirect to it is a downgrade; most faults are the
/// same.
const WITH_TLS: [&str; 4] = ["good", "good-token", "blob-reset-3", "redirect-downgrade"];

fn check(attack: &Attack, arguments: &[&str]) -> Vec<Verdict> {
    let dir = Dir::new();
    let check = attack.run(&[]).args(["--registry", "--jobs", SIDE_BY_SIDE, "--scratch"]);
    Attack::verdicts(&dir, check.arg(dir.join("scratch")).args(arguments))
}

#[test]
fn every_fault_ends_as_it_should() {
    let attack = match Attack::find() {
        Ok(attack) => attack,
        Err(missing) => return skip(&missing),
    };
    let verdicts = check(&attack, &[]);
    assert!(verdicts.len() > 180, "{} faults", verdicts.len());
    all_as_expected(&verdicts);
}

#[test]
fn no_fault_leads_from_tls_to_plain_text() {
    let attack = match Attack::with(&["python3", "openssl"]) {
        Ok(attack) => attack,
        Err(missing) => return skip(&missing),
    };
    let verdicts = check(&attack, &[&["--tls"][..], &WITH_TLS].concat());
    assert_eq!(verdicts.len(), WITH_TLS.len());
    all_as_expected(&verdicts);
}
