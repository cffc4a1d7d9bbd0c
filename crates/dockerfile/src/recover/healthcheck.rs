//! A health check as Go prints its struct: with `%+v`, `%q` or `%v`, as builders and their releases differ.

use super::written::json_list;
use super::{END_OF_ARGUMENTS, Recovered, go_quoted};

/// `rest` is what follows the keyword.
pub(super) fn recovered(rest: &str) -> Recovered {
    let parsed = with_names(rest).or_else(|| in_quotes(rest)).or_else(|| bare(rest));
    parsed.unwrap_or_else(|| Recovered::default().but(format!("a health check that cannot be read: {rest}")))
}

/// `{Test:[CMD-SHELL a b] Interval:30s Timeout:0s StartPeriod:0s StartInterval:0s Retries:3}`
fn with_names(rest: &str) -> Option<Recovered> {
    let inner = rest.strip_prefix("{Test:[")?.strip_suffix('}')?;
    let (test, options) =
        inner.rsplit_once("] Interval:").map(|(test, rest)| (test, format!("Interval:{rest}")))?;
    let flags = options.split(' ').filter_map(|option| option.split_once(':')).filter_map(|(name, value)| {
        let flag = match name {
            "Interval" => "interval",
            "Timeout" => "timeout",
            "StartPeriod" => "start-period",
            "StartInterval" => "start-interval",
            "Retries" => "retries",
            _ => return None,
        };
        flag_of(flag, value)
    });
    of_words(test, &flags.collect::<Vec<String>>())
}

/// `&{[CMD-SHELL a b] 30s 0s 0s 0s 3}`
fn bare(rest: &str) -> Option<Recovered> {
    let (test, values) = rest.strip_prefix("&{[")?.strip_suffix('}')?.rsplit_once("] ")?;
    let (times, retries) = values.rsplit_once(' ')?;
    let mut flags = flags_of(&times.split(' ').collect::<Vec<&str>>());
    flags.extend(flag_of("retries", retries));
    of_words(test, &flags)
}

/// The words of a test with nothing but blanks between them.
fn of_words(test: &str, flags: &[String]) -> Option<Recovered> {
    let (kind, command) = test.split_once(' ').unwrap_or((test, ""));
    let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
    let recovered = assembled(kind, flags, || match kind {
        "CMD" => json_list(&words),
        _ => command.to_owned(),
    })?;
    let is_guess = kind == "CMD" && words.len() > 1;
    Some(if is_guess { recovered.but(END_OF_ARGUMENTS) } else { recovered })
}

/// `&{["CMD-SHELL" "a b"] "30s" "0s" "0s" '\x03'}`, with one more time in later releases.
fn in_quotes(rest: &str) -> Option<Recovered> {
    let inner = rest.strip_prefix("&{")?.strip_suffix('}')?;
    let end = inner.find("\"] ")? + 2;
    let test = go_quoted::list(&inner[..end])?;
    let (times, retries) = inner[end..].trim().rsplit_once(' ')?;
    let mut flags = flags_of(&go_quoted::words(times)?);
    flags.extend(rune(retries).and_then(|count| flag_of("retries", &count.to_string())));
    let (kind, command) = test.split_first()?;
    assembled(kind, &flags, || match kind.as_str() {
        "CMD" => json_list(command),
        _ => command.join(" "),
    })
}

/// Older releases have no start interval.
fn flags_of<T: AsRef<str>>(times: &[T]) -> Vec<String> {
    let names = ["interval", "timeout", "start-period", "start-interval"];
    names.iter().zip(times).filter_map(|(name, time)| flag_of(name, time.as_ref())).collect()
}

fn assembled(kind: &str, flags: &[String], command: impl FnOnce() -> String) -> Option<Recovered> {
    let words = match kind {
        "NONE" => return Some(Recovered::known("HEALTHCHECK NONE".to_owned())),
        "CMD" | "CMD-SHELL" => [&["HEALTHCHECK".to_owned()], flags, &["CMD".to_owned(), command()]].concat(),
        _ => return None,
    };
    Some(Recovered::known(words.join(" ")))
}

/// Zero is what is not given.
fn flag_of(name: &str, value: &str) -> Option<String> {
    (value != "0s" && value != "0").then(|| format!("--{name}={value}"))
}

/// A number as `%q` prints it: `'\x03'`.
fn rune(text: &str) -> Option<u32> {
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
    let word = go_quoted::words(&format!("\"{}\"", inner.replace('"', "\\\"")))?;
    word.first()?.chars().next().map(u32::from)
}
