//! How long ago, as docker says it (go-units `HumanDuration`).

use crate::clock;

/// Images whose time is before this never had one (docker/cli `formatter_history.go`, `epoch`).
const EPOCH: i64 = 946_684_800; // 2000-01-01

/// `2 weeks ago`; `N/A` for a time that is missing, unreadable, or not after 2000-01-01.
pub fn human_age(created: Option<&str>, now: i64) -> String {
    match created.and_then(clock::parse).map(|time| time.unix_timestamp()) {
        Some(time) if time > EPOCH => format!("{} ago", duration(now - time)),
        _ => "N/A".to_owned(),
    }
}

fn duration(seconds: i64) -> String {
    let minutes = seconds / 60;
    let hours = (seconds as f64 / 3600.0).round() as i64;
    match () {
        () if seconds < 1 => "Less than a second".to_owned(),
        () if seconds == 1 => "1 second".to_owned(),
        () if seconds < 60 => format!("{seconds} seconds"),
        () if minutes == 1 => "About a minute".to_owned(),
        () if minutes < 60 => format!("{minutes} minutes"),
        () if hours == 1 => "About an hour".to_owned(),
        () if hours < 48 => format!("{hours} hours"),
        () if hours < 24 * 7 * 2 => format!("{} days", hours / 24),
        () if hours < 24 * 30 * 2 => format!("{} weeks", hours / 24 / 7),
        () if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        () => format!("{} years", seconds / 3600 / 24 / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_dockers() {
        const HOUR: i64 = 3600;
        const DAY: i64 = 24 * HOUR;
        for (seconds, text) in [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (119, "About a minute"),
            (120, "2 minutes"),
            (HOUR, "About an hour"),
            (5 * HOUR, "5 hours"),
            (2 * DAY, "2 days"),
            (13 * DAY, "13 days"),
            (14 * DAY, "2 weeks"),
            (59 * DAY, "8 weeks"),
            (60 * DAY, "2 months"),
            (729 * DAY, "24 months"),
            (730 * DAY, "2 years"),
        ] {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn a_time_that_was_never_set_is_not_available() {
        for created in [None, Some("1970-01-01T00:00:00Z"), Some("2000-01-01T00:00:00Z"), Some("x")] {
            assert_eq!(human_age(created, 2_000_000_000), "N/A");
        }
        assert_eq!(human_age(Some("2026-11-24T00:00:00Z"), 1_795_478_400 + 7200), "2 hours ago");
    }
}
