//! How registries are reached.

use crate::io::Io;
use transfer::Places;

/// `--insecure`, for every tool that talks to registries.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct RegistryOption {
    /// Allow http, and certificates that nobody vouches for
    ///
    /// Without it, http is spoken only to this machine (localhost, 127.0.0.0/8, ::1).
    #[arg(long, help_heading = "Registry")]
    pub insecure: bool,
}

impl RegistryOption {
    /// The registries, reached with the user's credentials.
    pub fn places(&self, io: &Io) -> Places {
        let environment = io.environment().clone();
        Places::from_environment(move |name| environment.get(name).map(ToOwned::to_owned), self.insecure)
    }
}
