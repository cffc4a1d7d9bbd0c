//! The cases: layouts and archives that were made to escape, to fill the disk or to crash.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;

use test_support::{Dir, skip};

use crate::attack::{Attack, Verdict, all_as_expected};

/// Verbs that cannot be tried yet, and what they wait for.
const VERBS_LEFT_OUT: [(&str, &str); 3] = [("cat", "oci-cat"), ("ls", "oci-ls"), ("tags", "oci-search")];

/// Cases that are left to `check.py` by hand, since a machine under load takes a minute for them, and why.
const TOO_LONG: [(&str, &str); 3] = [
    ("outer-gzip-bomb-nothing", "gigabytes of zeros are compressed anew"),
    ("outer-zstd-bomb", "8 GiB of zeros are compressed anew before it is refused"),
    ("zstd-bomb-after-end", "8 GiB of zeros are hashed before it is refused"),
];

/// So many processes run at a time, each with a canary of its own.
const SHARES: usize = 2;

/// The cases are shared out among so many processes: each may take as long as any command of a test.
const PARTS: usize = 8;

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
fn every_case_ends_as_it_should() {
    let attack = match Attack::find() {
        Ok(attack) => attack,
        Err(missing) => return skip(&missing),
    };
    let mut names = attack.cases();
    for (case, _) in TOO_LONG {
        assert!(names.contains(&case.to_owned()), "{case} is no case any more");
    }
    names.retain(|name| TOO_LONG.iter().all(|(case, _)| name != case));
    let checked = |part: usize| {
        let cases = Cases::make(&attack, names.iter().skip(part).step_by(PARTS).cloned());
        cases.check(&attack, &verbs_left_out())
    };
    let share = |share: usize| (share..PARTS).step_by(SHARES).flat_map(checked).collect::<Vec<Verdict>>();
    let verdicts: Vec<Verdict> = std::thread::scope(|scope| {
        let shares: Vec<_> = (0..SHARES).map(|number| scope.spawn(move || share(number))).collect();
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
    /// The names of the cases, but those that take gigabytes to make.
    fn cases(&self) -> Vec<String> {
        let list = self.program("make_cases.py").arg("--list").succeeds();
        let row = |line: &&str| -> Option<String> {
            let mut words = line.split_whitespace();
            let (_family, name) = (words.next()?, words.next()?);
            (!line.ends_with("[heavy]")).then(|| name.to_owned())
        };
        list.lines().iter().filter_map(row).collect()
    }
}
