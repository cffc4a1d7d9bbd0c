//! Names that speak of secrets.

const SECRET: [&str; 10] =
    ["apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token"];

/// With one of these words too, the name is of something that may be seen.
const HARMLESS: [&str; 3] = ["public", "file", "version"];

/// Whether one of the words between underscores is one for secrets: `API_TOKEN`, `git_key`.
pub(super) fn is_secret(name: &str) -> bool {
    let has = |words: &[&str]| name.split('_').any(|word| words.iter().any(|w| w.eq_ignore_ascii_case(word)));
    has(&SECRET) && !has(&HARMLESS)
}
