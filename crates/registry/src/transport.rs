//! The HTTP clients of one process: made on first use, so that http alone never reads a root certificate.

use crate::host::{is_localhost, is_loopback};
use crate::tls;
use crate::{Error, Settings};
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::collections::BTreeMap;
use std::error::Error as _;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

/// How much an answer or a body weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// A document or a small blob: HTTP/2 where the server speaks it.
    Light,
    /// A big blob: a connection of its own. HTTP/2 costs 40 % more CPU here and has one window for all.
    Heavy,
}

/// What makes one client differ from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    tls: bool,
    http2: bool,
    loopback: bool,
}

pub(crate) struct Transport {
    insecure: bool,
    builder: Box<dyn Fn() -> reqwest::ClientBuilder + Send + Sync>,
    clients: Mutex<BTreeMap<Kind, reqwest::Client>>,
}

impl Transport {
    pub(crate) fn new(settings: &Settings) -> Transport {
        let (agent, connect) = (settings.user_agent.clone(), settings.connect_timeout);
        let builder = move || {
            reqwest::Client::builder()
                .user_agent(&agent)
                .connect_timeout(connect)
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .http2_adaptive_window(true)
                .dns_resolver(LoopbackFirst)
        };
        Transport { insecure: settings.insecure, builder: Box::new(builder), clients: Mutex::default() }
    }

    /// The client for this URL.
    pub(crate) fn client(&self, url: &Url, weight: Weight) -> Result<reqwest::Client, Error> {
        let tls = url.scheme() == "https";
        let loopback = url.host_str().is_some_and(is_loopback);
        let kind = Kind { tls, http2: tls && weight == Weight::Light, loopback };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&kind) {
            return Ok(client.clone());
        }
        let client = self.build(kind)?;
        clients.insert(kind, client.clone());
        Ok(client)
    }

    fn build(&self, kind: Kind) -> Result<reqwest::Client, Error> {
        let config = tls::config(kind.tls, kind.http2, self.insecure)?;
        let mut builder = (self.builder)().tls_backend_preconfigured(config);
        if !kind.http2 {
            builder = builder.http1_only();
        }
        if kind.loopback {
            builder = builder.no_proxy();
        }
        builder.build().map_err(|error| Error::Failed(format!("cannot set up HTTP: {}", reason(&error))))
    }
}

/// Resolves `localhost` and `*.localhost` itself; a static binary or a bare chroot may not know them.
struct LoopbackFirst;

impl Resolve for LoopbackFirst {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        Box::pin(async move {
            if is_localhost(&name) {
                let both: [SocketAddr; 2] =
                    [(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()];
                return Ok(Box::new(both.into_iter()) as Addrs);
            }
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The one sentence that says why: the innermost cause, without Rust's ` (os error N)`.
pub(crate) fn reason(error: &reqwest::Error) -> String {
    let mut texts = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    let text = texts.last().cloned().unwrap_or_else(|| "the request failed".to_owned());
    if texts.iter().any(|text| text.contains("dns error")) {
        return "no such host".to_owned();
    }
    let text = text.split(" (os error ").next().unwrap_or(&text);
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
    crate::error::escape(&format!("{first}{}", letters.as_str()))
}

/// The error that an attempt ended with.
pub(crate) fn unreachable(host: &str, error: &reqwest::Error) -> Error {
    let reason = reason(error);
    if let Some(problem) = reason.strip_prefix("invalid peer certificate: ") {
        return Error::Untrusted { host: host.to_owned(), reason: untrusted(problem) };
    }
    Error::unreachable(host, reason)
}

/// What rustls finds wrong with a certificate, in words for those who run the registry.
fn untrusted(problem: &str) -> String {
    let says = |name: &str| problem.to_ascii_lowercase().contains(name);
    if says("unknownissuer") || says("causedasendentity") {
        "nobody whom this machine trusts vouches for its certificate".to_owned()
    } else if says("not valid for name") || says("notvalidforname") {
        "its certificate is for another name".to_owned()
    } else if says("expired") {
        "its certificate has expired".to_owned()
    } else {
        format!("its certificate is not valid: {problem}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_certificate_is_said_in_words() {
        for (problem, expected) in [
            ("UnknownIssuer", "nobody whom this machine trusts vouches for its certificate"),
            (
                "Other(OtherError(CaUsedAsEndEntity))",
                "nobody whom this machine trusts vouches for its certificate",
            ),
            (
                "certificate not valid for name \"a\"; certificate is only valid for b",
                "its certificate is for another name",
            ),
            ("certificate expired: verification time …", "its certificate has expired"),
            ("BadEncoding", "its certificate is not valid: BadEncoding"),
        ] {
            assert_eq!(untrusted(problem), expected);
        }
    }
}
