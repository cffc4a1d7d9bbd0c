//! docker's `config.json` and containers' `auth.json`: which credential of a file is for a repository.
//!
//! Grammar: docker/cli, configfile/file.go; containers-auth.json(5).

use crate::credential_helper as helper;
use crate::{Credential, Secret};
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use image_format::hub;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Docker Hub's key in docker's files.
pub(crate) const HUB_KEY: &str = "https://index.docker.io/v1/";

/// Padded or not: both are seen in the field.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Unknown members are passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CredentialFile {
    auths: Option<BTreeMap<String, Entry>>,
    cred_helpers: Option<BTreeMap<String, String>>,
    creds_store: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

/// What is looked for, and in what.
pub(crate) struct Lookup<'a> {
    pub(crate) registry: &'a str,
    pub(crate) repository: &'a str,
    pub(crate) origin: &'a str,
}

impl CredentialFile {
    pub(crate) fn parse(text: &str) -> Result<CredentialFile, serde_json::Error> {
        if text.trim().is_empty() {
            return Ok(CredentialFile::default());
        }
        serde_json::from_str(text)
    }

    pub(crate) fn find(&self, lookup: &Lookup<'_>) -> Option<Credential> {
        let registry = canonical(lookup.registry);
        let helpers = self.cred_helpers.iter().flatten();
        let own = helpers.filter(|(key, _)| canonical(host_of(key)) == registry).map(|(_, name)| name).next();
        let stored = own.or(self.creds_store.as_ref()).filter(|name| !name.is_empty());
        if let Some(found) = stored.and_then(|name| helper::get(name, server_of(registry))) {
            return Some(found);
        }
        self.warn_of_unreadable(registry, lookup.origin);
        let secret = self.entry(registry, lookup.repository)?.secret()?;
        Some(Credential { secret, origin: lookup.origin.to_owned() })
    }

    fn warn_of_unreadable(&self, registry: &str, origin: &str) {
        let ours = self.auths.iter().flatten().filter(|(key, _)| canonical(host_of(key)) == registry);
        for (key, _) in ours.filter(|(_, entry)| entry.is_unreadable()) {
            log::warn!("{origin}: {key}: \"auth\" is not the base 64 of USER:PASSWORD, so it is not used");
        }
    }

    /// The filled entry with the most specific key.
    fn entry(&self, registry: &str, repository: &str) -> Option<&Entry> {
        let filled = || self.auths.iter().flatten().filter(|(_, entry)| entry.is_filled());
        let mut path = repository;
        while !path.is_empty() {
            let matches = |key: &str| {
                key.strip_suffix(path).and_then(|rest| rest.strip_suffix('/')).map(canonical)
                    == Some(registry)
            };
            if let Some((_, entry)) = filled().find(|(key, _)| matches(key)) {
                return Some(entry);
            }
            path = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
        let plain = filled().find(|(key, _)| !key.contains('/') && canonical(key) == registry);
        let url = || filled().find(|(key, _)| is_url(key) && canonical(host_of(key)) == registry);
        plain.or_else(url).map(|(_, entry)| entry)
    }
}

/// A URL, or `host/v1/`: not a namespace of the registry, but the registry.
fn is_url(key: &str) -> bool {
    key.contains("://") || ["/v1", "/v1/", "/v2", "/v2/", "/"].iter().any(|end| key.ends_with(end))
}

fn host_of(key: &str) -> &str {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

/// Docker Hub's many names are one.
fn canonical(host: &str) -> &str {
    if hub::is_hub(host) { hub::NAME } else { host }
}

/// What helpers are asked for.
pub(crate) fn server_of(registry: &str) -> &str {
    if hub::is_hub(registry) { HUB_KEY } else { registry }
}

impl Entry {
    fn is_filled(&self) -> bool {
        self.secret().is_some()
    }

    fn is_unreadable(&self) -> bool {
        self.auth.as_deref().is_some_and(|auth| !auth.is_empty()) && !self.is_filled()
    }

    fn secret(&self) -> Option<Secret> {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = filled(&self.identitytoken) {
            return Some(Secret::Identity(token));
        }
        if let Some(token) = filled(&self.registrytoken) {
            return Some(Secret::Registry(token));
        }
        if let Some(auth) = filled(&self.auth) {
            let text = String::from_utf8(BASE64.decode(auth.trim()).ok()?).ok()?;
            let (username, password) = text.split_once(':')?;
            // docker trims the NULs that its old versions wrote
            let password = password.trim_matches('\0').to_owned();
            return Some(Secret::Password { username: username.to_owned(), password });
        }
        let (username, password) = (filled(&self.username)?, filled(&self.password)?);
        Some(Secret::Password { username, password })
    }
}
