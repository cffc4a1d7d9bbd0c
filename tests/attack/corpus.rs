//! The cases: layouts and archives that were made to escape, to fill the disk or to crash.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;

use test_support::{Dir, skip};

use crate::attack::{Attack, Verdict, all_as_expected};

/// Verbs that cannot be tried yet, and what they wait for.
const VERBS_LEFT_OUT: [(&str, &str); 4] =
    [("build", "oci-build"), ("cat", "oci-cat"), ("ls", "oci-ls"), ("tags", "oci-search")];

/// Kinds of cases that cannot be tried yet; a control of each, which must work once they can; and what they wait for.
const KINDS_LEFT_OUT: [(&str, &str, &str); 1] = [("build", "build-good", "oci-build")];

/// Cases that are left to `check.py` by hand, since a machine under load takes a minute for them, and why.
const TOO_LONG: [(&str, &str); 3] = [
    ("outer-gzip-bomb-nothing", "gigabytes of zeros are compressed anew"),
    ("outer-zstd-bomb", "8 GiB of zeros are compressed anew before it is refused"),
    ("zstd-bomb-after-end", "8 GiB of zeros are hashed before it is refused"),
];

/// The cases are shared out among this many processes, each with a canary of its own.
const SHARES: usize = 2;

#[test]
fn a_verb_whose_tool_is_there_is_not_left_out() {
    let attack = match Attack::find() {
        Ok(attack) => attack,
        Err(missing) => return skip(&missing),
    };
    let tools = attack.run(&[]).arg("--tools-of-verbs").succeeds();
    let tools: BTreeMap<String, String> = serde_json::from_str(tools.stdout()).expect("an object");
    let left_out = verbs_left_out();
    for (verb, tool) in tools.iter().filter(|(_, tool)| !attack.has(tool)) {
        assert!(left_out.contains(&verb.as_str()), "{verb} needs {tool}: put it on the list");
    }
    let good = Cases::make(&attack, std::iter::once("good".to_owned()));
    for (verb, needs) in VERBS_LEFT_OUT.iter().filter(|(verb, _)| attack.has(&tools[*verb])) {
        let others: Vec<&str> = tools.keys().map(String::as_str).filter(|other| other != verb).collect();
        let verdicts = good.check(&attack, &others);
        assert_ne!(verdicts[0].result, "as expected", "{verb} is left out for {needs}, but it works");
    }
}

fn verbs_left_out() -> Vec<&'static str> {
    VERBS_LEFT_OUT.iter().map(|(verb, _)| *verb).collect()
}

#[test]
fn a_kind_of_case_that_can_be_tried_is_not_left_out() {
    let attack = match Attack::find() {
        Ok(attack) => attack,
        Err(missing) => return skip(&missing),
    };
    let cases = Cases::make(&attack, KINDS_LEFT_OUT.iter().map(|(_, control, _)| (*control).to_owned()));
    let verdicts = cases.check(&attack, &verbs_left_out());
    for (kind, control, needs) in KINDS_LEFT_OUT {
        let verdict = verdicts.iter().find(|verdict| verdict.case == control).expect("the control was made");
        assert_ne!(verdict.result, "as expected", "{kind} is left out for {needs}, but {control} works");
    }
}

#[test]
fn every_case_ends_as_it_should() {
    let attack = match Attack::find() {
        Ok(attack) => attack,
        Err(missing) => return skip(&missing),
    };
    let mut names = attack.cases(|kind| KINDS_LEFT_OUT.iter().all(|(left_out, ..)| *left_out != kind));
    for (case, _) in TOO_LONG {
        assert!(names.contains(&case.to_owned()), "{case} is no case any more");
    }
    names.retain(|name| TOO_LONG.iter().all(|(case, _)| name != case));
    let verdicts: Vec<Verdict> = std::thread::scope(|scope| {
        let shares = (0..SHARES).map(|share| {
            let names: Vec<String> = names.iter().skip(share).step_by(SHARES).cloned().collect();
            let attack = &attack;
            scope.spawn(move || {
                let cases = Cases::make(attack, names.into_iter());
                cases.check(attack, &verbs_left_out())
            })
        });
        let shares: Vec<_> = shares.collect();
        shares.into_iter().flat_map(|share| share.join().expect("a share is checked")).collect()
    });
    assert_eq!(verdicts.len(), names.len());
    all_as_expected(&verdicts);
}

/// Cases in a directory, with the canary that they point at.
struct Cases {
    dir: Dir,
}

impl Cases {
    fn make(attack: &Attack, names: impl Iterator<Item = String>) -> Cases {
        let dir = Dir::new();
        let make = attack.program("make_cases.py").arg(dir.join("cases")).args(names);
        make.arg("--canary").arg(dir.join("canary")).succeeds();
        Cases { dir }
    }

    /// As root, each tool may write to nothing but the case's own directory.
    fn check(&self, attack: &Attack, left_out: &[&str]) -> Vec<Verdict> {
        let isolate = std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0).then_some("--isolate");
        let check = attack.run(left_out).arg("--scratch").arg(self.dir.join("scratch"));
        Attack::verdicts(&self.dir, check.args(isolate).arg(self.dir.join("cases")))
    }
}

impl Attack {
    /// The names of the cases of these kinds, but those that take gigabytes to make.
    fn cases(&self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let list = self.program("make_cases.py").arg("--list").succeeds();
        let row = |line: &&str| -> Option<String> {
            let mut words = line.split_whitespace();
            let (_family, name, kind) = (words.next()?, words.next()?, words.next()?);
            (wanted(kind) && !line.ends_with("[heavy]")).then(|| name.to_owned())
        };
        list.lines().iter().filter_map(row).collect()
    }
}
