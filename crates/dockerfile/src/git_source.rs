//! A git repository as `ADD` names it: `https://host/repo.git#ref:directory`, `git@host:repo?branch=x&subdir=y`.

use crate::origin::Origin;
use crate::wildcard::cleaned;

/// Which files of which commit of a repository.
///
/// <https://docs.docker.com/reference/dockerfile/#adding-files-from-a-git-repository>
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitSource {
    /// What git is given: the source without query and fragment.
    pub remote: String,
    /// A branch, a tag or a commit; empty for the remote's `HEAD`.
    pub reference: String,
    /// The directory whose content is taken; empty for all.
    pub directory: String,
    /// The commit it must be, or its beginning.
    pub checksum: Option<String>,
    /// Whether `.git` is kept, where the source says so.
    pub keep_git_dir: Option<bool>,
    /// Whether submodules are fetched, where the source says so.
    pub submodules: Option<bool>,
    /// The checksum is fetched as the commit, whatever the reference is.
    pub fetch_by_commit: bool,
    /// Times of files are the commit's.
    pub commit_times: bool,
}

impl GitSource {
    /// The repository that `source` names, where its [`Origin`] is git.
    ///
    /// # Errors
    /// What is wrong with its query.
    pub fn parse(source: &str) -> Result<Option<GitSource>, String> {
        if Origin::of(source) != Origin::Git {
            return Ok(None);
        }
        let (rest, fragment) = source.split_once('#').unwrap_or((source, ""));
        let (remote, query) = rest.split_once('?').unwrap_or((rest, ""));
        let fragment = decoded(fragment, false);
        let (reference, directory) = fragment.split_once(':').unwrap_or((&fragment, ""));
        let mut source = GitSource {
            remote: remote.to_owned(),
            reference: reference.to_owned(),
            directory: relative(directory),
            ..GitSource::default()
        };
        source.read_query(query)?;
        Ok(Some(source))
    }

    fn read_query(&mut self, query: &str) -> Result<(), String> {
        let fields = query.split('&').filter(|field| !field.is_empty());
        let fields: Vec<(String, String)> = fields.map(field).collect();
        let mut kinds = Vec::new();
        for (at, (key, value)) in fields.iter().enumerate() {
            if fields[..at].iter().any(|(before, _)| before == key) {
                return Err(format!("query {key:?} has multiple values"));
            }
            match key.as_str() {
                "submodules" => self.submodules = Some(boolean(key, value)?),
                "keep-git-dir" => self.keep_git_dir = Some(boolean(key, value)?),
                "fetch-by-commit" => self.fetch_by_commit = boolean(key, value)?,
                _ if value.is_empty() => return Err(format!("query {key:?} has no value")),
                "ref" => self.set_reference(value)?,
                "tag" | "branch" => kinds.push((key.as_str(), value.as_str())),
                "subdir" => self.set_directory(value)?,
                "checksum" | "commit" => self.checksum = Some(value.clone()),
                "mtime" => self.commit_times = commit_times(value)?,
                _ => return Err(format!("unexpected query {key:?}")),
            }
        }
        match kinds.as_slice() {
            [] => Ok(()),
            [("tag", tag)] => self.set_reference(&full("refs/tags/", tag)),
            [(_, branch)] => self.set_reference(&full("refs/heads/", branch)),
            _ => Err("branch conflicts with tag".into()),
        }
    }

    fn set_reference(&mut self, reference: &str) -> Result<(), String> {
        if !self.reference.is_empty() && self.reference != reference {
            return Err(format!("ref conflicts: {:?} vs {reference:?}", self.reference));
        }
        self.reference = reference.to_owned();
        Ok(())
    }

    fn set_directory(&mut self, directory: &str) -> Result<(), String> {
        if !self.directory.is_empty() && self.directory != directory {
            return Err(format!("subdir conflicts: {:?} vs {directory:?}", self.directory));
        }
        self.directory = relative(directory);
        Ok(())
    }
}

fn field(text: &str) -> (String, String) {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    (decoded(key, true), decoded(value, true))
}

fn full(prefix: &str, name: &str) -> String {
    if name.starts_with(prefix) { name.to_owned() } else { format!("{prefix}{name}") }
}

/// A path that cannot leave the repository.
fn relative(directory: &str) -> String {
    let clean = cleaned(format!("/{directory}").as_bytes());
    String::from_utf8_lossy(&clean).trim_start_matches('/').to_owned()
}

fn boolean(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "" | "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("invalid {key} value: {value:?}")),
    }
}

fn commit_times(value: &str) -> Result<bool, String> {
    match value {
        "commit" => Ok(true),
        "checkout" => Ok(false),
        _ => Err(format!("invalid mtime value: {value:?} (must be \"checkout\" or \"commit\")")),
    }
}

/// Without `%XX`; in a query `+` is a blank.
fn decoded(text: &str, is_query: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        let hex = behind.get(..2).and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        rest = behind;
        match (byte, hex) {
            (b'%', Some(hex)) => {
                bytes.push(hex);
                rest = &behind[2..];
            }
            (b'+', _) if is_query => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(source: &str) -> GitSource {
        GitSource::parse(source).unwrap().unwrap_or_else(|| panic!("{source} is no repository"))
    }

    #[test]
    fn a_fragment_names_a_reference_and_a_directory() {
        let source = of("https://host/a/b.git#v1:c/../d/");
        assert_eq!(source.remote, "https://host/a/b.git");
        assert_eq!((source.reference.as_str(), source.directory.as_str()), ("v1", "d"));
        assert_eq!(of("git@host:a/b#:x%20y").directory, "x y");
        assert_eq!(of("git://host/a#main:../../etc").directory, "etc");
        assert_eq!(of("ssh://host/a").reference, "");
        assert_eq!(GitSource::parse("https://host/a"), Ok(None));
    }

    #[test]
    fn a_query_says_the_same_and_more() {
        let source =
            of("https://h/a.git?branch=x&subdir=d&commit=abc&keep-git-dir&submodules=0&mtime=commit");
        assert_eq!((source.remote.as_str(), source.reference.as_str()), ("https://h/a.git", "refs/heads/x"));
        assert_eq!((source.directory.as_str(), source.checksum.as_deref()), ("d", Some("abc")));
        assert_eq!((source.keep_git_dir, source.submodules), (Some(true), Some(false)));
        assert!(source.commit_times && !source.fetch_by_commit);
        assert_eq!(of("https://h/a.git?tag=refs/tags/v1").reference, "refs/tags/v1");
        assert_eq!(of("https://h/a.git?ref=a+b").reference, "a b");
    }

    #[test]
    fn a_query_that_says_nothing_or_two_things_is_refused() {
        let cases = [
            ("x=1", "unexpected query \"x\""),
            ("ref=", "query \"ref\" has no value"),
            ("ref=a&ref=b", "query \"ref\" has multiple values"),
            ("tag=a&branch=b", "branch conflicts with tag"),
            ("ref=a&tag=b", "ref conflicts: \"a\" vs \"refs/tags/b\""),
            ("keep-git-dir=x", "invalid keep-git-dir value: \"x\""),
            ("mtime=x", "invalid mtime value: \"x\" (must be \"checkout\" or \"commit\")"),
        ];
        for (query, message) in cases {
            assert_eq!(GitSource::parse(&format!("https://h/a.git?{query}")).unwrap_err(), message);
        }
        assert!(GitSource::parse("https://h/a.git?subdir=a#:b").is_err());
    }
}
