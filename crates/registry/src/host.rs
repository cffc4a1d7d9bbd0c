//! A registry's host: how it is reached, and what is known about its authentication.

use crate::auth::AuthState;
use image_format::{Digest, hub};
use reqwest::Url;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::OnceCell;

/// One registry of this process.
pub(crate) struct Host {
    /// As it stands in image names: `HOST[:PORT]`.
    pub(crate) name: String,
    /// `https://HOST[:PORT]` or `http://…`, once it is known which.
    pub(crate) base: OnceCell<Url>,
    pub(crate) auth: Mutex<AuthState>,
    /// Only one token is asked for at a time.
    pub(crate) renewing: tokio::sync::Mutex<()>,
    /// A repository that has the blob, for each that this process has found or left there.
    holders: Mutex<HashMap<Digest, String>>,
    /// Only one credential is looked up at a time; taken behind `renewing`.
    pub(crate) looking_up: tokio::sync::Mutex<()>,
}

impl Host {
    pub(crate) fn new(name: &str) -> Host {
        Host {
            name: name.to_owned(),
            base: OnceCell::new(),
            auth: Mutex::default(),
            renewing: tokio::sync::Mutex::default(),
            holders: Mutex::default(),
            looking_up: tokio::sync::Mutex::default(),
        }
    }

    /// The blob is in `repository` now.
    pub(crate) fn is_held(&self, blob: Digest, repository: &str) {
        self.holders().insert(blob, repository.to_owned());
    }

    /// A repository that is known to have the blob.
    pub(crate) fn holder(&self, blob: &Digest) -> Option<String> {
        self.holders().get(blob).cloned()
    }

    fn holders(&self) -> MutexGuard<'_, HashMap<Digest, String>> {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `HOST[:PORT]` to connect to.
    pub(crate) fn address(&self) -> &str {
        if hub::is_hub(&self.name) { hub::API } else { &self.name }
    }

    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(host_of(&self.name))
    }
}

/// `HOST[:PORT]` without its port and brackets.
fn host_of(name: &str) -> &str {
    if let Some(rest) = name.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    name.split(':').next().unwrap_or(name)
}

/// Does this host name or address never leave the machine?
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    is_localhost(host) || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// RFC 6761 §6.3: these names mean loopback, whatever a resolver says.
pub(crate) fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || host.rsplit_once('.').is_some_and(|(_, last)| last.eq_ignore_ascii_case("localhost"))
}

/// Same scheme, host and port.
pub(crate) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host_str() == b.host_str()
        && a.port_or_known_default() == b.port_or_known_default()
}

/// May `to` be called because an answer from `from` names it? Never from https to http, and http only on
/// loopback or where the user allowed it.
pub(crate) fn may_follow(from: &Url, to: &Url, insecure: bool) -> Result<(), &'static str> {
    let to_loopback = to.host_str().is_some_and(is_loopback);
    let from_loopback = from.host_str().is_some_and(is_loopback);
    match to.scheme() {
        "https" | "http" if to.host_str().is_none_or(str::is_empty) => Err("a URL without a host"),
        "https" => Ok(()),
        "http" if from.scheme() == "https" => Err("from https to http"),
        "http" if (to_loopback && from_loopback) || insecure || same_origin(from, to) => Ok(()),
        "http" => Err("to another host over http"),
        _ => Err("to a URL that is neither https nor http"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_known_by_name_and_address() {
        for host in ["localhost", "LOCALHOST", "a.localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example", "notlocalhost", "10.0.0.1", "128.0.0.1", "::2", "example"] {
            assert!(!is_loopback(host), "{host}");
        }
        assert!(Host::new("[::1]:5000").is_loopback() && Host::new("localhost:5000").is_loopback());
        assert_eq!(Host::new("docker.io").address(), "registry-1.docker.io");
    }

    #[test]
    fn an_answer_leads_only_where_it_may() {
        for (from, to, allowed) in [
            ("https://a/x", "https://b/y", true),
            ("https://a/x", "http://a/y", false),
            ("https://a/x", "http://127.0.0.1/y", false),
            ("http://127.0.0.1:1/x", "http://localhost:2/y", true),
            ("http://127.0.0.1:1/x", "http://b/y", false),
            ("http://127.0.0.1:1/x", "https://b/y", true),
            ("http://127.0.0.1:1/x", "file:///etc/hostname", false),
            ("http://127.0.0.1:1/x", "unix:/run/docker.sock", false),
        ] {
            let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
            assert_eq!(may_follow(&from, &to, false).is_ok(), allowed, "{from} {to}");
        }
    }
}
