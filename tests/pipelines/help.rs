//! `-h`, `--help`, `--version`, man pages and completions of every tool.

use test_support::{Command, Dir, tool, tools};

#[test]
fn short_help_fits_a_screen_and_says_everything_on_79_columns() {
    for name in tools() {
        let outcome = Command::new(tool(&name)).arg("-h").succeeds().stderr_is("");
        for line in outcome.lines() {
            assert!(line.chars().count() <= 79, "{name} -h: {line}");
        }
        assert!(outcome.lines().len() <= 60, "{name} -h has {} lines", outcome.lines().len());
        assert!(outcome.stdout().contains(&format!("Usage: {name} ")), "{outcome}");
    }
}

#[test]
fn long_help_has_examples_and_exit_statuses() {
    for name in tools() {
        let outcome = Command::new(tool(&name)).arg("--help").succeeds().stderr_is("");
        assert!(outcome.stdout().contains("\nExamples:\n  "), "{outcome}");
        assert!(outcome.stdout().contains("\nExit status:\n  0  done\n"), "{outcome}");
    }
}

#[test]
fn the_version_is_one_line_and_the_long_one_says_more() {
    for name in tools() {
        let outcome = Command::new(tool(&name)).arg("-V").succeeds().stderr_is("");
        assert_eq!(outcome.line(), format!("{name} {}", env!("CARGO_PKG_VERSION")));
        let outcome = Command::new(tool(&name)).arg("--version").succeeds();
        assert!(outcome.stdout().contains("\ncommit "), "{outcome}");
    }
}

#[test]
fn man_pages_have_their_sections_and_completions_know_the_options() {
    const SECTIONS: [&str; 9] = [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "OPTIONS",
        "EXIT STATUS",
        "ENVIRONMENT",
        "FILES",
        "EXAMPLES",
        "SEE ALSO",
    ];
    for name in tools() {
        let page = Command::new(tool(&name)).args(["--generate", "man"]).succeeds().stderr_is("");
        let found: Vec<String> = page
            .lines()
            .iter()
            .filter_map(|line| line.strip_prefix(".SH "))
            .map(|title| title.trim_matches('"').to_owned())
            .collect();
        let found: Vec<String> =
            found.into_iter().filter(|title| title != "TOOLS" || name != "oci").collect();
        assert_eq!(found, SECTIONS, "{name}");
        for shell in ["bash", "zsh", "fish"] {
            let outcome = Command::new(tool(&name)).args(["--generate", shell]).succeeds().stderr_is("");
            assert!(outcome.stdout().contains("quiet"), "{name} {shell}");
            assert!(!outcome.stdout().contains("generate"), "hidden: {name} {shell}");
        }
    }
}

#[test]
fn a_page_says_what_the_tool_takes_and_reads_and_who_its_neighbours_are() {
    let section = |page: &str, title: &str| {
        let text = page.split(&format!(".SH {title}\n")).nth(1).expect("a section");
        text.split("\n.SH ").next().expect("a text").replace('\\', "")
    };
    for name in tools() {
        let page = Command::new(tool(&name)).args(["--generate", "man"]).succeeds();
        let page = page.stdout().replace('"', "");
        let help = Command::new(tool(&name)).arg("--help").succeeds();
        let short = Command::new(tool(&name)).arg("-h").succeeds();
        let usage =
            short.stdout().split("Usage: ").nth(1).and_then(|text| text.lines().next()).expect("a usage");
        assert!(section(&page, "SYNOPSIS").contains(usage), "{name}: {page}");
        assert!(!page.contains('`'), "{name}: {page}");
        let variables = section(&page, "ENVIRONMENT");
        let registries = help.stdout().contains("--insecure") || name == "oci";
        assert_eq!(variables.contains("HTTPS_PROXY"), registries, "{name}");
        assert_eq!(help.stdout().contains("\n  HTTPS_PROXY  "), registries, "{name}");
        assert!(help.stdout().contains("\nEnvironment:\n"), "{name}");
        for related in
            section(&page, "SEE ALSO").split(", ").filter_map(|page| page.trim().strip_suffix("(1)"))
        {
            assert!(tools().iter().any(|tool| tool == related) && related != name, "{name}: {related}");
        }
    }
}

#[test]
fn a_wrong_command_line_is_one_line_and_a_hint() {
    let dir = Dir::new();
    for name in tools() {
        let outcome = dir.command(tool(&name)).arg("--nosuch-option").fails_with(2).stdout_is("");
        assert_eq!(
            outcome.stderr(),
            format!("{name}: --nosuch-option: no such option\nhint: {name} -h shows the usage\n")
        );
    }
    let outcome = dir.command(tool("oci-tag")).args(["--layou", "x"]).fails_with(2);
    assert!(outcome.stderr().ends_with("hint: did you mean --layout?\n"), "{outcome}");
}
