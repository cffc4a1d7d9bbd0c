//! Which bytes are asked for, or sent. Pure.

/// The answer to a `Range` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// There is none, or one that a server may ignore.
    Whole,
    /// These bytes, the last included.
    Range { first: u64, last: u64 },
    /// None of these bytes are there.
    Unsatisfiable,
}

/// Reads a `Range` header for a blob of `size` bytes. Several ranges at once are ignored, as RFC 9110 allows.
///
/// Spec: RFC 9110, section 14.2.
pub(crate) fn part_of(header: &str, size: u64) -> Part {
    let Some((first, last)) = header.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-'))
    else {
        return Part::Whole;
    };
    match (number(first), number(last)) {
        (Some(first), _) if first >= size && (last.is_empty() || number(last).is_some()) => {
            Part::Unsatisfiable
        }
        (Some(first), Some(last)) if first <= last => Part::Range { first, last: last.min(size - 1) },
        (Some(first), None) if last.is_empty() => Part::Range { first, last: size - 1 },
        (None, Some(count)) if first.is_empty() => match count.min(size) {
            0 => Part::Unsatisfiable,
            count => Part::Range { first: size - count, last: size - 1 },
        },
        _ => Part::Whole,
    }
}

/// Reads the `Content-Range` of a chunk, which is `FIRST-LAST`; docker and RFC 9110 write `bytes FIRST-LAST/SIZE`.
///
/// Spec: distribution-spec 1.1, "Pushing a blob in chunks".
pub(crate) fn chunk_of(header: &str) -> Option<(u64, u64)> {
    let range = header.trim();
    let range = range.strip_prefix("bytes").map_or(range, |rest| rest.trim_start_matches(['=', ' ']));
    let range = range.split('/').next()?;
    let (first, last) = range.split_once('-')?;
    Some((number(first)?, number(last)?))
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_to_the_blob() {
        let range = |first, last| Part::Range { first, last };
        for (header, size, part) in [
            ("bytes=0-0", 10, range(0, 0)),
            ("bytes=2-5", 10, range(2, 5)),
            ("bytes=2-", 10, range(2, 9)),
            ("bytes=2-99", 10, range(2, 9)),
            ("bytes=-3", 10, range(7, 9)),
            ("bytes=-30", 10, range(0, 9)),
            ("bytes=10-", 10, Part::Unsatisfiable),
            ("bytes=10-12", 10, Part::Unsatisfiable),
            ("bytes=-0", 10, Part::Unsatisfiable),
            ("bytes=0-", 0, Part::Unsatisfiable),
            ("bytes=-1", 0, Part::Unsatisfiable),
            ("bytes=5-2", 10, Part::Whole),
            ("bytes=0-1,3-4", 10, Part::Whole),
            ("bytes=a-b", 10, Part::Whole),
            ("bytes=-", 10, Part::Whole),
            ("lines=0-1", 10, Part::Whole),
            ("bytes=99999999999999999999-", 10, Part::Whole),
        ] {
            assert_eq!(part_of(header, size), part, "{header} of {size}");
        }
    }

    #[test]
    fn a_chunks_range_is_read_in_every_spelling() {
        for (header, chunk) in [
            ("0-9", Some((0, 9))),
            ("bytes 0-9/*", Some((0, 9))),
            ("bytes=5-9/10", Some((5, 9))),
            ("5", None),
            ("a-b", None),
            ("-5", None),
        ] {
            assert_eq!(chunk_of(header), chunk, "{header}");
        }
    }
}
