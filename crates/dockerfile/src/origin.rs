//! Where a source of `ADD` comes from.

/// What kind of source it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A path in the context.
    Local,
    /// A file behind a URL.
    Http,
    /// A git repository.
    Git,
}

impl Origin {
    /// The kind of `source`: a URL of http or https is a repository if its path ends in `.git`.
    ///
    /// <https://docs.docker.com/reference/dockerfile/#add>
    pub fn of(source: &str) -> Origin {
        match source.split_once("://") {
            Some((scheme, rest)) if is_word(scheme) => match scheme.to_ascii_lowercase().as_str() {
                "http" | "https" if path(rest).ends_with(".git") => Origin::Git,
                "ssh" | "git" => Origin::Git,
                // BuildKit takes these for URLs in lower case only
                _ if scheme == "http" || scheme == "https" => Origin::Http,
                _ => Origin::Local,
            },
            _ if is_scp(source) => Origin::Git,
            _ => Origin::Local,
        }
    }
}

fn is_word(scheme: &str) -> bool {
    !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The path of a URL, without its query and fragment.
fn path(rest: &str) -> &str {
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    rest.find('/').map_or("", |slash| &rest[slash..])
}

/// `user@host:path`, the short form of ssh.
fn is_scp(source: &str) -> bool {
    let Some((user, rest)) = source.split_once('@') else { return false };
    let Some((host, _)) = rest.split_once(':') else { return false };
    let is_of = |text: &str, mark: u8| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == mark)
    };
    is_of(user, b'_') && is_of(host, b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_path_a_url_or_a_repository() {
        for path in ["a", "./a@b:c", "github.com/a/b", "ftp://x/y", "a://b", "C:\\x", "@b:c"] {
            assert_eq!(Origin::of(path), Origin::Local, "{path}");
        }
        for url in ["http://x/y", "https://x/y.git/z", "https://x.git"] {
            assert_eq!(Origin::of(url), Origin::Http, "{url}");
        }
        let repositories = [
            "https://x/y.git",
            "https://x/y.git#main:d",
            "https://x/y.git?ref=a",
            "ssh://h/p",
            "git@h:p/q.git",
        ];
        for repository in repositories {
            assert_eq!(Origin::of(repository), Origin::Git, "{repository}");
        }
    }
}
