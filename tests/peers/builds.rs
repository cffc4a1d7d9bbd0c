//! `oci-build` and docker's BuildKit make the same images of the same Dockerfiles: the same root file system, config and
//! history, or both refuse.

mod bases;
mod buildkit;
mod built;
mod case;
mod coverage;
mod loaded;
mod oci_build;
mod parents;
mod trees;
mod world;

use test_support::{need, skip};

use self::built::Outcome;
use self::case::{Case, cases};
use self::coverage::Coverage;
use self::world::World;
use crate::debian::debian;

/// What differs on purpose: the case, what every difference of it has in it, and why.
const DIFFERENT: [(&str, &str, &str); 10] = [
    (
        "target by number",
        "",
        "a stage's number is taken for --target as for --from, where BuildKit wants a name",
    ),
    (
        "copy attributes that only root may read",
        "\"x/a\" ",
        "root and everybody else build the same image, so what only root may read stays out",
    ),
    (
        "copy with chown by a name where there is no list of users",
        "ours refuses",
        "the reference: where neither file of users is there `the build will fail`; BuildKit takes root, and says nothing",
    ),
    (
        "copy with link does not follow links of the base",
        "",
        "the reference: `the destination path created with --link will always be a path containing only directories`; \
         docker's store cannot merge layers and copies as without --link",
    ),
    (
        "copy with link onto what is there",
        "\"data\" ",
        "the reference: --link is `independent layers` put upon the base, so a directory is the new layer's",
    ),
    (
        "a base that is a directory",
        "history.",
        "BuildKit has no line of history for the directory's layer, so its lines stand with the wrong layers",
    ),
    (
        "a tar that leads out through a link",
        "theirs refuses",
        "the link leads to the stage's own root, where it also leads in a container",
    ),
    (
        "a tar with the name of a whiteout",
        "ours refuses",
        "BuildKit writes a file into the layer that means there that another is gone",
    ),
    (
        "expose with digits before a variable",
        "",
        "BuildKit loses what stands before `${name…}` with an operator, in EXPOSE alone",
    ),
    (
        "add from git with its directory",
        "/.git/",
        "the directory is what git makes of a checkout: BuildKit's has sample hooks and the names it fetched by",
    ),
];

/// Of so many at most is only said that both refuse them.
const REFUSED: usize = 25;

#[test]
fn buildkit_makes_the_same_images() {
    let peers = need!("docker", "git");
    let debian = match debian(&peers) {
        Ok(tar) => tar,
        Err(missing) => return skip(&missing),
    };
    let world = World::new(peers, Some(&debian));
    let cases = cases();
    let (ours, theirs) = built_twice(&world, &cases, &cases);
    let mut wrong = Vec::new();
    for (case, (ours, theirs)) in cases.iter().zip(ours.iter().zip(&theirs)) {
        let differences = ours.differences(theirs);
        let decided = DIFFERENT.iter().find(|(name, _, _)| *name == case.name);
        let is_decided = |difference: &&String| decided.is_some_and(|(_, part, _)| difference.contains(part));
        let undecided: Vec<String> = differences.iter().filter(|d| !is_decided(d)).cloned().collect();
        if !undecided.is_empty() {
            wrong.push(format!("{}:\n  {}", case.name, undecided.join("\n  ")));
        }
        match decided {
            Some(_) if differences.is_empty() => wrong.push(format!("{}: no longer differs", case.name)),
            Some((name, _, reason)) => println!("{name}: {reason}"),
            None => {}
        }
    }
    wrong.extend(changed_by_loading(&world, &cases, &ours));
    println!("{} Dockerfiles, {} of them differ on purpose", cases.len(), DIFFERENT.len());
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// What we build of one list, and BuildKit of the other.
fn built_twice(world: &World, ours: &[Case], theirs: &[Case]) -> (Vec<Outcome>, Vec<Outcome>) {
    let write = |cases: &[Case]| cases.iter().enumerate().for_each(|(n, case)| world.write(n, case));
    write(theirs);
    let theirs = buildkit::build(world, theirs);
    write(ours);
    (oci_build::build(world, ours), theirs)
}

/// One case in so many, and Debian, is also looked at after docker has loaded what we built.
const LOADED: usize = 16;

/// What is not the same in docker, of the images that we built.
fn changed_by_loading(world: &World, cases: &[Case], ours: &[Outcome]) -> Vec<String> {
    let is_loaded = |n: usize| n.is_multiple_of(LOADED) || cases[n].name.contains("Debian");
    let made = |n: usize| match &ours[n] {
        Outcome::Made(built) if is_loaded(n) && cases[n].platform.is_none() => Some((n, &built.tree)),
        _ => None,
    };
    let (numbers, trees): (Vec<usize>, Vec<&Vec<String>>) = (0..cases.len()).filter_map(made).unzip();
    let mut changed = Vec::new();
    for ((number, tree), loaded) in numbers.iter().zip(trees).zip(loaded::trees_of(world, &numbers)) {
        for line in built::lines(tree, &loaded) {
            changed.push(format!("{}, loaded by docker: {line}", cases[*number].name));
        }
    }
    assert!(numbers.len() > 10, "only {numbers:?} were loaded");
    changed
}

#[test]
fn every_instruction_flag_and_form_of_a_variable_is_built() {
    let cases = cases();
    let coverage = Coverage::of(&[cases.clone(), parents::cases()].concat());
    println!("{}", coverage.table());
    assert_eq!(coverage.lacks(), [""; 0]);
    let refused = cases.iter().filter(|case| case.refused).count();
    assert!(cases.len() - refused >= 150 && refused <= REFUSED, "{} cases, {refused} refused", cases.len());
}

/// Pairs of Dockerfiles, and in what their images differ.
const ON_PURPOSE: [(&str, &str, &[&str]); 5] = [
    ("COPY --chmod=600 a /x", "COPY --chmod=600 a /x", &[]),
    (
        "COPY --chmod=640 a /x",
        "COPY --chmod=600 a /x",
        &[
            "+ \"x\" 0640 0:0 file 2 87428fc52280",
            "- \"x\" 0600 0:0 file 2 87428fc52280",
            "history.0.created_by: ours \"COPY --chmod=640 a /x # buildkit\", theirs \"COPY --chmod=600 a /x # buildkit\"",
        ],
    ),
    (
        "COPY --from=more --chown=1 extra /x",
        "COPY --from=more --chown=2 extra /x",
        &[
            "+ \"x\" 0644 1:1 file 6 65110ea3b8b6",
            "- \"x\" 0644 2:2 file 6 65110ea3b8b6",
            "history.0.created_by: ours \"COPY --chown=1 extra /x # buildkit\", theirs \"COPY --chown=2 extra /x # buildkit\"",
        ],
    ),
    (
        "COPY --from=more a /x",
        "COPY a /x",
        &["+ \"x\" 0644 0:0 file 2 87428fc52280 user.note=\"n\"", "- \"x\" 0644 0:0 file 2 87428fc52280"],
    ),
    (
        "LABEL a=1 b=2",
        "LABEL b=2 a=1",
        &["history.0.created_by: ours \"LABEL a=1 b=2\", theirs \"LABEL b=2 a=1\""],
    ),
];

#[test]
fn a_difference_made_on_purpose_is_reported() {
    let peers = need!("docker", "git");
    let world = World::new(peers, None);
    let case = |line: &str| {
        let text = format!("=== on purpose\n? build-context more=more\nFROM scratch\n{line}\n");
        case::parse(&text).remove(0)
    };
    let ours: Vec<Case> = ON_PURPOSE.iter().map(|(ours, _, _)| case(ours)).collect();
    let theirs: Vec<Case> = ON_PURPOSE.iter().map(|(_, theirs, _)| case(theirs)).collect();
    let (ours, theirs) = built_twice(&world, &ours, &theirs);
    for ((line, _, expected), (ours, theirs)) in ON_PURPOSE.iter().zip(ours.iter().zip(&theirs)) {
        assert_eq!(ours.differences(theirs), *expected, "{line}");
    }
}
