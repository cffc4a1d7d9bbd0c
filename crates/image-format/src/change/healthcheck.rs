//! HEALTHCHECK.

use super::Parsed;
use super::arguments::Arguments;
use crate::{GO_UNITS, Healthcheck, duration};

const HEALTHCHECK: &str = "HEALTHCHECK [--interval=30s …] CMD COMMAND, or HEALTHCHECK NONE";

/// What stands behind HEALTHCHECK.
pub(super) fn healthcheck(rest: &str) -> Parsed<Healthcheck> {
    let mut check = Healthcheck::default();
    let mut rest = rest;
    while let Some(option) = rest.strip_prefix("--") {
        let (option, remainder) = option.split_once(char::is_whitespace).ok_or(HEALTHCHECK)?;
        let (name, value) = option.split_once('=').ok_or(HEALTHCHECK)?;
        match name {
            "interval" => check.interval = Some(nanoseconds(value)?),
            "timeout" => check.timeout = Some(nanoseconds(value)?),
            "start-period" => check.start_period = Some(nanoseconds(value)?),
            "start-interval" => check.start_interval = Some(nanoseconds(value)?),
            "retries" => check.retries = Some(value.parse().map_err(|_| "a number of retries")?),
            _ => return Err(HEALTHCHECK),
        }
        rest = remainder.trim_start();
    }
    let (kind, command) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    check.test = Some(match (kind.to_ascii_uppercase().as_str(), Arguments::parse(command.trim())) {
        ("NONE", _) => vec!["NONE".to_owned()],
        ("CMD", Arguments::Json(list)) => std::iter::once("CMD".to_owned()).chain(list).collect(),
        ("CMD", Arguments::Shell(text)) if !text.is_empty() => vec!["CMD-SHELL".to_owned(), text],
        _ => return Err(HEALTHCHECK),
    });
    Ok(check)
}

fn nanoseconds(text: &str) -> Parsed<i64> {
    let span = duration(text, &GO_UNITS).and_then(|span| i64::try_from(span.as_nanos()).ok());
    span.ok_or("a duration like 30s, 1m30s or 500ms")
}
