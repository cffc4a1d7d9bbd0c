//! The time: the machine's, or the one that SOURCE_DATE_EPOCH says new images were made at.

use crate::env::{self, Environment};
use crate::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Tells the time.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Seconds since 1970, as SOURCE_DATE_EPOCH has them.
    epoch: Option<i64>,
}

impl Clock {
    /// # Errors
    /// SOURCE_DATE_EPOCH is no number, or one before 1970 or beyond the year 9999.
    pub(crate) fn new(environment: &Environment) -> Result<Clock, Error> {
        let Some(text) = environment.get(env::SOURCE_DATE_EPOCH) else { return Ok(Clock { epoch: None }) };
        let seconds = seconds_since_1970(&text.to_string_lossy());
        let seconds = seconds.map_err(|problem| {
            Error::usage(format_args!("SOURCE_DATE_EPOCH={}: {problem}", text.display()))
        })?;
        Ok(Clock { epoch: Some(seconds) })
    }

    /// The time now, in seconds since 1970.
    pub fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }

    /// SOURCE_DATE_EPOCH, in seconds since 1970.
    pub fn epoch(&self) -> Option<i64> {
        self.epoch
    }

    /// When something that is made now was made, as RFC 3339: SOURCE_DATE_EPOCH, or else now.
    pub fn created(&self) -> String {
        let time = match self.epoch {
            Some(seconds) => {
                OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
            }
            None => OffsetDateTime::now_utc(),
        };
        time.format(&Rfc3339).unwrap_or_else(|_| "1970-01-01T00:00:00Z".to_owned())
    }
}

/// Reads a time in seconds since 1970.
///
/// # Errors
/// It is no number, or one before 1970 or beyond the year 9999, which no image can say.
pub fn seconds_since_1970(text: &str) -> Result<i64, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds >= 0);
    let valid = seconds.filter(|seconds| OffsetDateTime::from_unix_timestamp(*seconds).is_ok());
    valid.ok_or_else(|| "not a time; expected seconds since 1970, up to the year 9999".to_owned())
}

/// Reads a time as RFC 3339, to the nanosecond; `None` where it is none.
pub(crate) fn parse(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(epoch: &str) -> Result<Clock, Error> {
        Clock::new(&[(env::SOURCE_DATE_EPOCH, epoch)].into_iter().collect())
    }

    #[test]
    fn an_image_is_as_old_as_source_date_epoch_says() {
        assert_eq!(clock("1").unwrap().created(), "1970-01-01T00:00:01Z");
        assert!(clock("").unwrap().created().as_str() > "2024");
        for wrong in ["x", "1.5", "99999999999999999", "253402300800", "-5"] {
            assert!(clock(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_are_read_with_and_without_fractions_and_zones() {
        let nanoseconds = |text| parse(text).map(OffsetDateTime::unix_timestamp_nanos);
        assert_eq!(nanoseconds("1970-01-01T00:00:01Z"), Some(1_000_000_000));
        assert_eq!(nanoseconds("1970-01-01T01:00:01.5+01:00"), Some(1_500_000_000));
        assert_eq!(parse("yesterday"), None);
    }
}
