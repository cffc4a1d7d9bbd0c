//! Numbers of things, in words.

/// `1 blob`, `2 blobs`, `0 blobs`: for nouns that take an s.
pub fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_no_plural() {
        assert_eq!([0, 1, 2].map(|count: u64| counted(count, "blob")), ["0 blobs", "1 blob", "2 blobs"]);
    }
}
