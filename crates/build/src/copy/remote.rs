//! Files behind URLs: whoever builds says how they are fetched.

use image_format::{Class, Failure, Observer};
use layer::Time;
use std::io::Read;

/// Fetches files by http and https.
pub trait Remote: Sync {
    /// Begins to fetch `url`; redirects are followed.
    ///
    /// # Errors
    /// It is not there, or cannot be reached; those of `observer`.
    fn fetch(&self, url: &str, observer: &dyn Observer) -> Result<Fetched, Failure>;
}

/// A file that is being fetched.
pub struct Fetched {
    /// Its bytes; reading fails where they end too early.
    pub content: Box<dyn Read + Send>,
    /// When it changed last, by its `Last-Modified`.
    pub modified: Option<Time>,
}

/// Refuses everything: for builds that must not need a network.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offline;

impl Remote for Offline {
    fn fetch(&self, url: &str, _: &dyn Observer) -> Result<Fetched, Failure> {
        Err(Failure::new(Class::Unavailable, format_args!("{url}: this build fetches nothing")))
    }
}

/// What the file behind `url` is called in a directory: the last part of the URL's path.
pub(crate) fn file_name(url: &str) -> Vec<u8> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let path = rest.find('/').map_or("", |slash| &rest[slash..]);
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    match decoded(name) {
        name if name.is_empty() || name.contains(&b'/') || matches!(&name[..], b"." | b"..") => {
            b"__unnamed__".to_vec()
        }
        name => name,
    }
}

/// Takes `%41` for what it stands for.
fn decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, behind @ ..] = rest {
        let code = behind.get(..2).filter(|_| *byte == b'%').and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(letter) if letter != 0 => {
                decoded.push(letter);
                rest = &behind[2..];
            }
            _ => {
                decoded.push(*byte);
                rest = behind;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_by_the_last_part_of_its_urls_path() {
        for (url, name) in [
            ("http://h/a/b.tar", "b.tar"),
            ("https://h/a/b?x=/y#z/w", "b"),
            ("http://h/a/", "a"),
            ("http://h/", "__unnamed__"),
            ("http://h", "__unnamed__"),
            ("http://h?x=/y", "__unnamed__"),
            ("http://h/a/..", "__unnamed__"),
            ("http://h/a%20b", "a b"),
            ("http://h/a%2fb", "__unnamed__"),
            ("http://h/100%", "100%"),
        ] {
            assert_eq!(file_name(url), name.as_bytes(), "{url}");
        }
    }
}
