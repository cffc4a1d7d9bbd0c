//! Which ignore file a build goes by.

use dockerfile::Ignore;
use image_format::{Class, Failure};
use layer::TreePath;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

const NAME: &str = ".dockerignore";
/// Longer than that is no list of patterns.
const MAX_BYTES: u64 = 4 << 20;

/// What the build of `dockerfile` does not see of `context`: by the file beside it that has its name and `.dockerignore` at
/// its end, else by `.dockerignore` in the context; everything is seen where there is none. Says which file it was.
///
/// <https://docs.docker.com/build/concepts/context/#filename-and-location>
///
/// # Errors
/// One of them is there and cannot be read, or has a line that is no pattern.
pub fn find_ignore(context: &Path, dockerfile: Option<&Path>) -> Result<(Ignore, Option<PathBuf>), Failure> {
    let own = dockerfile.map(|dockerfile| {
        let mut name = dockerfile.as_os_str().to_owned();
        name.push(".dockerignore");
        PathBuf::from(name)
    });
    if let Some(path) = own
        && let Some(text) = read(&path)?
    {
        return parsed(&text, path);
    }
    let path = context.join(NAME);
    // a link in a context that somebody else made leads nowhere else
    let text = layer::read_file(context, &TreePath::of(NAME.as_bytes()), MAX_BYTES);
    match text.map_err(|error| Failure::io(path.display(), error))? {
        Some(text) => parsed(&text, path),
        None => Ok((Ignore::default(), None)),
    }
}

fn parsed(text: &[u8], path: PathBuf) -> Result<(Ignore, Option<PathBuf>), Failure> {
    let ignore = Ignore::parse(text).map_err(|diagnostic| {
        let line = diagnostic.line(text);
        Failure::new(Class::Usage, format_args!("{}:{line}: {diagnostic}", path.display()))
    })?;
    Ok((ignore, Some(path)))
}
fn read(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let failed = |error| Failure::io(path.display(), error);
    let file = match File::open(path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        other => other.map_err(failed)?,
    };
    let mut text = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_BYTES {
        let message = format!("{}: longer than {MAX_BYTES} bytes", path.display());
        return Err(Failure::new(Class::Usage, message));
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::write;

    #[test]
    fn a_dockerfiles_own_ignore_file_wins_over_that_of_the_context() {
        let directory = tempfile::tempdir().unwrap();
        let (context, dockerfile) = (directory.path(), directory.path().join("deep.Dockerfile"));
        let found = || find_ignore(context, Some(&dockerfile)).unwrap();
        assert_eq!(found().1, None);
        write(context.join(".dockerignore"), "a\n").unwrap();
        let (ignore, path) = found();
        assert!(ignore.ignores(b"a") && path == Some(context.join(".dockerignore")));
        write(context.join("deep.Dockerfile.dockerignore"), "# only b\nb\n").unwrap();
        let (ignore, path) = found();
        assert!(ignore.ignores(b"b") && !ignore.ignores(b"a") && path.is_some());
        assert!(find_ignore(context, None).unwrap().0.ignores(b"a"));
        write(context.join("deep.Dockerfile.dockerignore"), "\n[a\n").unwrap();
        let failure = find_ignore(context, Some(&dockerfile)).unwrap_err();
        assert!(failure.to_string().contains("deep.Dockerfile.dockerignore:2: "), "{failure}");
    }
}
