//! The registries that a process talks to, through one client.

use image_format::ImageName;
use registry::{Client, Environment, Repository, Settings, WebFile};
use std::ffi::OsString;

/// One registry client for the whole process: connections and tokens are shared.
#[derive(Clone, Debug)]
pub struct Registries {
    client: Client,
}

impl Registries {
    /// Registries reached with these settings; nothing is connected yet.
    pub fn new(settings: Settings) -> Registries {
        Registries { client: Client::new(settings) }
    }

    /// Registries reached with the credentials that the environment names. `insecure` allows http and certificates that
    /// nobody vouches for, for every registry.
    pub fn from_environment(lookup: impl Fn(&str) -> Option<OsString>, insecure: bool) -> Registries {
        let mut settings = Settings::new(&Environment::from_lookup(lookup));
        settings.insecure = insecure;
        Registries::new(settings)
    }

    /// Begins to fetch a file that is in no registry.
    ///
    /// # Errors
    /// As [`Client::web_file`].
    pub fn web_file(&self, url: &str) -> Result<WebFile, registry::Error> {
        self.client.web_file(url)
    }

    /// The repository that `name` is in.
    pub fn repository(&self, name: &ImageName) -> Repository {
        self.client.repository(name)
    }
}
