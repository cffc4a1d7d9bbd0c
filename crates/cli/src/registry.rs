//! How registries are reached.

use crate::io::Io;
use transfer::Registries;

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
    pub fn registries(&self, io: &Io) -> Registries {
        let environment = io.environment().clone();
        Registries::from_environment(move |name| environment.get(name).map(ToOwned::to_owned), self.insecure)
    }
}
