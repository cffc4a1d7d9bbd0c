//! The client: settings, HTTP clients and what is known about each registry, shared by all its repositories.

use crate::host::Host;
use crate::lanes::Lanes;
use crate::request::Request;
use crate::transport::{Transport, Weight};
use crate::{Error, Repository, Settings};
use image_format::ImageName;
use reqwest::Url;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::timeout;

/// Speaks to registries. Cheap to clone; all clones share connections, tokens and look-ups.
#[derive(Clone)]
pub struct Client(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) transport: Transport,
    pub(crate) lanes: Lanes,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
}

impl Client {
    /// A client; nothing is read, started or connected before its first request.
    pub fn new(settings: Settings) -> Client {
        let transport = Transport::new(&settings);
        let lanes = Lanes::new();
        Client(Arc::new(Inner { settings, transport, lanes, hosts: Mutex::default() }))
    }

    /// The repository that an image is in.
    pub fn repository(&self, name: &ImageName) -> Repository {
        Repository::new(self.0.clone(), self.0.host(name.registry()), name.repository().as_str())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.0.settings).finish()
    }
}

impl Inner {
    pub(crate) fn host(&self, name: &str) -> Arc<Host> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.entry(name.to_owned()).or_insert_with(|| Arc::new(Host::new(name))).clone()
    }

    /// Where the registry is: https, but for loopback (http first, https where that makes no sense to it) and
    /// with `insecure` (https first, http where that fails).
    pub(crate) async fn base(&self, host: &Host) -> Result<Url, Error> {
        host.base.get_or_try_init(|| self.find_base(host)).await.cloned()
    }

    async fn find_base(&self, host: &Host) -> Result<Url, Error> {
        let url = |scheme: &str| {
            let text = format!("{scheme}://{}/", host.address());
            Url::parse(&text).map_err(|_| Error::Failed(format!("{}: not a registry's host", host.name)))
        };
        let (first, second) = match (host.is_loopback(), self.settings.insecure) {
            (true, _) => (url("http")?, url("https")?),
            (false, true) => (url("https")?, url("http")?),
            (false, false) => return url("https"),
        };
        let mut retry = crate::retry::Retry::new(&self.settings);
        loop {
            let error = match self.speaks(host, &first).await {
                Ok(()) => return Ok(first),
                Err(error) => error,
            };
            match self.speaks(host, &second).await {
                Ok(()) => return Ok(second),
                // it does speak https, and that is what there is to say
                Err(untrusted @ Error::Untrusted { .. }) => return Err(untrusted),
                Err(_) => {}
            }
            tokio::time::sleep(retry.after(error)?).await;
        }
    }

    /// Does an HTTP server answer there?
    async fn speaks(&self, host: &Host, base: &Url) -> Result<(), Error> {
        let url = base.join("/v2/").unwrap_or_else(|_| base.clone());
        let client = self.transport.client(&url, Weight::Heavy)?;
        let response = match timeout(self.settings.read_timeout, client.get(url).send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(crate::transport::unreachable(&host.name, &error)),
            Err(_) => return Err(Error::unreachable(&host.name, "no answer")),
        };
        if response.status() == 400 && base.scheme() == "http" {
            // Go's and nginx's servers say this in plain HTTP on a TLS port
            let text = crate::body::read_some(response, 4096).await;
            if text.windows(5).any(|word| word == b"HTTPS") {
                return Err(Error::unreachable(&host.name, "it speaks https only"));
            }
        }
        Ok(())
    }

    /// The URL of an endpoint below `/v2/`.
    pub(crate) async fn url(&self, host: &Host, path: &str) -> Result<Url, Error> {
        let base = self.base(host).await?;
        let wrong = || Error::Failed(format!("{}/{path}: not a path of a registry", host.name));
        base.join(&format!("/v2/{path}")).map_err(|_| wrong())
    }

    /// Resolves a URL that an answer to `request` names, for the next request of the same exchange.
    pub(crate) fn linked(&self, request: &Request, text: &str, what: &str) -> Result<Url, Error> {
        let wrong = |why: &str| Error::protocol(&request.object, format!("the registry's {what} {why}"));
        let mut url = request.url.join(text).map_err(|_| wrong("is not a URL"))?;
        crate::host::may_follow(&request.url, &url, self.settings.insecure)
            .map_err(|why| wrong(&format!("leads {why}")))?;
        if url.set_username("").is_err() || url.set_password(None).is_err() {
            return Err(wrong("is not a URL"));
        }
        Ok(url)
    }
}
