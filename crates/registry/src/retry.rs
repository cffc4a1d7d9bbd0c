//! When a request is made again, and after how long.

use crate::{Error, Settings};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// The longest pause between two attempts that nobody asked for.
const LONGEST: Duration = Duration::from_secs(20);

/// Statuses that may be gone at the next attempt.
pub(crate) fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// The attempts at one thing.
pub(crate) struct Retry {
    left: u32,
    pause: Duration,
    max_wait: Duration,
    patience: Duration,
    since: Instant,
}

impl Retry {
    pub(crate) fn new(settings: &Settings) -> Retry {
        Retry {
            left: settings.attempts.saturating_sub(1),
            pause: settings.back_off,
            max_wait: settings.max_wait,
            patience: settings.patience,
            since: Instant::now(),
        }
    }

    /// The pause before the next attempt, or `error` where there is none.
    pub(crate) fn after(&mut self, error: Error) -> Result<Duration, Error> {
        if self.left == 0 || self.since.elapsed() > self.patience {
            return Err(error);
        }
        self.left -= 1;
        let pause = self.pause;
        self.pause = (self.pause * 2).min(LONGEST);
        log::info!("{error}; again in {pause:?}");
        Ok(jitter(pause))
    }

    /// The same where the registry may have said how long to wait.
    pub(crate) fn as_told(&mut self, headers: &HeaderMap, error: Error) -> Result<Duration, Error> {
        let Some(wait) = retry_after(headers, SystemTime::now()) else { return self.after(error) };
        if wait > self.max_wait {
            return Err(match error {
                Error::Status { object, said, .. } => Error::Busy { object, wait, said },
                error => error,
            });
        }
        let pause = self.after(error)?;
        self.since += wait; // a wait that was obeyed is nobody's silence
        Ok(pause.max(wait))
    }
}

/// A quarter more or less, so that many clients do not come back at once.
fn jitter(pause: Duration) -> Duration {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.subsec_nanos());
    let share = f64::from(nanos % 1_000) / 1_000.0; // 0 to 1
    pause.mul_f64(0.75 + share / 2.0)
}

/// Spec: RFC 9110 §10.2.3. `None` where the header is not there or means nothing.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    let date = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    Some(SystemTime::from(date).duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        for (text, expected) in [
            ("0", Some(Duration::ZERO)),
            ("17", Some(Duration::from_secs(17))),
            ("100000000000000000000", Some(Duration::MAX)),
            ("Sun, 09 Sep 2001 01:46:45 GMT", Some(Duration::from_secs(5))),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(Duration::ZERO)),
            ("-5, soon", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            assert_eq!(retry_after(&headers, now), expected, "{text:?}");
        }
    }

    #[test]
    fn pauses_double_and_end() {
        let mut retry = Retry::new(&Settings { attempts: 3, ..Settings::default() });
        let error = || Error::unreachable("a", "gone");
        let first = retry.after(error()).unwrap();
        let second = retry.after(error()).unwrap();
        assert!(first >= Duration::from_millis(150) && first <= Duration::from_millis(250), "{first:?}");
        assert!(second >= Duration::from_millis(300) && second <= Duration::from_millis(500), "{second:?}");
        assert!(retry.after(error()).is_err());
    }
}
