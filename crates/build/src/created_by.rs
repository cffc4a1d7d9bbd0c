//! Lines of history, as BuildKit writes them, so that `docker history` reads the same.
//!
//! BuildKit prints Go values: lists without commas, and a health check as `%q` does, each of its numbers as a letter.

use dockerfile::{ArgValue, Pair, Port, Word, quoted, quoted_list};
use image_format::Healthcheck;
use std::time::Duration;

/// What BuildKit writes into `comment`.
pub(crate) const COMMENT: &str = "buildkit.dockerfile.v0";

/// `ENV a=1 b=x y`, `LABEL …`.
pub(crate) fn pairs(keyword: &str, pairs: &[Pair]) -> String {
    let each = pairs.iter().map(|pair| format!(" {}={}", pair.name.text, pair.value.text));
    format!("{keyword}{}", each.collect::<String>())
}

/// `ARG a=1 b`.
pub(crate) fn args(args: &[ArgValue]) -> String {
    let each = args.iter().map(|arg| match &arg.value {
        Some(value) => format!(" {}={value}", arg.name),
        None => format!(" {}", arg.name),
    });
    format!("ARG{}", each.collect::<String>())
}

/// `CMD ["a" "b"]`, `ENTRYPOINT […]`.
pub(crate) fn command(keyword: &str, arguments: &[String]) -> String {
    format!("{keyword} {}", quoted_list(arguments))
}

/// `VOLUME [/a /b]`, `SHELL […]`.
pub(crate) fn list(keyword: &str, words: &[Word]) -> String {
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    format!("{keyword} [{}]", texts.join(" "))
}

/// `EXPOSE [80/tcp]`.
pub(crate) fn expose(ports: &[Port]) -> String {
    let texts: Vec<String> = ports.iter().map(ToString::to_string).collect();
    format!("EXPOSE [{}]", texts.join(" "))
}

/// `HEALTHCHECK &{["CMD-SHELL" "x"] "5s" "0s" "0s" "0s" '\x03'}`: what docker 28 writes, `%q` of a pointer.
pub(crate) fn healthcheck(check: &Healthcheck) -> String {
    let time = |nanoseconds: Option<i64>| {
        let nanoseconds = u64::try_from(nanoseconds.unwrap_or(0)).unwrap_or(0);
        quoted(&go_duration(Duration::from_nanos(nanoseconds)))
    };
    format!(
        "HEALTHCHECK &{{{} {} {} {} {} {}}}",
        quoted_list(check.test.as_deref().unwrap_or_default()),
        time(check.interval),
        time(check.timeout),
        time(check.start_period),
        time(check.start_interval),
        quoted_letter(check.retries.unwrap_or(0)),
    )
}

/// A number as `%q` writes it: as the letter of that number.
fn quoted_letter(number: i64) -> String {
    let letter = u32::try_from(number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
    match letter {
        '\'' => r"'\''".to_owned(),
        '"' => "'\"'".to_owned(),
        letter => {
            let quoted = quoted(&letter.to_string());
            format!("'{}'", &quoted[1..quoted.len() - 1])
        }
    }
}

/// A duration as Go's `Duration.String` writes it: `1h0m0s`, `1.5s`, `300ms`.
fn go_duration(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos();
    let (unit, name) = match nanoseconds {
        0 => return "0s".to_owned(),
        1..1_000 => (1, "ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    if unit < 1_000_000_000 {
        return format!("{}{name}", decimal(nanoseconds, unit));
    }
    let minutes = nanoseconds / unit / 60;
    let seconds = decimal(nanoseconds - minutes * 60 * unit, unit);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// `number / unit`, with just as many digits behind the point as it has.
fn decimal(number: u128, unit: u128) -> String {
    let (whole, rest) = (number / unit, number % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = unit.to_string().len() - 1;
    format!("{whole}.{}", format!("{rest:0digits$}").trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (nanoseconds, text) in [
            (0, "0s"),
            (5_000_000_000, "5s"),
            (1_500_000_000, "1.5s"),
            (300_000_000, "300ms"),
            (1_500_000, "1.5ms"),
            (2_000, "2µs"),
            (90_000_000_000, "1m30s"),
            (3_600_000_000_000, "1h0m0s"),
            (5_400_100_000_000, "1h30m0.1s"),
        ] {
            assert_eq!(go_duration(Duration::from_nanos(nanoseconds)), text);
        }
    }

    #[test]
    fn a_health_check_is_written_as_docker_28_writes_it() {
        let test = Some(vec!["CMD-SHELL".to_owned(), "echo hi \"x\"".to_owned()]);
        let check =
            Healthcheck { test, interval: Some(5_000_000_000), retries: Some(3), ..Healthcheck::default() };
        let expected = r#"HEALTHCHECK &{["CMD-SHELL" "echo hi \"x\""] "5s" "0s" "0s" "0s" '\x03'}"#;
        assert_eq!(healthcheck(&check), expected);
        assert_eq!([10, 39, 34, 65].map(quoted_letter), [r"'\n'", r"'\''", "'\"'", "'A'"]);
    }
}
