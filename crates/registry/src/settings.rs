//! How a client behaves, and what it takes from the environment.

use crate::Credentials;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// How a [`crate::Client`] behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Allow http and certificates that nobody vouches for, for every registry (docker's `insecure-registries`).
    /// Loopback may speak http without it.
    pub insecure: bool,
    /// Where credentials are looked up.
    pub credentials: Credentials,
    /// What the client calls itself.
    pub user_agent: String,
    /// How often a request is made before it is given up.
    pub attempts: u32,
    /// The pause after the first attempt; doubled after each further one.
    pub back_off: Duration,
    /// The longest wait that a registry may ask for (`Retry-After`).
    pub max_wait: Duration,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long an answer may be silent, and how long it may take to begin.
    pub read_timeout: Duration,
    /// How long attempts that bring nothing may go on, all together.
    pub patience: Duration,
    /// While all blobs together come with fewer bytes a second, a big one is fetched over several connections. At
    /// gigabit speed and above they cost more than they bring.
    pub slow_below: u64,
    /// How long a blob comes over one connection before that is found out. Zero: a big blob comes over several at once,
    /// however fast.
    pub slow_after: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            insecure: false,
            credentials: Credentials::none(),
            user_agent: concat!("ociutils/", env!("CARGO_PKG_VERSION")).to_owned(),
            attempts: 5,
            back_off: Duration::from_millis(200),
            max_wait: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(15),
            read_timeout: Duration::from_secs(25),
            patience: Duration::from_secs(45),
            slow_below: 100 << 20,
            slow_after: Duration::from_secs(1),
        }
    }
}

impl Settings {
    /// The defaults, with the credentials that this environment names.
    pub fn new(environment: &Environment) -> Settings {
        Settings { credentials: Credentials::from_environment(environment), ..Settings::default() }
    }
}

/// The environment variables that say where credentials lie.
///
/// `SSL_CERT_FILE`, `SSL_CERT_DIR` and the proxy variables are read from the process's own environment by the
/// libraries that use them; credential helpers are found by its `PATH`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `DOCKER_CONFIG`: the directory of docker's `config.json`.
    pub docker_config: Option<PathBuf>,
    /// `DOCKER_AUTH_CONFIG`: the content of such a file.
    pub docker_auth_config: Option<String>,
    /// `REGISTRY_AUTH_FILE`: a containers-auth.json.
    pub registry_auth_file: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub xdg_runtime_dir: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`.
    pub xdg_config_home: Option<PathBuf>,
}

impl Environment {
    /// The variables of this process; an empty one counts as unset.
    pub fn from_env() -> Environment {
        Environment::from_lookup(|name| std::env::var_os(name))
    }

    /// The variables as `lookup` knows them; an empty one counts as unset.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Environment {
        let get = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let path = |name: &str| get(name).map(PathBuf::from);
        Environment {
            home: path("HOME"),
            docker_config: path("DOCKER_CONFIG"),
            docker_auth_config: get("DOCKER_AUTH_CONFIG").and_then(|value| value.into_string().ok()),
            registry_auth_file: path("REGISTRY_AUTH_FILE"),
            xdg_runtime_dir: path("XDG_RUNTIME_DIR"),
            xdg_config_home: path("XDG_CONFIG_HOME"),
        }
    }
}
