//! The rules of moby's patternmatcher, by its own cases.

use proptest::prelude::*;

use super::*;

fn ignore(text: &str) -> Ignore {
    Ignore::parse(text.as_bytes()).unwrap()
}

fn one(pattern: &str, path: &str) -> bool {
    IgnorePattern::parse(pattern.as_bytes()).unwrap().unwrap().matches(path.as_bytes())
}

#[test]
fn a_pattern_is_anchored_and_a_double_star_crosses_directories() {
    let yes = [
        ("**", "file"),
        ("**", "dir/file"),
        ("**/", "file"),
        ("**/**", "dir/file"),
        ("dir/**", "dir/file"),
        ("dir/**", "dir/dir2/file"),
        ("**/dir", "dir"),
        ("**/dir", "a/b/dir"),
        ("**file", "dir/afile"),
        ("**/dir2/*", "dir/dir2/file"),
        ("a/**/b", "a/b"),
        ("a/**/b", "a/x/y/b"),
        ("**/*.go", "x.go"),
        ("abc**", "abc/def"),
        ("a[b-d]e", "ace"),
        ("abc\\*", "abc*"),
        (".*", ".foo"),
        ("a(b)c/def", "a(b)c/def"),
        ("a|b", "a|b"),
        ("**/foo/bar", "foo/bar"),
        ("f?o", "f☺o"),
    ];
    for (pattern, path) in yes {
        assert!(one(pattern, path), "{pattern} {path}");
    }
    let no = [
        ("dir/**", "dir"),
        ("file", "dir/file"),
        ("*", "dir/file"),
        ("a/**/b", "ab"),
        ("a/**/b", "a/xb"),
        ("a.b", "axb"),
        ("**/dir2/**", "dir/dir2"),
        ("?", "/"),
        ("a[^b-d]e", "ace"),
        ("**/foo/bar", "xfoo/bar"),
    ];
    for (pattern, path) in no {
        assert!(!one(pattern, path), "{pattern} {path}");
    }
}

#[test]
fn the_last_pattern_that_matches_a_file_or_what_is_above_it_decides() {
    let rules = ignore("notes\n!notes/README.md\n*.log\n!keep.log\n");
    assert!(rules.ignores(b"notes") && rules.ignores(b"notes/a/b") && rules.ignores(b"x.log"));
    assert!(!rules.ignores(b"notes/README.md") && !rules.ignores(b"keep.log") && !rules.ignores(b"a/x.log"));
    let again = ignore("!notes/README.md\nnotes\n");
    assert!(again.ignores(b"notes/README.md"));
    let deep = ignore("**/b*/c?\n");
    assert!(deep.ignores(b"a/bb/cc/d/e") && !deep.ignores(b"a/bb/c/d"));
    let all = ignore("*\n!a/b\n");
    assert!(all.ignores(b"a") && all.ignores(b"a/c") && !all.ignores(b"a/b") && !all.ignores(b"a/b/c"));
}

#[test]
fn lines_are_trimmed_and_cleaned_and_comments_skipped() {
    let text = "\u{feff}# comment\r\n\r\n  /a/../b/ \r\n #c\n! /d\n./e//f\n";
    let rules = ignore(text);
    let shown: Vec<(bool, &[u8])> =
        rules.patterns.iter().map(|p| (p.is_exception, p.text.as_slice())).collect();
    assert_eq!(shown, [(false, b"b".as_slice()), (false, b"#c"), (true, b"d"), (false, b"e/f")]);
    assert!(ignore("# only\n\n").is_empty());
}

#[test]
fn a_line_that_is_no_pattern_is_refused_at_its_place() {
    let error = Ignore::parse(b"a\n  [b\n").unwrap_err();
    assert_eq!((error.span, error.line(b"a\n  [b\n")), (Span::new(4..6), 2));
    assert!(Ignore::parse(b"!").is_err() && Ignore::parse(b"a\\").is_err());
}

#[test]
fn excludes_are_patterns_as_in_a_file() {
    let rules = Ignore::of_patterns([b"*.o".as_slice(), b" ", b"!a.o"]).unwrap();
    assert!(rules.ignores(b"b.o") && !rules.ignores(b"a.o") && rules.has_exceptions());
    assert_eq!(Ignore::of_patterns([b"a".as_slice(), b"["]).unwrap_err().0, b"[");
}

#[test]
fn paths_are_bytes() {
    let rules = Ignore::parse(b"a\xff*\n").unwrap();
    assert!(rules.ignores(b"a\xff\xfe") && !rules.ignores(b"a\xfe"));
}

#[test]
fn a_pattern_made_to_be_slow_is_not() {
    let rules = ignore(&("**/a".repeat(100) + "/**/b"));
    assert!(!rules.ignores("a/".repeat(2000).as_bytes()));
}

/// Walks down to `path` as a walk of the context does.
fn walked(rules: &Ignore, path: &str) -> bool {
    let mut known = ParentMatches::default();
    let mut is_ignored = false;
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    for end in ends {
        (is_ignored, known) = rules.ignores_below(&path.as_bytes()[..end], &known);
    }
    is_ignored
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(text: Vec<u8>, path: Vec<u8>) {
        if let Ok(rules) = Ignore::parse(&text) {
            rules.ignores(&path);
            rules.ignores_below(&path, &ParentMatches::default());
        }
    }

    #[test]
    fn without_exceptions_a_walk_finds_what_asking_for_the_path_finds(
        patterns in prop::collection::vec("[ab*]{1,3}(/[ab*]{1,3})?", 1..4),
        path in "[ab]{1,2}(/[ab]{1,2}){0,2}",
    ) {
        let rules = ignore(&patterns.join("\n"));
        prop_assert_eq!(walked(&rules, &path), rules.ignores(path.as_bytes()));
    }

    #[test]
    fn a_plain_pattern_takes_its_path_and_what_is_below(path in "[a-c]{1,3}(/[a-c]{1,3}){0,2}") {
        let rules = ignore(&path);
        let below = format!("{path}/x");
        let beside = format!("{path}x");
        prop_assert!(rules.ignores(path.as_bytes()) && rules.ignores(below.as_bytes()));
        prop_assert!(!rules.ignores(beside.as_bytes()));
    }
}

#[test]
fn a_directory_that_no_pattern_can_reach_into_is_known_by_how_the_patterns_begin() {
    let ignore = ignore("*\n!src/main/*.rs\n!docs/a?/b\n");
    for directory in ["", "src", "src/main", "src/main/x", "docs", "docs/ab"] {
        assert!(ignore.may_bring_back_below(directory.as_bytes()), "{directory}");
    }
    for directory in ["node_modules", "sr", "src2", "src/other", "docs/bb"] {
        assert!(!ignore.may_bring_back_below(directory.as_bytes()), "{directory}");
        assert!(ignore.may_match_below(directory.as_bytes()), "{directory}");
    }
    let all = Ignore::parse(b"**/x\n").unwrap();
    assert!(all.may_match_below(b"any/where") && !all.may_bring_back_below(b"any/where"));
}
