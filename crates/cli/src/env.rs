//! The environment variables that the tools read: one table, which also is the section ENVIRONMENT of every man page and of
//! `--help`.

use clap::Command;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

macro_rules! variables {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal: $reader:ident;)*) => {
        $($(#[doc = $doc])* pub const $name: &str = $text;)*
        /// Each variable, what it does and who reads it, in the order of the man pages.
        pub(crate) const VARIABLES: &[(&str, &str, Reader)] =
            &[$(($text, concat!($($doc,)*), Reader::$reader),)*];
    };
}

/// Who reads a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Every tool.
    All,
    /// Tools that have a layout.
    OfLayouts,
    /// Tools that have a layout, or reach registries.
    OfBoth,
    /// Tools that write into a layout, or a file.
    Writers,
    /// Tools that make images.
    Makers,
    /// Tools that keep indexes of layers.
    Keepers,
    /// Tools that reach registries.
    OfRegistries,
    /// Tools that show progress.
    Shown,
}

/// Tools that have a layout and never write: no option tells.
const READERS: [&str; 7] = ["diff", "fsck", "history", "images", "inspect", "push", "unpack"];
/// Tools that keep indexes of layers.
const KEEPERS: [&str; 4] = ["build", "commit", "export", "gc"];

impl Reader {
    /// Is this tool, or with `oci` one of its tools, such a reader? Mostly its options tell.
    pub(crate) fn is(self, command: &Command) -> bool {
        let has = |long| command.get_arguments().any(|option| option.get_long() == Some(long));
        let name = command.get_name().trim_start_matches("oci-");
        let own = match self {
            Reader::All => true,
            Reader::OfLayouts => has("layout"),
            Reader::OfBoth => has("layout") || has("insecure"),
            Reader::Writers => has("layout") && !READERS.contains(&name),
            Reader::Makers => has("change") || has("timestamp"),
            Reader::Keepers => KEEPERS.contains(&name),
            Reader::OfRegistries => has("insecure"),
            Reader::Shown => has("progress"),
        };
        own || command.get_subcommands().any(|tool| self.is(tool))
    }
}

variables! {
    /// The layout that is used where no -L says otherwise.
    OCI_LAYOUT = "OCI_LAYOUT": OfLayouts;
    /// `0`: finished writes need not survive a crash of the machine. For a layout that lives as long as a CI job.
    OCI_FSYNC = "OCI_FSYNC": Writers;
    /// The layout is `$XDG_DATA_HOME/oci` where neither -L nor $OCI_LAYOUT says otherwise.
    XDG_DATA_HOME = "XDG_DATA_HOME": OfLayouts;
    /// Without XDG_DATA_HOME, the layout is `$HOME/.local/share/oci`; without DOCKER_CONFIG, docker's config.json is in
    /// `$HOME/.docker`.
    HOME = "HOME": OfBoth;
    /// Indexes of layers, and layers that oci-build has made, are kept in `$XDG_CACHE_HOME/oci`, else in `$HOME/.cache/oci`.
    /// Deleting it costs time alone.
    XDG_CACHE_HOME = "XDG_CACHE_HOME": Keepers;
    /// The time in seconds since 1970 that new images say they were made at.
    SOURCE_DATE_EPOCH = "SOURCE_DATE_EPOCH": Makers;
    /// The directory of docker's config.json, which holds credentials.
    DOCKER_CONFIG = "DOCKER_CONFIG": OfRegistries;
    /// Credentials, in the form of docker's config.json.
    DOCKER_AUTH_CONFIG = "DOCKER_AUTH_CONFIG": OfRegistries;
    /// The file of credentials, in the form of containers-auth.json(5).
    REGISTRY_AUTH_FILE = "REGISTRY_AUTH_FILE": OfRegistries;
    /// Without REGISTRY_AUTH_FILE, credentials are looked for in `$XDG_RUNTIME_DIR/containers/auth.json` too.
    XDG_RUNTIME_DIR = "XDG_RUNTIME_DIR": OfRegistries;
    /// And in `$XDG_CONFIG_HOME/containers/auth.json`, else `$HOME/.config/containers/auth.json`.
    XDG_CONFIG_HOME = "XDG_CONFIG_HOME": OfRegistries;
    /// The proxy for registries. Also `http_proxy` and `ALL_PROXY`.
    HTTPS_PROXY = "HTTPS_PROXY": OfRegistries;
    /// The hosts that are reached without a proxy.
    NO_PROXY = "NO_PROXY": OfRegistries;
    /// A file of certificates that are trusted in place of the system's.
    SSL_CERT_FILE = "SSL_CERT_FILE": OfRegistries;
    /// Not empty: no colour.
    NO_COLOR = "NO_COLOR": All;
    /// `dumb`: a terminal without cursor movement, so without a progress bar.
    TERM = "TERM": Shown;
}

/// The environment of a tool. Tests give it one of their own.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// That of this process.
    pub fn of_process() -> Environment {
        Environment(std::env::vars_os().collect())
    }

    /// The value of a variable; one that is set but empty counts as not set.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// The directory of what costs time to make again, and nothing else; `None` where there is no home for it.
    pub fn cache_directory(&self) -> Option<PathBuf> {
        // the XDG specification has relative paths ignored
        let below = |name, rest: &str| {
            self.get(name).map(Path::new).filter(|path| path.is_absolute()).map(|path| path.join(rest))
        };
        below(XDG_CACHE_HOME, "oci").or_else(|| below(HOME, ".cache/oci"))
    }

    /// The layout of layers that builds have made: a part of the cache.
    pub fn build_cache(&self) -> Option<PathBuf> {
        Some(self.cache_directory()?.join("build"))
    }

    /// The value as text; one that is no UTF-8 counts as not set.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.to_str()
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Environment {
        Environment(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    #[test]
    fn the_cache_is_where_xdg_says_and_else_at_home() {
        for (all, expected) in [
            (&[("XDG_CACHE_HOME", "/c"), ("HOME", "/h")][..], Some("/c/oci")),
            (&[("XDG_CACHE_HOME", "relative"), ("HOME", "/h")], Some("/h/.cache/oci")),
            (&[("HOME", "")], None),
        ] {
            let environment: Environment = all.iter().copied().collect();
            assert_eq!(environment.cache_directory(), expected.map(PathBuf::from));
        }
    }

    #[test]
    fn what_registries_ask_the_environment_for_is_in_the_table() {
        let asked = RefCell::new(BTreeSet::new());
        let lookup = |name: &str| {
            asked.borrow_mut().insert(name.to_owned());
            None
        };
        drop(transfer::Registries::from_environment(lookup, false));
        assert!(asked.borrow().contains(DOCKER_CONFIG));
        let known = |name: &String| VARIABLES.iter().any(|(known, ..)| known == name);
        let unknown: Vec<String> = asked.into_inner().into_iter().filter(|name| !known(name)).collect();
        assert_eq!(unknown, [""; 0]);
    }
}
