//! What docker 28's BuildKit makes of the same lines: found by building them with it (tests/peers holds more of them).

use super::fixture::Builder;
use std::fs::{self, Permissions, create_dir_all, set_permissions, write};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use tempfile::TempDir;
use test_support::{TarBuilder, gzip};

fn context() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path());
    directory
}

fn fill(root: &Path) {
    create_dir_all(root.join("d/e")).unwrap();
    create_dir_all(root.join("d/sub")).unwrap();
    for (name, content, mode) in [
        ("f", "hello", 0o644),
        ("g", "other", 0o600),
        ("d/one", "one", 0o644),
        ("d/sub/two", "two", 0o4755),
        ("d/e/x.log", "x", 0o644),
        ("d/e/y", "y", 0o644),
    ] {
        write(root.join(name), content).unwrap();
        set_permissions(root.join(name), Permissions::from_mode(mode)).unwrap();
    }
    fs::hard_link(root.join("d/one"), root.join("d/hard")).unwrap();
    for (name, mode) in [("d", 0o755), ("d/e", 0o1777), ("d/sub", 0o700)] {
        set_permissions(root.join(name), Permissions::from_mode(mode)).unwrap();
    }
    for (name, target) in [
        ("ld", "d"),
        ("lf", "/f"),
        ("d/up", "../f"),
        ("dangling", "nowhere"),
        ("out", "../../../etc/hostname"),
    ] {
        symlink(target, root.join(name)).unwrap();
    }
}

/// The lines that building `steps` gives; an error as one.
fn built(context: &Path, ignore: &str, steps: &str) -> Vec<String> {
    Builder::new(context, ignore).build(steps).unwrap_or_else(|error| vec![format!("ERROR {error}")])
}

fn holds(cases: &[(&str, &[&str])]) {
    let context = context();
    for (steps, expected) in cases {
        assert_eq!(built(context.path(), "", steps), *expected, "{steps}");
    }
}

/// `d` as it is below another directory, with a mode and an owner of its own.
fn d(prefix: &str, owner: &str) -> Vec<String> {
    let lines = [
        "e 1777 OWNER /",
        "e/x.log 644 OWNER \"x\"",
        "e/y 644 OWNER \"y\"",
        "hard 644 OWNER \"one\"",
        "one 644 OWNER \"one\"",
        "sub 700 OWNER /",
        "sub/two 4755 OWNER \"two\"",
        "up 777 OWNER -> ../f",
    ];
    lines.iter().map(|line| format!("{prefix}{}", line.replace("OWNER", owner))).collect()
}

#[test]
fn a_file_goes_into_a_directory_or_gets_the_destinations_name() {
    holds(&[
        ("COPY f /x", &["x 644 0:0 \"hello\""]),
        ("COPY f /x/", &["x 755 0:0 /", "x/f 644 0:0 \"hello\""]),
        ("COPY f /x/.", &["x 755 0:0 /", "x/f 644 0:0 \"hello\""]),
        ("COPY f/ /x/", &["x 755 0:0 /", "x/f 644 0:0 \"hello\""]),
        ("COPY ../../f /x/../y", &["y 644 0:0 \"hello\""]),
        ("COPY f g /x", &["x 600 0:0 \"other\""]),
        (
            "COPY d/e /x\nCOPY f g /x",
            &[
                "x 755 0:0 /",
                "x/f 644 0:0 \"hello\"",
                "x/g 600 0:0 \"other\"",
                "x/x.log 644 0:0 \"x\"",
                "x/y 644 0:0 \"y\"",
            ],
        ),
        ("COPY lf /x/\nCOPY ld/e/y /z", &["x 755 0:0 /", "x/lf 644 0:0 \"hello\"", "z 644 0:0 \"y\""]),
    ]);
}

#[test]
fn of_a_directory_the_content_is_copied_and_its_own_mode_is_not() {
    let context = context();
    for (steps, owner, top) in [
        ("COPY d /x", "0:0", "x 755 0:0 /"),
        ("COPY d/ /x/", "0:0", "x 755 0:0 /"),
        ("COPY ld /x", "0:0", "x 755 0:0 /"),
        ("COPY d/. /x", "0:0", "x 755 0:0 /"),
        ("COPY --chown=7 d /x", "7:7", "x 755 7:7 /"),
        ("COPY --chown=7:8 d /x", "7:8", "x 755 7:8 /"),
        // what is there keeps what goes with it; what is below gets it anew
        ("COPY --chown=5:5 --chmod=711 d /x\nCOPY d /x", "0:0", "x 711 5:5 /"),
        ("COPY d /y\nFROM scratch\nCOPY --from=0 /y /x", "0:0", "x 755 0:0 /"),
        ("COPY --chown=9 d /y\nFROM scratch\nCOPY --from=0 /y /x", "9:9", "x 755 0:0 /"),
    ] {
        let expected: Vec<String> = [top.to_owned()].into_iter().chain(d("x/", owner)).collect();
        assert_eq!(built(context.path(), "", steps), expected, "{steps}");
    }
}

#[test]
fn modes_are_set_as_chmod_says_and_those_of_directories_on_the_way_by_octal_ones() {
    holds(&[
        ("COPY --chmod=600 f /r/t", &["r 600 0:0 /", "r/t 600 0:0 \"hello\""]),
        ("COPY --chmod=4711 f /r/t", &["r 711 0:0 /", "r/t 4711 0:0 \"hello\""]),
        ("COPY --chmod=1777 f /r/t", &["r 755 0:0 /", "r/t 1777 0:0 \"hello\""]),
        ("COPY --chmod=u=rwX,go= d/sub /r/t", &["r 755 0:0 /", "r/t 755 0:0 /", "r/t/two 700 0:0 \"two\""]),
        ("COPY --chmod=755 --chown=3 d/up /x", &["x 755 3:3 \"hello\""]),
    ]);
}

#[test]
fn owners_are_numbers_or_names_that_the_stage_knows() {
    let passwd =
        "COPY <<EOF /etc/passwd\nroot:x:0:0:::\nu:x:33:44:::\nEOF\nCOPY <<EOF /etc/group\ng:x:55:\nEOF\n";
    let etc = [
        "etc 755 0:0 /",
        "etc/group 644 0:0 \"g:x:55:\\n\"",
        "etc/passwd 644 0:0 \"root:x:0:0:::\\nu:x:33\"",
    ];
    let context = context();
    for (chown, owner) in [
        ("u", "33:44"),
        ("u:g", "33:55"),
        (":g", "0:55"),
        ("7:g", "7:55"),
        ("u:nobody", "33:44"),
        ("nobody", "0:0"),
        ("u:", "33:0"),
        ("root", "0:0"),
        ("-1", "0:0"),
    ] {
        let built = built(context.path(), "", &format!("{passwd}COPY --chown={chown} f /a"));
        let a = format!("a 644 {owner} \"hello\"");
        let expected = [&[&*a], &etc[..]].concat();
        assert_eq!(built, expected, "{chown}");
    }
    assert_eq!(
        built(context.path(), "", "COPY f /f\nCOPY --chown=u f /a"),
        ["ERROR invalid user \"u\": the stage has no file /etc/passwd"]
    );
    assert_eq!(
        built(context.path(), "", "COPY --chown=u f /a"),
        ["ERROR invalid user \"u\": the stage is empty, so it has no /etc/passwd"]
    );
}

#[test]
fn a_list_of_users_that_is_called_otherwise_is_read_through_its_symlink() {
    let context = context();
    symlink("../d/users", context.path().join("passwd")).unwrap();
    let steps = "COPY <<EOF /d/users\nu:x:33:44:::\nEOF\nCOPY etc /etc/\nCOPY --chown=u f /a";
    create_dir_all(context.path().join("etc")).unwrap();
    fs::rename(context.path().join("passwd"), context.path().join("etc/passwd")).unwrap();
    assert_eq!(built(context.path(), "", steps)[0], "a 644 33:44 \"hello\"");
}

#[test]
fn patterns_match_within_a_directory_and_may_match_nothing() {
    holds(&[
        ("COPY nomatch* /x/", &[]),
        ("COPY f nomatch* /x/", &["x 755 0:0 /", "x/f 644 0:0 \"hello\""]),
        (
            "COPY d/*/* /x/",
            &["x 755 0:0 /", "x/two 4755 0:0 \"two\"", "x/x.log 644 0:0 \"x\"", "x/y 644 0:0 \"y\""],
        ),
        ("COPY d*/s?b /y/", &["y 755 0:0 /", "y/two 4755 0:0 \"two\""]),
    ]);
    let context = context();
    let found = built(context.path(), "", "COPY d* /x/");
    assert_eq!(found, ["ERROR dangling: not found in the build context"]);
}

#[test]
fn what_leads_nowhere_is_said_where_it_stands() {
    holds(&[
        ("COPY nope /x", &["ERROR nope: not found in the build context"]),
        ("COPY dangling /x", &["ERROR dangling: not found in the build context"]),
        ("COPY out /x", &["ERROR out: not found in the build context"]),
        ("COPY f/x /x", &["ERROR f/x: not found in the build context"]),
        ("COPY f /y\nFROM scratch\nCOPY --from=0 /x /x", &["ERROR x: not found in what --from names"]),
    ]);
}

#[test]
fn a_directory_is_no_place_for_a_file_nor_a_file_for_a_directory() {
    holds(&[
        ("COPY d /x/f\nCOPY f /x/", &["ERROR /x/f: a directory, so a file cannot be copied there"]),
        ("COPY f /x/sub\nCOPY d /x/", &["ERROR /x/sub: no directory, so a directory cannot be copied there"]),
        ("COPY f /x\nCOPY d /x", &["ERROR /x: no directory, so a directory cannot be copied there"]),
        ("COPY f /x\nCOPY f /x/y", &["ERROR /x: no directory, so nothing can be put into it"]),
    ]);
}

#[test]
fn symlinks_in_the_destination_are_followed_in_the_stage() {
    let context = context();
    let steps = "COPY . /c\nCOPY g /c/ld/new\nCOPY g /c/lf\nCOPY g /c/dangling/\nCOPY g /c/out";
    let built = built(context.path(), "", steps);
    for line in [
        "c/d/new 600 0:0 \"other\"",
        "f 600 0:0 \"other\"",
        "c/nowhere/g 600 0:0 \"other\"",
        "etc/hostname 600 0:0 \"other\"",
        "c/ld 777 0:0 -> d",
        "c/f 644 0:0 \"hello\"",
    ] {
        assert!(built.iter().any(|found| found == line), "{line} in {built:#?}");
    }
}

#[test]
fn excluded_and_ignored_files_are_left_out_and_their_directories_stay_where_anything_is_in_them() {
    let context = context();
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "",
            "COPY --exclude=e --exclude=hard --exclude=u* --exclude=sub/* d /x",
            &["x 755 0:0 /", "x/one 644 0:0 \"one\"", "x/sub 700 0:0 /"],
        ),
        (
            "",
            "COPY --exclude=** --exclude=!e/y d /x",
            &["x 755 0:0 /", "x/e 1777 0:0 /", "x/e/y 644 0:0 \"y\""],
        ),
        ("", "COPY --exclude=one d/one /x/", &["x 755 0:0 /", "x/one 644 0:0 \"one\""]),
        (
            "*\n!d/sub/two",
            "COPY d /x\nCOPY . /y",
            &[
                "x 755 0:0 /",
                "x/sub 700 0:0 /",
                "x/sub/two 4755 0:0 \"two\"",
                "y 755 0:0 /",
                "y/d 755 0:0 /",
                "y/d/sub 700 0:0 /",
                "y/d/sub/two 4755 0:0 \"two\"",
            ],
        ),
        ("*\n!d/sub/none", "COPY d /x", &["ERROR d: not found in the build context"]),
        ("f", "COPY lf /x", &["ERROR lf: not found in the build context"]),
        ("ld", "COPY ld/one /x", &["ERROR ld/one: not found in the build context"]),
    ];
    for (ignore, steps, expected) in cases {
        assert_eq!(built(context.path(), ignore, steps), *expected, "{ignore:?} {steps}");
    }
}

#[test]
fn parents_keeps_the_directories_from_the_pivot_on() {
    holds(&[
        (
            "COPY --parents d/sub/two f /x/",
            &[
                "x 755 0:0 /",
                "x/d 755 0:0 /",
                "x/d/sub 700 0:0 /",
                "x/d/sub/two 4755 0:0 \"two\"",
                "x/f 644 0:0 \"hello\"",
            ],
        ),
        (
            "COPY --parents ./d/./sub/two /x/",
            &["x 755 0:0 /", "x/sub 700 0:0 /", "x/sub/two 4755 0:0 \"two\""],
        ),
        (
            "COPY --parents **/*.log /x/",
            &["x 755 0:0 /", "x/d 755 0:0 /", "x/d/e 1777 0:0 /", "x/d/e/x.log 644 0:0 \"x\""],
        ),
        (
            "COPY --parents --exclude=d/e d /x/",
            &[
                "x 755 0:0 /",
                "x/d 755 0:0 /",
                "x/d/hard 644 0:0 \"one\"",
                "x/d/one 644 0:0 \"one\"",
                "x/d/sub 700 0:0 /",
                "x/d/sub/two 4755 0:0 \"two\"",
                "x/d/up 777 0:0 -> ../f",
            ],
        ),
        ("COPY --parents d/nope /x/", &["ERROR d/nope: not found in the build context"]),
        ("COPY --parents d/nope* /x/", &["x 755 0:0 /"]),
    ]);
}

#[test]
fn documents_and_files_behind_urls_are_files_with_names() {
    holds(&[
        (
            "COPY <<one <<two f /x/\n1\none\n2\ntwo",
            &["x 755 0:0 /", "x/f 644 0:0 \"hello\"", "x/one 644 0:0 \"1\\n\"", "x/two 644 0:0 \"2\\n\""],
        ),
        ("COPY --chmod=700 --chown=4:5 <<a /y/z\nx\na", &["y 700 4:5 /", "y/z 700 4:5 \"x\\n\""]),
        ("ADD http://host/dir/name?x=y /z/", &["z 755 0:0 /", "z/name 600 0:0 \"remote\""]),
        ("ADD --chmod=640 --chown=3 http://host/ /z", &["z 640 3:3 \"remote\""]),
        ("ADD http://host/missing /z", &["ERROR http://host/missing: 404"]),
    ]);
    let context = context();
    let wrong = "sha256:".to_owned() + &"0".repeat(64);
    let failed = built(context.path(), "", &format!("ADD --checksum={wrong} http://host/f /z"));
    assert!(failed[0].starts_with("ERROR http://host/f: digest mismatch"), "{failed:?}");
}

#[test]
fn archives_are_unpacked_by_add_whatever_they_are_called() {
    let context = context();
    let of = |tar: TarBuilder| tar.owner(11, 12);
    let tar = of(of(of(TarBuilder::new().file("p/q", "q")).dir("p")).file("w", "1"));
    let tar = of(of(of(tar.file("w", "2")).symlink("s", "/etc")).hard_link("h", "w"));
    let tar = of(tar.file("s/in", "in"));
    write(context.path().join("archive"), gzip(tar.bytes())).unwrap();
    write(context.path().join("no.gz"), gzip("no tar")).unwrap();
    write(context.path().join("slip"), TarBuilder::new().file("../up", "x").bytes()).unwrap();
    write(context.path().join("over"), TarBuilder::new().file("d", "now a file").dir("f").bytes()).unwrap();
    let zeros = TarBuilder::new().file("z", [0; 300_000]).file("e", "").file("y", "y").file("z2", [0; 5]);
    write(context.path().join("zeros"), zeros.bytes()).unwrap();
    let lines = built(context.path(), "", "ADD zeros /x");
    let nul = |count| format!("{:?}", "\0".repeat(count));
    let expected = [
        "x 755 0:0 /".to_owned(),
        "x/e 644 0:0 \"\"".to_owned(),
        "x/y 644 0:0 \"y\"".to_owned(),
        format!("x/z 644 0:0 {}", nul(20)),
        format!("x/z2 644 0:0 {}", nul(5)),
    ];
    assert_eq!(lines, expected);
    let unpacked = [
        "x 755 0:0 /",
        "x/etc 755 0:0 /",
        "x/etc/in 644 11:12 \"in\"",
        "x/h 644 11:12 \"2\"",
        "x/p 755 11:12 /",
        "x/p/q 644 11:12 \"q\"",
        "x/s 777 11:12 -> /etc",
        "x/w 644 11:12 \"2\"",
    ];
    let built = |steps: &str| built(context.path(), "", steps);
    assert_eq!(built("ADD archive /x"), unpacked);
    let owned: Vec<String> = unpacked.iter().map(|line| line.replace("11:12", "5:6")).collect();
    let owned: Vec<String> = owned.iter().map(|line| line.replace("x 755 0:0", "x 755 5:6")).collect();
    assert_eq!(built("ADD --chown=5:6 --chmod=600 archive /x/"), owned);
    assert_eq!(built("ADD --unpack=false archive /x/").len(), 2);
    assert_eq!(built("ADD no.gz f /x/").len(), 3);
    assert_eq!(built("ADD slip /x/"), ["ERROR slip: ../up: a name that leads out of the archive"]);
    let over = ["x 755 0:0 /", "x/d 644 0:0 \"now a file\"", "x/f 755 0:0 /"];
    assert_eq!(built("COPY d /x/d/\nCOPY f /x/f\nADD over /x/"), over);
}

#[test]
fn with_link_the_destination_is_made_of_directories_whatever_the_stage_has() {
    let context = context();
    let built = built(context.path(), "", "COPY ld* /c/\nCOPY . /s/\nCOPY --link f /s/ld/f");
    assert!(built.contains(&"s/ld 755 0:0 /".to_owned()), "{built:#?}");
    assert!(built.contains(&"s/ld/f 644 0:0 \"hello\"".to_owned()));
}
