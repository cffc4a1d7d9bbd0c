//! One request and its attempts: authorised, redirected, repeated.

use crate::auth::{Scope, challenges};
use crate::client::Inner;
use crate::host::{Host, may_follow, same_origin};
use crate::retry::{Retry, may_pass};
use crate::transport::{Weight, unreachable};
use crate::{Error, body};
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, Response, StatusCode, Url};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// As Go's and curl's clients do, more or less.
const MAX_REDIRECTS: usize = 10;
/// No honest URL is longer.
const MAX_LOCATION: usize = 16 << 10;
/// An attempt to write something that took this long and brought nothing is not repeated here.
pub(crate) const SILENT: Duration = Duration::from_secs(20);
/// How much of an error's body is read.
const MAX_ERROR_BODY: usize = 64 << 10;

/// What is sent.
pub(crate) enum Payload {
    Empty,
    Bytes(Bytes),
    /// Can be sent once.
    Stream(Mutex<Option<reqwest::Body>>),
}

pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Payload,
    pub(crate) scope: Scope,
    /// What the user knows this as.
    pub(crate) object: String,
    pub(crate) weight: Weight,
    /// The body is a secret of the host that it is sent to.
    pub(crate) confidential: bool,
    /// It cannot simply be sent again: the caller begins anew.
    pub(crate) once: bool,
    /// How long the answer may take to begin, where it is not the setting.
    pub(crate) timeout: Option<Duration>,
}

impl Request {
    pub(crate) fn new(method: Method, url: Url, scope: Scope, object: &str) -> Request {
        Request {
            method,
            url,
            headers: HeaderMap::new(),
            body: Payload::Empty,
            scope,
            object: object.to_owned(),
            weight: Weight::Light,
            confidential: false,
            once: false,
            timeout: None,
        }
    }

    fn body(&self) -> Option<reqwest::Body> {
        match &self.body {
            Payload::Empty => None,
            Payload::Bytes(bytes) => Some(bytes.clone().into()),
            Payload::Stream(stream) => stream.lock().ok().and_then(|mut body| body.take()),
        }
    }

    fn writes(&self) -> bool {
        !matches!(self.body, Payload::Empty)
    }

    fn is_stream(&self) -> bool {
        matches!(self.body, Payload::Stream(_))
    }
}

/// How an attempt ended without an answer.
enum Broken {
    /// Worth another attempt.
    Now(Error),
    /// It would end the same way again.
    For(Error),
}

struct Answer {
    response: Response,
    /// It comes from the registry itself, not from where it redirected to.
    at_home: bool,
}

impl Inner {
    /// Sends a request to its registry until it is answered with a success.
    ///
    /// # Errors
    /// Any other status, with the registry's words; no answer after all attempts.
    pub(crate) async fn send(&self, host: &Host, request: &Request) -> Result<Response, Error> {
        let home = self.base(host).await?;
        let mut retry = Retry::new(&self.settings);
        let mut authorization = None;
        if same_origin(&home, &request.url) {
            authorization = self.authorization(host, &request.scope, &request.object).await?;
        }
        let mut renewed = false;
        loop {
            let begun = Instant::now();
            let answer = match self.attempt(host, request, authorization.as_ref()).await {
                Ok(answer) => answer,
                Err(Broken::For(error)) => return Err(error),
                Err(Broken::Now(error)) if request.once || request.is_stream() => return Err(error),
                Err(Broken::Now(error)) if request.writes() && begun.elapsed() > SILENT => return Err(error),
                Err(Broken::Now(error)) => {
                    tokio::time::sleep(retry.after(error)?).await;
                    continue;
                }
            };
            let status = answer.response.status();
            if status.is_success() {
                return Ok(answer.response);
            }
            if status == StatusCode::UNAUTHORIZED && answer.at_home && !renewed {
                renewed = true;
                let asked = challenges(answer.response.headers());
                let stale = authorization.as_ref();
                let better = self.renewed(host, &request.scope, &asked, stale, &request.object).await?;
                if request.is_stream() {
                    return Err(Error::unreachable(
                        &host.name,
                        "it wanted a new token in the middle of an upload",
                    ));
                }
                if better.is_some() {
                    authorization = better;
                    continue;
                }
            }
            let headers = answer.response.headers().clone();
            let error = self.refusal(host, request, answer.response).await;
            if !may_pass(status.as_u16()) || request.is_stream() {
                return Err(error);
            }
            tokio::time::sleep(retry.as_told(&headers, error.clone())?).await;
            if request.once {
                return Err(error);
            }
        }
    }

    /// Sends a request that bears its own authorization (to a token server) and reads the answer.
    pub(crate) async fn fetch_elsewhere(
        &self,
        host: &Host,
        request: &Request,
        most: usize,
    ) -> Result<(HeaderMap, Bytes), Error> {
        let mut retry = Retry::new(&self.settings);
        let own = request.headers.get(AUTHORIZATION);
        loop {
            let error = match self.attempt(host, request, own).await {
                Err(Broken::For(error)) => return Err(error),
                Err(Broken::Now(error)) => error,
                Ok(Answer { response, .. }) if response.status().is_success() => {
                    let headers = response.headers().clone();
                    let body =
                        body::read(response, most, &self.settings, &request.object, &host.name).await?;
                    return Ok((headers, body));
                }
                Ok(Answer { response, .. }) => {
                    let status = response.status().as_u16();
                    let headers = response.headers().clone();
                    let error = self.refusal(host, request, response).await;
                    if !may_pass(status) {
                        return Err(error);
                    }
                    tokio::time::sleep(retry.as_told(&headers, error)?).await;
                    continue;
                }
            };
            tokio::time::sleep(retry.after(error)?).await;
        }
    }

    /// Sends a request and reads the whole, small answer; one that breaks is asked for again.
    pub(crate) async fn fetch(
        &self,
        host: &Host,
        request: &Request,
        most: usize,
    ) -> Result<(HeaderMap, Bytes), Error> {
        let mut retry = Retry::new(&self.settings);
        loop {
            let response = self.send(host, request).await?;
            let headers = response.headers().clone();
            match body::read(response, most, &self.settings, &request.object, &host.name).await {
                Ok(body) => return Ok((headers, body)),
                Err(error @ Error::Unreachable { .. }) => tokio::time::sleep(retry.after(error)?).await,
                Err(error) => return Err(error),
            }
        }
    }

    async fn refusal(&self, host: &Host, request: &Request, response: Response) -> Error {
        let status = response.status().as_u16();
        if (300..400).contains(&status) {
            return Error::protocol(&request.object, format!("the registry answered {status}"));
        }
        let body = body::read_some(response, MAX_ERROR_BODY).await;
        let error = Error::of_status(&request.object, &host.name, status, &body);
        match host.credential_shown(&request.scope.repository) {
            Some(credential) => error.after(credential.as_ref(), &self.settings.credentials.places()),
            None => error,
        }
    }

    /// One attempt: the request, and wherever its answers lead.
    async fn attempt(
        &self,
        host: &Host,
        request: &Request,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, Broken> {
        let mut url = request.url.clone();
        let mut method = request.method.clone();
        for _ in 0..=MAX_REDIRECTS {
            let at_home = same_origin(&url, &request.url);
            let authorization = authorization.filter(|_| at_home);
            let response = self.exchange(host, request, &method, &url, authorization).await?;
            let Some(location) = redirection(&response) else { return Ok(Answer { response, at_home }) };
            let next = self.next(request, &url, location).map_err(Broken::For)?;
            match response.status().as_u16() {
                303 if method != Method::HEAD => method = Method::GET,
                301 | 302 if method != Method::GET && method != Method::HEAD => {
                    let problem = "the registry redirects what was to be stored";
                    return Err(Broken::For(Error::protocol(&request.object, problem)));
                }
                _ => {}
            }
            url = next;
        }
        let problem = format!("the registry redirects more than {MAX_REDIRECTS} times");
        Err(Broken::For(Error::protocol(&request.object, problem)))
    }

    fn next(&self, request: &Request, from: &Url, location: &HeaderValue) -> Result<Url, Error> {
        let wrong = |why: &str| Error::protocol(&request.object, format!("the registry redirects {why}"));
        if request.is_stream() {
            return Err(wrong("an upload under way"));
        }
        let text = location.to_str().ok().filter(|text| text.len() <= MAX_LOCATION);
        let mut next =
            text.and_then(|text| from.join(text).ok()).ok_or_else(|| wrong("to what is no URL"))?;
        may_follow(from, &next, self.settings.insecure).map_err(wrong)?;
        if request.confidential && !same_origin(from, &next) {
            return Err(wrong("a secret to another host"));
        }
        // a password in a URL is not ours to send
        if next.set_username("").is_err() || next.set_password(None).is_err() {
            return Err(wrong("to what is no URL"));
        }
        Ok(next)
    }

    async fn exchange(
        &self,
        host: &Host,
        request: &Request,
        method: &Method,
        url: &Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, Broken> {
        let client = self.transport.client(url, request.weight).map_err(Broken::For)?;
        let mut headers = request.headers.clone();
        headers.remove(AUTHORIZATION);
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        if matches!(&request.body, Payload::Bytes(bytes) if bytes.is_empty()) && *method != Method::GET {
            // hyper leaves it out, and some proxies answer 411 then
            headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
        }
        let mut builder = client.request(method.clone(), url.clone()).headers(headers);
        if *method != Method::GET
            && let Some(body) = request.body()
        {
            builder = builder.body(body);
        }
        log::debug!("{method} {}", without_secrets(url));
        let name = url.host_str().filter(|_| !same_origin(url, &request.url)).unwrap_or(&host.name);
        let sent = if request.is_stream() {
            builder.send().await
        } else {
            let timeout = request.timeout.unwrap_or(self.settings.read_timeout);
            let silent = || {
                let reason = format!("no answer within {} seconds", timeout.as_secs());
                Broken::Now(Error::unreachable(name, reason))
            };
            tokio::time::timeout(timeout, builder.send()).await.map_err(|_| silent())?
        };
        let response = sent.map_err(|error| match unreachable(name, &error) {
            _ if error.is_builder() => Broken::For(Error::protocol(&request.object, "not a URL for HTTP")),
            untrusted @ Error::Untrusted { .. } => Broken::For(untrusted),
            error => Broken::Now(error),
        })?;
        log::debug!("{} {}", response.status().as_u16(), without_secrets(url));
        Ok(response)
    }
}

fn redirection(response: &Response) -> Option<&HeaderValue> {
    match response.status().as_u16() {
        301 | 302 | 303 | 307 | 308 => response.headers().get(LOCATION),
        _ => None,
    }
}

/// The URL as it may be logged: queries of uploads and of object stores hold signatures, user info a password.
fn without_secrets(url: &Url) -> Url {
    let mut url = url.clone();
    // a URL that cannot hold them has none
    let _ = (url.set_username(""), url.set_password(None));
    url.set_query(None);
    url.set_fragment(None);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_logged_without_password_and_signature() {
        for (url, logged) in [
            ("https://me:secret@a.example:5000/v2/x?signature=y#z", "https://a.example:5000/v2/x"),
            ("http://token@[::1]/v2/", "http://[::1]/v2/"),
            ("https://a.example/@/x", "https://a.example/@/x"),
        ] {
            assert_eq!(without_secrets(&url.parse().unwrap()).as_str(), logged);
        }
    }
}
