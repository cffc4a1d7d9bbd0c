//! Whether each hard link of a tar leads to an entry before it.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

/// How many names are remembered, in 10 MB; of a larger tar only the links before that are looked at.
const MOST: usize = 1 << 19;

/// The names of a tar so far, as hashes.
#[derive(Debug, Default)]
pub(crate) struct Links {
    seen: HashSet<u64>,
    hasher: RandomState,
}

impl Links {
    /// Remembers an entry's name.
    pub(crate) fn remember(&mut self, name: &[u8]) {
        if self.seen.len() < MOST
            && let Some(name) = plain(name)
        {
            self.seen.insert(self.hasher.hash_one(name));
        }
    }

    /// Was there an entry of this name? One that leads out of the tar was not.
    pub(crate) fn has(&self, target: &[u8]) -> bool {
        plain(target)
            .is_some_and(|name| self.seen.len() >= MOST || self.seen.contains(&self.hasher.hash_one(name)))
    }
}

/// The components of a name below the root; `None` where it leads upwards.
fn plain(name: &[u8]) -> Option<Vec<&[u8]>> {
    let parts = name.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    parts.map(|part| (part != b"..").then_some(part)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_in_every_spelling_and_none_leads_upwards() {
        let mut links = Links::default();
        links.remember(b"./etc//passwd");
        links.remember(b"../shadow");
        for known in [&b"etc/passwd"[..], b"/etc/passwd", b"./etc/./passwd/"] {
            assert!(links.has(known));
        }
        for unknown in [&b"etc"[..], b"passwd", b"shadow", b"../shadow", b"etc/../etc/passwd", b"/etc/shadow"]
        {
            assert!(!links.has(unknown), "{}", String::from_utf8_lossy(unknown));
        }
    }
}
