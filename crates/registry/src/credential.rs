//! Credentials: what a user is to a registry, and the order in which they are looked for.

use crate::Environment;
use crate::credential_file::{CredentialFile, Lookup};
use base64::Engine as _;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Who we are to a registry, and who says so.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// What is shown to the registry or its token server.
    pub secret: Secret,
    /// Where it was found: a file, a variable or a helper.
    pub origin: String,
}

/// What proves it.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// A user name and a password.
    Password {
        /// The name.
        username: String,
        /// The password.
        password: String,
    },
    /// An identity (refresh) token, for the token server.
    Identity(String),
    /// A token that the registry takes as it is.
    Registry(String),
}

impl Credential {
    /// The value of an `Authorization: Basic` header, where this is a password.
    pub(crate) fn basic(&self) -> Option<String> {
        let Secret::Password { username, password } = &self.secret else { return None };
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}"));
        Some(format!("Basic {encoded}"))
    }

    /// The user's name, where there is one.
    pub fn username(&self) -> Option<&str> {
        match &self.secret {
            Secret::Password { username, .. } => Some(username),
            Secret::Identity(_) | Secret::Registry(_) => None,
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("secret", &self.secret).field("origin", &self.origin).finish()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Secret::Password { .. } => "Password(…)",
            Secret::Identity(_) => "Identity(…)",
            Secret::Registry(_) => "Registry(…)",
        })
    }
}

/// Where credentials are looked up, in order; the first that knows the registry wins.
///
/// 1. the file `$REGISTRY_AUTH_FILE` (containers),
/// 2. the content of `$DOCKER_AUTH_CONFIG` (docker),
/// 3. `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json` (docker),
/// 4. without `$REGISTRY_AUTH_FILE`: `$XDG_RUNTIME_DIR/containers/auth.json`, then
///    `${XDG_CONFIG_HOME:-~/.config}/containers/auth.json` (containers).
///
/// So what a user names explicitly beats what is there by default, and `docker login` beats `podman login`, since
/// all tools of both families read docker's file. In each file: `credHelpers` of the registry; else `credsStore`;
/// else, or where these know nothing, `auths` by the most specific key (`host/a/b`, `host/a`, `host`), then by
/// URLs of the same host. Docker Hub's keys are all one (docker/cli, configfile/file.go).
#[derive(Clone)]
pub struct Credentials(Arc<Places>);

enum Places {
    None,
    Files(Vec<Place>),
}

struct Place {
    origin: String,
    /// Somebody named it: then it should be there.
    named: bool,
    content: Content,
}

enum Content {
    Text(String),
    File(PathBuf),
}

impl Credentials {
    /// Nobody: every registry is asked anonymously.
    pub fn none() -> Credentials {
        Credentials(Arc::new(Places::None))
    }

    /// Only this file.
    pub fn file(path: &Path) -> Credentials {
        Credentials(Arc::new(Places::Files(vec![Place::file(path.to_owned())])))
    }

    /// The places that this environment names. Nothing is read before the first [`Credentials::find`].
    pub fn from_environment(environment: &Environment) -> Credentials {
        let mut places = Vec::new();
        places.extend(environment.registry_auth_file.clone().map(Place::named));
        places.extend(environment.docker_auth_config.clone().map(|text| Place {
            origin: "DOCKER_AUTH_CONFIG".to_owned(),
            named: true,
            content: Content::Text(text),
        }));
        let home = environment.home.as_deref();
        let docker = environment.docker_config.clone().or(home.map(|home| home.join(".docker")));
        places.extend(docker.map(|directory| Place::file(directory.join("config.json"))));
        if environment.registry_auth_file.is_none() {
            let config = environment.xdg_config_home.clone().or(home.map(|home| home.join(".config")));
            for directory in [environment.xdg_runtime_dir.clone(), config].into_iter().flatten() {
                places.push(Place::file(directory.join("containers/auth.json")));
            }
        }
        Credentials(Arc::new(Places::Files(places)))
    }

    /// Where they are looked up, for messages; empty where nowhere is.
    pub(crate) fn places(&self) -> String {
        match &*self.0 {
            Places::None => String::new(),
            Places::Files(places) => {
                let origins: Vec<&str> = places.iter().map(|place| &*place.origin).collect();
                origins.join(", ")
            }
        }
    }

    /// The credential for a repository (or, with an empty path, for a whole registry). Blocks: it reads files
    /// and may run a helper. A file or helper that does not work is warned about and passed over.
    pub fn find(&self, registry: &str, repository: &str) -> Option<Credential> {
        match &*self.0 {
            Places::None => None,
            Places::Files(places) => places.iter().find_map(|place| place.find(registry, repository)),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Places::None => f.write_str("none"),
            Places::Files(places) => {
                f.debug_list().entries(places.iter().map(|place| &place.origin)).finish()
            }
        }
    }
}

impl Place {
    fn file(path: PathBuf) -> Place {
        Place { origin: path.display().to_string(), named: false, content: Content::File(path) }
    }

    fn named(path: PathBuf) -> Place {
        Place { named: true, ..Place::file(path) }
    }

    fn find(&self, registry: &str, repository: &str) -> Option<Credential> {
        let text = match &self.content {
            Content::Text(text) => text.clone(),
            Content::File(path) => match std::fs::read_to_string(path) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && !self.named => return None,
                Err(error) => {
                    log::warn!("{}: cannot be read, so its credentials are not used: {error}", self.origin);
                    return None;
                }
            },
        };
        match CredentialFile::parse(&text) {
            Ok(file) => file.find(&Lookup { registry, repository, origin: &self.origin }),
            Err(error) => {
                log::warn!("{}: not a credential file, so it is not used: {error}", self.origin);
                None
            }
        }
    }
}
