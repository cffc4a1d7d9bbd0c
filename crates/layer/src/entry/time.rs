//! A point in time as file systems keep it.

use std::str::FromStr;

/// Nanoseconds in a second.
const SECOND: u32 = 1_000_000_000;

/// Seconds since 1970, negative before it, and nanoseconds after that second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Whole seconds.
    pub seconds: i64,
    /// From 0 to 999,999,999.
    pub nanoseconds: u32,
}

impl Time {
    /// A whole second.
    pub fn from_seconds(seconds: i64) -> Time {
        Time { seconds, nanoseconds: 0 }
    }

    /// The number of a PAX record, `-1.5`; digits behind the ninth are cut off, towards the past.
    pub(crate) fn parse(text: &[u8]) -> Option<Time> {
        let text = std::str::from_utf8(text).ok()?;
        let (negative, number) = text.strip_prefix('-').map_or((false, text), |number| (true, number));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let seconds: i64 = digits(whole)?;
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let nine: u32 = format!("{fraction:0<9}")[..9].parse().ok()?;
        let cut = fraction.bytes().skip(9).any(|digit| digit != b'0');
        if !negative {
            return Some(Time { seconds, nanoseconds: nine });
        }
        let before = nine + u32::from(cut);
        match before {
            0 => Some(Time::from_seconds(-seconds)),
            _ => Some(Time { seconds: -seconds - 1, nanoseconds: SECOND - before }),
        }
    }

    /// The shortest number that [`Time::parse`] reads as this.
    pub(crate) fn to_pax(self) -> String {
        let (sign, seconds, nanoseconds) = match self {
            Time { seconds, nanoseconds: 0 } => (if seconds < 0 { "-" } else { "" }, seconds, 0),
            Time { seconds, nanoseconds } if seconds < 0 => ("-", seconds + 1, SECOND - nanoseconds),
            Time { seconds, nanoseconds } => ("", seconds, nanoseconds),
        };
        let whole = seconds.unsigned_abs();
        match nanoseconds {
            0 => format!("{sign}{whole}"),
            _ => format!("{sign}{whole}.{nanoseconds:09}").trim_end_matches('0').to_owned(),
        }
    }
}

fn digits<T: FromStr>(text: &str) -> Option<T> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_to_the_nanosecond_and_what_is_none_is_refused() {
        for (text, seconds, nanoseconds) in [
            ("0", 0, 0),
            ("1.5", 1, 500_000_000),
            ("-1.5", -2, 500_000_000),
            ("-0.000000001", -1, 999_999_999),
            ("-1", -1, 0),
            ("1.9999999999", 1, 999_999_999),
            ("-1.0000000001", -2, 999_999_999),
            ("7.", 7, 0),
        ] {
            assert_eq!(Time::parse(text.as_bytes()), Some(Time { seconds, nanoseconds }), "{text}");
        }
        for text in ["", "-", ".5", "1e400", "+1", "1.-5", " 1", "9223372036854775808"] {
            assert_eq!(Time::parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_as_the_same(seconds in i64::MIN + 2..i64::MAX, nanoseconds in 0..SECOND) {
            let time = Time { seconds, nanoseconds };
            prop_assert_eq!(Time::parse(time.to_pax().as_bytes()), Some(time));
        }
    }
}
