//! Cases from BuildKit's own tests of its lexer, and what an attacker would try.

use proptest::prelude::*;

use super::*;

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn expand(word: &str, pairs: &[(&str, &str)]) -> Result<(String, Names), ExpansionError> {
    let mut names = Names::default();
    let text = Expander::new('\\').word(word, &variables(pairs), &mut names)?;
    Ok((text, names))
}

const HOME: [(&str, &str); 4] = [("PWD", "/home"), ("SHELL", "bash"), ("KOREAN", "한국어"), ("NULL", "")];

#[track_caller]
fn each(pairs: &[(&str, &str)], cases: &[(&str, &str)]) {
    for (word, expected) in cases {
        match expand(word, pairs) {
            Ok((text, _)) => assert_eq!(text, *expected, "{word}"),
            Err(error) => panic!("{word}: {error}"),
        }
    }
}

#[track_caller]
fn each_fails(pairs: &[(&str, &str)], words: &[&str]) {
    for word in words {
        assert!(expand(word, pairs).is_err(), "{word} expands");
    }
}

#[test]
fn quotes_and_escapes_are_taken_off() {
    let cases = [
        ("hello", "hello"),
        ("he'll'o", "hello"),
        (r"he\'llo", "he'llo"),
        (r"abc\tdef", "abctdef"),
        (r#""abc\tdef""#, r"abc\tdef"),
        (r#""abc\\tdef""#, r"abc\tdef"),
        (r"'abc\tdef'", r"abc\tdef"),
        (r"hello\", "hello"),
        (r"hello\\", r"hello\"),
        (r#""hel'lo""#, "hel'lo"),
        (r"'hello\there'", r"hello\there"),
        (r#""''""#, "''"),
        ("안'녕'하세요", "안녕하세요"),
    ];
    each(&HOME, &cases);
    each_fails(&HOME, &["he'llo", r"he\\'llo", "\"hello", r#""hello\""#, "'hello", "안녕'하세요"]);
}

#[test]
fn names_are_replaced_and_a_dollar_without_a_name_stays() {
    let cases = [
        ("$.", "$."),
        ("he$1x", "hex"),
        ("he$pwd.", "he."),
        ("he$PWD", "he/home"),
        (r"he\$PWD", "he$PWD"),
        (r"he\\$PWD", r"he\/home"),
        (r#""he\$PWD""#, "he$PWD"),
        (r"\${}aaa", "${}aaa"),
        ("he${PWD}", "he/home"),
        ("'he${XX}'", "he${XX}"),
        (r#""he'$PWD'""#, "he'/home'"),
        (r"'\$PWD'", r"\$PWD"),
        ("안녕$KOREAN", "안녕한국어"),
        ("${aaa}}", "}"),
        ("$999aaa", "aaa"),
        ("${001:-bbb}aaa", "bbbaaa"),
        ("$@@@", "@@"),
        ("${@:-bbb}", "bbb"),
        ("$$", ""),
        ("$0", ""),
        ("${0:+bbb}", ""),
    ];
    each(&HOME, &cases);
    each_fails(&HOME, &["${}", "he${}xx", "he${.}", "he${PWD", "${{aaa}", "${:}", "${:-bbb}", "${aaa"]);
}

#[test]
fn a_default_an_alternative_and_a_requirement() {
    let cases = [
        ("he${XXX:-000}xx", "he000xx"),
        ("he${PWD:-000}xx", "he/homexx"),
        ("he${XXX:-${PWD:-yyy}}xx", "he/homexx"),
        ("he${XXX:-${YYY:-yyy}}xx", "heyyyxx"),
        ("he${PWD:+${SHELL}}xx", "hebashxx"),
        ("he${XXX:+000}xx", "hexx"),
        ("he${PWD?}", "he/home"),
        ("he${NULL?}", "he"),
        (r"he${XXX:-\${PWD}z}xx", "he${PWDz}xx"),
        ("he${PWD:+${PWD}:}xx", "he/home:xx"),
        ("${NULL-a}${NULL:-b}${NULL+c}${NULL:+d}", "bc"),
        ("${aaa:-bbb {foo}", "bbb {foo"),
    ];
    each(&HOME, &cases);
    let faults = [
        "he${XXX:YYY}",
        "he${XXX?}",
        "he${XXX:?}",
        "he${NULL:?}",
        "he${PWD:=000}xx",
        "${PWD=a}",
        "${aaa:-${bbb}",
        "${PWD:#a}",
        "${PWD:%%}",
        "${PWD:/a/b}",
    ];
    each_fails(&HOME, &faults);
}

#[test]
fn a_required_variable_gives_its_own_message() {
    let message = |word: &str| expand(word, &[("NULL", ""), ("ARG", "x")]).unwrap_err().to_string();
    assert_eq!(message("${VAR:?message here$ARG}"), "VAR: message herex");
    assert_eq!(message("${VAR?}"), "VAR: is not allowed to be unset");
    assert_eq!(message("${NULL:?}"), "NULL: is not allowed to be empty");
}

#[test]
fn a_pattern_takes_off_a_beginning_or_an_end() {
    let word = |value: &str, word: &str| expand(word, &[("F", value), ("B", "x"), ("E", "")]).unwrap().0;
    assert_eq!(word(r"()[]{}^$.*?|\x", r"${F#()[]{\}^$.\*\?|\\}"), "x");
    assert_eq!(word("xx**", r"${F%%\**}"), "xx");
    assert_eq!(word("xxyy", "${F#*x*y}"), "y");
    assert_eq!(word("xxyy", "${F#*}"), "xxyy");
    assert_eq!(word("xxyy", "${F#$B}"), "xyy");
    assert_eq!(word("xxyy", "${F#$E}${F##}${F%}"), "xxyyxxyyxxyy");
    assert_eq!(word("xxyy", "${F##*x}"), "yy");
    assert_eq!(word("???y", r"${F#?\?}"), "?y");
    assert_eq!(word("a***yy*", r"${F%%\**\*}"), "a");
    assert_eq!(word("a.tar.gz", "${F%.*} ${F%%.*}"), "a.tar a");
    assert_eq!(word("a\nb", "${F##*}"), "\nb"); // a piece does not go beyond its line
    each_fails(&[("F", "a")], &[r"${F#\x}", r"${F%a\}", "${F#a"]);
}

#[test]
fn a_pattern_is_replaced_once_or_everywhere() {
    let word =
        |value: &str, needle: &str, word: &str| expand(word, &[("F", value), ("N", needle)]).unwrap().0;
    let both = "${F/$N/.} - ${F//$N/.}";
    assert_eq!(word("/foo*/*/*.txt", r"\*/", both), "/foo.*/*.txt - /foo..*.txt");
    assert_eq!(word("/tmp/tmp/bar.txt", "/tmp", "${F/$N/} - ${F//$N/}"), "/tmp/bar.txt - /bar.txt");
    assert_eq!(word("/a/foo/b/c.txt", "/?/", "${F/$N//} - ${F//$N//}"), "/foo/b/c.txt - /foo/c.txt");
    assert_eq!(word("/tmp/foo.txt", "", r"${F//\//\/}"), r"\/tmp\/foo.txt");
    assert_eq!(word("xxyy", "", "${F/$N/ww}"), "wwxxyy");
    assert_eq!(word("abc", "", "${F//$N/-}"), "-a-b-c-");
    assert_eq!(word("abc", "*", both), ". - .");
    assert_eq!(word("xxyy", "", "${F///}"), "xxyy");
    assert_eq!(word("aXbXc", "?X", both), ".bXc - ..c");
    assert_eq!(word("xa-ab-b", "a*b", both), "x. - x.");
    each_fails(&[("F", "a")], &["${F//ww}", "${F//}", "${F/a", "${F/a/b"]);
}

#[test]
fn the_variables_that_were_met_are_told() {
    let names = |word: &str| {
        let names = expand(word, &[("FOO", "xxx"), ("BAR", "")]).unwrap().1;
        format!("{:?} {:?}", names.matched, names.unmatched)
    };
    assert_eq!(names("x"), "{} {}");
    assert_eq!(names("${FOO:-aaa} ${BAR-bbb} ${BAZ-ccc}"), r#"{"BAR", "FOO"} {"BAZ"}"#);
    assert_eq!(names("${FOO:-$OTHER}"), r#"{"FOO"} {"OTHER"}"#);
    assert_eq!(names("'$FOO'\\$BAR"), "{} {}");
}

#[test]
fn words_are_split_at_white_space_that_is_not_quoted() {
    let pairs = [("hi", "hi"), ("space", "abc  def"), ("leading", "  ab c"), ("trailing", "ab c   ")];
    let words =
        |line: &str| Expander::new('\\').words(line, &variables(&pairs), &mut Names::default()).unwrap();
    assert_eq!(words("hello${hi}bye"), ["hellohibye"]);
    assert_eq!(words("hello${space}bye"), ["helloabc", "defbye"]);
    assert_eq!(words(r#"hello"${space}"bye"#), ["helloabc  defbye"]);
    assert_eq!(words("hello${leading}def"), ["hello", "ab", "cdef"]);
    assert_eq!(words(r#"hello"${trailing}"d"#), ["helloab c   d"]);
    assert_eq!(words("hello${trailing}d"), ["helloab", "c", "d"]);
    assert_eq!(words(r"hello\ there"), ["hello there"]);
    assert_eq!(words(r#"hello\" there"#), ["hello\"", "there"]);
    assert_eq!(words(r#"a "" b"#), ["a", "b"]);
    assert_eq!(words("80${x:-80}"), ["8080"]);
}

#[test]
fn a_backtick_escapes_where_the_directive_says_so() {
    let word =
        |text: &str| Expander::new('`').word(text, &variables(&[("A", "1")]), &mut Names::default()).unwrap();
    assert_eq!(word(r"C:\dir`$A\$A"), r"C:\dir$A\1");
}

#[test]
fn in_a_document_quotes_are_letters_and_the_escape_is_a_backslash() {
    let expander = Expander::new('`');
    let text =
        expander.document("'$A' \"${B:-b}\" \\$A `$A\n", &variables(&[("A", "1")]), &mut Names::default());
    assert_eq!(text.unwrap(), "'1' \"b\" $A `1\n");
}

#[test]
fn for_people_only_what_has_a_value_is_replaced() {
    let shown = |text: &str| Expander::new('\\').shown(text, &variables(&[("A", "1")]));
    assert_eq!(shown("RUN echo \"$A\" $B ${C:-d} 'e'"), "RUN echo \"1\" $B ${C:-d} 'e'");
    assert_eq!(shown("RUN echo 'open"), "RUN echo 'open");
}

#[test]
fn doubling_cannot_grow_above_the_limit() {
    let mut value = "x".repeat(1000);
    let failed = (0..40).find_map(|_| {
        let next = expand("${a}${a}", &[("a", &value)]);
        next.map(|(next, _)| value = next).err()
    });
    assert_eq!(failed.unwrap().to_string(), "its value grows above 1 MiB");
    assert!(value.len() <= 8 + GROWTH_LIMIT);
}

#[test]
fn all_expansions_of_a_build_together_are_bounded() {
    let expander = Expander::new('\\');
    let big = variables(&[("a", &"x".repeat(1 << 20))]);
    let failed = (0..1000).find_map(|_| expander.word("$a", &big, &mut Names::default()).err());
    assert!(failed.unwrap().to_string().contains("too much work"));
}

#[test]
fn forms_nest_only_so_deep() {
    let nested = |depth: usize| "${a:-".repeat(depth) + "x" + &"}".repeat(depth);
    assert_eq!(expand(&nested(DEPTH_LIMIT), &[]).unwrap().0, "x");
    let error = expand(&nested(100_000), &[]).unwrap_err();
    assert_eq!(error.to_string(), "forms nest more than 64 deep");
}

#[test]
fn a_pattern_made_to_be_slow_ends_at_the_budget() {
    let (value, pattern) = ("a".repeat(200_000), "*a".repeat(2000) + "b");
    let expander = Expander { mode: Mode::new('\\'), budget: Budget::of(1 << 20) };
    let pairs = variables(&[("v", &value), ("p", &pattern)]);
    let error = expander.word("${v//$p/x}", &pairs, &mut Names::default()).unwrap_err();
    assert!(error.to_string().contains("too much work"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(word in "[$\\{\\}:\\-+?#%/\\\\'\"<a-c \n]{0,40}", value in "[a-c*?\\\\/\n]{0,10}") {
        let pairs = variables(&[("a", &value), ("b", "")]);
        let expander = Expander::new('\\');
        let _ = expander.word(&word, &pairs, &mut Names::default());
        let _ = expander.words(&word, &pairs, &mut Names::default());
        let _ = expander.document(&word, &pairs, &mut Names::default());
        expander.shown(&word, &pairs);
    }

    #[test]
    fn text_without_marks_is_itself(word in "[^$\\\\'\"]{0,40}") {
        prop_assert_eq!(expand(&word, &[]).unwrap().0, word);
    }

    #[test]
    fn a_match_taken_off_the_beginning_is_a_beginning(value in "[ab*]{0,12}", pattern in "[ab*?]{0,6}") {
        let rest = |word: &str| expand(word, &[("v", &value), ("p", &pattern)]).unwrap().0;
        let (shortest, longest) = (rest("${v#$p}"), rest("${v##$p}"));
        prop_assert!(value.ends_with(&longest) && shortest.ends_with(&longest));
        let start = rest("${v%$p}");
        prop_assert!(value.starts_with(&start));
    }
}
