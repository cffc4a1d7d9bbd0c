//! What part of a blob a 206 is: a part is taken only where the registry says that it is the right one.

use reqwest::header::{CONTENT_RANGE, HeaderMap};
use std::ops::Range;

/// `bytes FIRST-LAST/TOTAL`.
///
/// Spec: RFC 9110 §14.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContentRange {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) total: Option<u64>,
}

impl ContentRange {
    /// The range of an answer; `None` where it is missing or means nothing.
    pub(crate) fn of(headers: &HeaderMap) -> Option<ContentRange> {
        ContentRange::parse(headers.get(CONTENT_RANGE)?.to_str().ok()?)
    }

    fn parse(text: &str) -> Option<ContentRange> {
        let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let total = if total.trim() == "*" { None } else { Some(number(total)?) };
        let (first, last) = (number(first)?, number(last)?);
        (first <= last).then_some(ContentRange { first, last, total })
    }

    /// Is it these bytes of a blob of `size` bytes?
    pub(crate) fn is(&self, bytes: &Range<u64>, size: u64) -> bool {
        self.first == bytes.start
            && self.last.checked_add(1) == Some(bytes.end)
            && self.total.is_none_or(|total| total == size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_for_is_taken() {
        for (text, right) in [
            ("bytes 10-99/100", true),
            ("bytes 10-99/*", true),
            ("bytes 0-99/100", false),
            ("bytes 10-98/100", false),
            ("bytes 10-99/101", false),
            ("bytes 10-109/110", false),
            ("bytes 10-18446744073709551615/*", false),
            ("bytes x-y/z", false),
            ("bytes 99-10/100", false),
            ("10-99/100", false),
            ("", false),
        ] {
            let range = ContentRange::parse(text);
            assert_eq!(range.is_some_and(|range| range.is(&(10..100), 100)), right, "{text}");
        }
    }
}
