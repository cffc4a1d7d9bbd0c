//! Who we are to a registry: what its challenge asks for, and tokens by scope until they run out.
//!
//! A credential goes only to its registry and to the token server that this registry names: over https, or to
//! the registry's own host.

use crate::challenge::Challenge;
use crate::client::Inner;
use crate::host::{Host, is_loopback, may_follow, same_origin};
use crate::request::{Payload, Request};
use crate::{Credential, Error, Secret};
use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Method, Url};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The longest answer of a token server.
const MAX_TOKEN_ANSWER: usize = 256 << 10;
/// How long a token lives that does not say, or says less.
///
/// Spec: distribution, docs/spec/auth/token.md, `expires_in`.
const LEAST_LIFE: Duration = Duration::from_secs(60);
/// A token this close to its end is not used any more.
const MARGIN: Duration = Duration::from_secs(10);

/// What a request needs to be allowed to do: `repository:app:pull,push`, and more of them for a mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) repository: String,
    scopes: Vec<String>,
}

impl Scope {
    pub(crate) fn new(repository: &str, actions: &str) -> Scope {
        let scopes = vec![format!("repository:{repository}:{actions}")];
        Scope { repository: repository.to_owned(), scopes }
    }

    pub(crate) fn and_pull(mut self, repository: &str) -> Scope {
        self.scopes.push(format!("repository:{repository}:pull"));
        self
    }

    fn key(&self) -> String {
        self.scopes.join(" ")
    }

    /// Ours, and what the challenge asks for beside them.
    fn with(&self, challenged: Option<&str>) -> Vec<String> {
        let mut scopes = self.scopes.clone();
        for scope in challenged.unwrap_or_default().split_ascii_whitespace() {
            let resource = |scope: &str| scope.rsplit_once(':').map(|(resource, _)| resource.to_owned());
            if !scopes.iter().any(|ours| resource(ours) == resource(scope)) {
                scopes.push(scope.to_owned());
            }
        }
        scopes
    }
}

struct Token {
    header: HeaderValue,
    until: Instant,
}

/// What is known about one registry's authentication.
#[derive(Default)]
pub(crate) struct AuthState {
    challenge: Option<Challenge>,
    tokens: HashMap<String, Token>,
    credentials: HashMap<String, Option<Credential>>,
}

fn state(host: &Host) -> MutexGuard<'_, AuthState> {
    host.auth.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Host {
    /// The credential that was looked up for a repository; `None` where none was asked for yet.
    pub(crate) fn credential_shown(&self, repository: &str) -> Option<Option<Credential>> {
        state(self).credentials.get(repository).cloned()
    }
}

/// The challenges of an answer.
pub(crate) fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(Challenge::parse).collect()
}

impl Inner {
    /// The header for a request of this scope, as far as the registry has said that it wants one.
    pub(crate) async fn authorization(
        &self,
        host: &Host,
        scope: &Scope,
        object: &str,
    ) -> Result<Option<HeaderValue>, Error> {
        let challenge = state(host).challenge.clone();
        match challenge {
            None => Ok(None),
            Some(challenge) => self.answer(host, scope, &challenge, None, object).await,
        }
    }

    /// The header after a 401 to a request that bore `stale`; `None` where there is nothing better.
    pub(crate) async fn renewed(
        &self,
        host: &Host,
        scope: &Scope,
        challenges: &[Challenge],
        stale: Option<&HeaderValue>,
        object: &str,
    ) -> Result<Option<HeaderValue>, Error> {
        let bearer = challenges.iter().find(|challenge| matches!(challenge, Challenge::Bearer { .. }));
        let Some(challenge) = bearer.or(challenges.first()) else { return Ok(None) };
        let header = self.answer(host, scope, challenge, stale, object).await?;
        state(host).challenge = Some(challenge.clone());
        // a new token may read like the old one; a password that was refused is refused again
        let is_token = matches!(challenge, Challenge::Bearer { .. });
        Ok(header.filter(|header| is_token || Some(header) != stale))
    }

    async fn answer(
        &self,
        host: &Host,
        scope: &Scope,
        challenge: &Challenge,
        stale: Option<&HeaderValue>,
        object: &str,
    ) -> Result<Option<HeaderValue>, Error> {
        match challenge {
            Challenge::Basic => {
                let credential = self.credential(host, &scope.repository).await?;
                credential.and_then(|credential| credential.basic()).map(header_of).transpose()
            }
            Challenge::Bearer { realm, service, scope: challenged } => {
                let _one_at_a_time = host.renewing.lock().await;
                if let Some(token) = state(host).tokens.get(&scope.key())
                    && token.until > Instant::now()
                    && Some(&token.header) != stale
                {
                    return Ok(Some(token.header.clone()));
                }
                let ask = Ask { host, scope, service: service.as_deref(), object };
                let token = self.token(&ask, realm, challenged.as_deref()).await?;
                let header = token.header.clone();
                state(host).tokens.insert(scope.key(), token);
                Ok(Some(header))
            }
        }
    }

    /// The credential for a repository, looked up once; helpers may take their time, so not on this thread.
    async fn credential(&self, host: &Host, repository: &str) -> Result<Option<Credential>, Error> {
        let _one_at_a_time = host.looking_up.lock().await;
        if let Some(known) = state(host).credentials.get(repository) {
            return Ok(known.clone());
        }
        let lookup = self.settings.credentials.clone();
        let (name, path) = (host.name.clone(), repository.to_owned());
        let found = tokio::task::spawn_blocking(move || lookup.find(&name, &path))
            .await
            .map_err(|_| Error::Failed("the look-up of credentials ended".to_owned()))?;
        state(host).credentials.insert(repository.to_owned(), found.clone());
        Ok(found)
    }

    async fn token(&self, ask: &Ask<'_>, realm: &str, challenged: Option<&str>) -> Result<Token, Error> {
        let realm = self.checked_realm(ask, realm).await?;
        let mut credential = self.credential(ask.host, &ask.scope.repository).await?;
        if credential.is_some() && !self.may_know(ask, &realm).await? {
            log::warn!(
                "{}: its token server is elsewhere and without TLS; asking it anonymously",
                ask.host.name
            );
            credential = None;
        }
        if let Some(Credential { secret: Secret::Registry(token), .. }) = &credential {
            let until = Instant::now() + LEAST_LIFE;
            return Ok(Token { header: header_of(format!("Bearer {token}"))?, until });
        }
        let scopes = ask.scope.with(challenged);
        let request = match &credential {
            Some(Credential { secret: Secret::Identity(token), .. }) => {
                ask.by_refresh_token(realm, token, &scopes)
            }
            other => ask.by_get(realm, other.as_ref().and_then(Credential::basic), &scopes)?,
        };
        let (_, body) = self.fetch_elsewhere(ask.host, &request, MAX_TOKEN_ANSWER).await?;
        ask.parsed(&body)
    }

    /// Only where a token server may be: TLS, the registry's own origin, loopback from loopback.
    async fn checked_realm(&self, ask: &Ask<'_>, realm: &str) -> Result<Url, Error> {
        let home = self.base(ask.host).await?;
        let wrong = |problem: &str| {
            let realm = crate::error::escape(without_password(realm));
            Error::protocol(
                ask.object,
                format!("the registry names no usable token server: {realm:?} {problem}"),
            )
        };
        let url = Url::parse(realm).map_err(|_| wrong("is not a URL"))?;
        may_follow(&home, &url, self.settings.insecure).map_err(|why| wrong(&format!("leads {why}")))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("has a password of its own"));
        }
        Ok(url)
    }

    async fn may_know(&self, ask: &Ask<'_>, realm: &Url) -> Result<bool, Error> {
        let home = self.base(ask.host).await?;
        let same_machine = home.host_str() == realm.host_str()
            && (self.settings.insecure || home.host_str().is_some_and(is_loopback));
        Ok(realm.scheme() == "https" || same_origin(&home, realm) || same_machine)
    }
}

/// One question to a token server.
struct Ask<'a> {
    host: &'a Host,
    scope: &'a Scope,
    service: Option<&'a str>,
    object: &'a str,
}

impl Ask<'_> {
    /// Spec: distribution, docs/spec/auth/token.md.
    fn by_get(&self, mut realm: Url, basic: Option<String>, scopes: &[String]) -> Result<Request, Error> {
        {
            let mut query = realm.query_pairs_mut();
            if let Some(service) = self.service {
                query.append_pair("service", service);
            }
            for scope in scopes {
                query.append_pair("scope", scope);
            }
        }
        let mut request = Request::new(Method::GET, realm, self.scope.clone(), self.object);
        request.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(basic) = basic {
            request.headers.insert(AUTHORIZATION, header_of(basic)?);
        }
        Ok(request)
    }

    /// Spec: distribution, docs/spec/auth/oauth.md.
    fn by_refresh_token(&self, realm: Url, token: &str, scopes: &[String]) -> Request {
        let mut form = Url::parse("form:").unwrap_or_else(|_| realm.clone());
        {
            let mut pairs = form.query_pairs_mut();
            pairs.append_pair("grant_type", "refresh_token").append_pair("client_id", "ociutils");
            if let Some(service) = self.service {
                pairs.append_pair("service", service);
            }
            pairs.append_pair("scope", &scopes.join(" ")).append_pair("refresh_token", token);
        }
        let body = Bytes::from(form.query().unwrap_or_default().to_owned());
        let mut request = Request::new(Method::POST, realm, self.scope.clone(), self.object);
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers.insert(CONTENT_TYPE, kind);
        request.body = Payload::Bytes(body);
        request.confidential = true;
        request
    }

    fn parsed(&self, body: &[u8]) -> Result<Token, Error> {
        #[derive(Deserialize)]
        struct Answer {
            token: Option<String>,
            access_token: Option<String>,
            expires_in: Option<i64>,
        }
        let wrong = || Error::protocol(self.object, "the token server's answer holds no token");
        let answer: Answer = serde_json::from_slice(body).map_err(|_| wrong())?;
        let filled = |token: Option<String>| token.filter(|token| !token.is_empty());
        let token = filled(answer.token).or(filled(answer.access_token)).ok_or_else(wrong)?;
        let life = Duration::from_secs(answer.expires_in.unwrap_or(0).clamp(0, 86_400).unsigned_abs());
        let header = header_of(format!("Bearer {token}")).map_err(|_| wrong())?;
        Ok(Token { header, until: Instant::now() + life.max(LEAST_LIFE) - MARGIN })
    }
}

/// What a URL says behind its user and password, whether or not it is one.
fn without_password(url: &str) -> &str {
    url.rsplit_once('@').map_or(url, |(_, rest)| rest)
}

fn header_of(text: String) -> Result<HeaderValue, Error> {
    let mut header = HeaderValue::try_from(text)
        .map_err(|_| Error::Failed("a credential holds characters that HTTP cannot carry".to_owned()))?;
    header.set_sensitive(true);
    Ok(header)
}
