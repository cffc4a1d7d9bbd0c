//! Which images of the layout a repository's path means.
//!
//! Docker's normalisation: `base` and `library/base` are `docker.io/library/base`, `team/app` is `docker.io/team/app`,
//! `quay.io/a/b` is itself. containerd's `?ns=HOST` says the host instead. A path without a host answers for the rows
//! whose host has a port, which no path can say, if the layout has no repository that it names.

use image_format::{ImageName, NameError, Repository, Tag, hub};

/// A repository as a client asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RepositoryName {
    /// The path as it was asked for.
    path: Repository,
    /// `?ns=`, as it was given.
    namespace: Option<String>,
    /// Where it is in the layout; its tag means nothing.
    base: ImageName,
}

impl RepositoryName {
    /// The repository `path`, on the host that containerd's `ns` says.
    ///
    /// # Errors
    /// Not the path of a repository, or `namespace` is no host.
    pub(crate) fn new(path: &str, namespace: Option<&str>) -> Result<RepositoryName, NameError> {
        let path: Repository = path.parse()?;
        let base = match namespace {
            None => by_path(&path)?,
            Some(host) if hub::is_hub(host) => ImageName::parse_untagged(&format!("{}/{path}", hub::NAME))?,
            Some(host) => ImageName::new(host, path.clone(), None, None)?,
        };
        Ok(RepositoryName { path, namespace: namespace.map(str::to_owned), base })
    }

    /// The path as the client knows it.
    pub(crate) fn path(&self) -> &str {
        self.path.as_str()
    }

    /// A URL's path below this repository that leads to the same images.
    pub(crate) fn url(&self, rest: &str) -> String {
        match &self.namespace {
            Some(namespace) if rest.contains('?') => format!("/v2/{}/{rest}&ns={namespace}", self.path),
            Some(namespace) => format!("/v2/{}/{rest}?ns={namespace}", self.path),
            None => format!("/v2/{}/{rest}", self.path),
        }
    }

    /// `HOST/REPOSITORY` in the layout.
    pub(crate) fn locator(&self) -> String {
        self.base.locator()
    }

    /// The name of a tag in the layout.
    pub(crate) fn tagged(&self, tag: &Tag) -> ImageName {
        self.base.tagged(tag.clone())
    }

    /// The path that rows may have whose host has a port; `None` where a host was said.
    pub(crate) fn bare(&self) -> Option<&str> {
        let plain = self.namespace.is_none() && self.base.registry() == hub::NAME;
        plain.then_some(self.path.as_str())
    }
}

/// A first component that looks like a host but cannot be one is a part of the path.
fn by_path(path: &Repository) -> Result<ImageName, NameError> {
    match ImageName::parse_untagged(path.as_str()) {
        Err(NameError::Registry(_)) => ImageName::new(hub::NAME, path.clone(), None, None),
        result => result,
    }
}

/// Has this row's host a port, so that no path can name it?
pub(crate) fn is_out_of_reach(name: &ImageName) -> bool {
    name.registry().contains(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_the_names_that_docker_would_write() {
        for (path, namespace, locator, bare) in [
            ("base", None, "docker.io/library/base", Some("base")),
            ("library/base", None, "docker.io/library/base", Some("library/base")),
            ("team/app", None, "docker.io/team/app", Some("team/app")),
            ("a/b/c", None, "docker.io/a/b/c", Some("a/b/c")),
            ("quay.io/a/b", None, "quay.io/a/b", None),
            ("quay.io", None, "docker.io/library/quay.io", Some("quay.io")),
            ("docker.io/base", None, "docker.io/library/base", Some("docker.io/base")),
            ("index.docker.io/team/app", None, "docker.io/team/app", Some("index.docker.io/team/app")),
            ("localhost/app", None, "localhost/app", None),
            ("a_b.c/x", None, "docker.io/a_b.c/x", Some("a_b.c/x")),
            ("library/alpine", Some("docker.io"), "docker.io/library/alpine", None),
            ("alpine", Some("registry-1.docker.io"), "docker.io/library/alpine", None),
            ("a/b", Some("quay.io"), "quay.io/a/b", None),
            ("b", Some("quay.io"), "quay.io/b", None),
            ("ghcr.io/b", Some("quay.io"), "quay.io/ghcr.io/b", None),
            ("a/b", Some("localhost:5000"), "localhost:5000/a/b", None),
            ("a/b", Some("[::1]:5000"), "[::1]:5000/a/b", None),
        ] {
            let name = RepositoryName::new(path, namespace).unwrap();
            assert_eq!(name.locator(), locator, "{path} {namespace:?}");
            assert_eq!(name.bare(), bare, "{path} {namespace:?}");
        }
    }

    #[test]
    fn what_is_no_repository_or_no_host_is_refused() {
        let (long, id) = ("a".repeat(256), "a".repeat(64));
        for (path, namespace) in [
            ("", None),
            ("Base", None),
            ("..", None),
            ("a/../b", None),
            ("a//b", None),
            ("/a", None),
            ("a/", None),
            ("a:1", None),
            ("a@b", None),
            ("a\0b", None),
            (&*long, None),
            (&*id, None),
            ("a", Some("")),
            ("a", Some("../..")),
            ("a", Some("ho st")),
            ("a", Some("quay.io/x")),
        ] {
            assert!(RepositoryName::new(path, namespace).is_err(), "{path:?} {namespace:?}");
        }
    }

    #[test]
    fn a_url_keeps_the_host_that_was_said() {
        let plain = RepositoryName::new("team/app", None).unwrap();
        assert_eq!(plain.url("tags/list?n=1"), "/v2/team/app/tags/list?n=1");
        let other = RepositoryName::new("team/app", Some("quay.io")).unwrap();
        assert_eq!(other.url("blobs/x"), "/v2/team/app/blobs/x?ns=quay.io");
        assert_eq!(other.url("tags/list?n=1"), "/v2/team/app/tags/list?n=1&ns=quay.io");
    }
}
