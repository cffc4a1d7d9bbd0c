//! The records of a PAX extended header, told apart by their lengths: `LENGTH KEY=VALUE\n`, where the value may
//! hold newlines and zeros. POSIX.1-2017, pax, "pax Extended Header".

/// One record, borrowed from the header's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// What is set, `size` or `SCHILY.xattr.user.note`.
    pub key: &'a [u8],
    /// To what.
    pub value: &'a [u8],
}

/// Why a PAX extended header cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PaxError {
    /// No decimal number and space where a record begins.
    #[error("a record has no length")]
    Length,
    /// The record would end behind the header.
    #[error("a record is longer than the header")]
    TooLong,
    /// No newline where the record's length says it ends.
    #[error("a record does not end in a newline")]
    Newline,
    /// No key, or no `=`.
    #[error("a record has no key")]
    Key,
}

/// The records of `content` in order. After an error there are none.
pub fn records(content: &[u8]) -> Records<'_> {
    Records { rest: content }
}

/// The iterator of [`records`].
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    fn take(&mut self) -> Result<Record<'a>, PaxError> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let length: usize = std::str::from_utf8(&self.rest[..digits])
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or(PaxError::Length)?;
        let (record, rest) = self.rest.split_at_checked(length).ok_or(PaxError::TooLong)?;
        let record =
            record.get(digits..).and_then(|record| record.strip_prefix(b" ")).ok_or(PaxError::Length)?;
        let record = record.strip_suffix(b"\n").ok_or(PaxError::Newline)?;
        let equals =
            record.iter().position(|byte| *byte == b'=').filter(|at| *at > 0).ok_or(PaxError::Key)?;
        self.rest = rest;
        Ok(Record { key: &record[..equals], value: &record[equals + 1..] })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, PaxError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let record = self.take();
        if record.is_err() {
            self.rest = &[];
        }
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_hold_newlines_zeros_and_equals_signs() {
        let read: Vec<_> = records(b"13 a=\n9 b=c\n\n11 b=\0=\xff\xfe\n\n").collect();
        assert_eq!(read[0], Ok(Record { key: b"a", value: b"\n9 b=c\n" }));
        assert_eq!(read[1], Ok(Record { key: b"b", value: b"\0=\xff\xfe\n" }));
        assert_eq!(read.len(), 2);
    }

    #[test]
    fn each_malformed_record_is_refused_and_ends_the_header() {
        for (content, error) in [
            (&b"x"[..], PaxError::Length),
            (b" 6 a=b\n", PaxError::Length),
            (b"99999999999999999999999 a=b\n", PaxError::Length),
            (b"1 a=b\n", PaxError::Length),
            (b"0 a=b\n", PaxError::Length),
            (b"7 a=b\n", PaxError::TooLong),
            (b"5 a=b\n", PaxError::Newline),
            (b"6 =ab\n", PaxError::Key),
            (b"6 abc\n", PaxError::Key),
        ] {
            let read: Vec<_> = records(content).collect();
            assert_eq!(read, [Err(error)], "{content:?}");
        }
    }
}
