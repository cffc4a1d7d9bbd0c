//! IMAGE operands and lines of standard input, from text to what is asked for. Pure: nothing is looked up here.

use crate::ambient::check_path;
use crate::error::{Error, usage};
use image_format::{Algorithm, Digest, ImageName, NameError};
use layout::{Lookup, Snapshot};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

const LAYOUT: &[u8] = b"oci:";
pub(crate) const REGISTRY: &str = "docker://";

/// An image as it was asked for.
#[derive(Clone, Debug)]
pub enum Operand {
    /// In a layout.
    Local(Local),
    /// `docker://REF`, straight from a registry: for tools that only read.
    Registry(ImageName),
}

/// An image in a layout, as it was asked for.
#[derive(Clone, Debug)]
pub struct Local {
    /// As it was written.
    pub(crate) text: String,
    /// The layout, as it was written; `None` is the ambient one.
    pub(crate) directory: Option<PathBuf>,
    /// Name, ID and digest; none of them means the only image of the layout.
    pub(crate) lookup: Lookup,
    /// Why the text is no image name; it can still be a bare tag or an ID.
    pub(crate) name_error: Option<NameError>,
    /// Did we wait for it, so that the layout may have changed since?
    pub(crate) awaited: bool,
}

impl Operand {
    /// Reads an operand: `NAME[:TAG][@DIGEST]`, `oci:DIR[:NAME[:TAG]][@DIGEST]`, `@DIGEST`, an ID, `docker://REF`.
    ///
    /// # Errors
    /// The digest is none, the layout's path cannot stand in a reference, or the registry reference is no name.
    pub fn parse(text: &OsStr) -> Result<Operand, Error> {
        if let Some(reference) = text.to_str().and_then(|text| text.strip_prefix(REGISTRY)) {
            let name = reference.parse::<ImageName>().map_err(|error| usage(error).at(text.display()))?;
            return Ok(Operand::Registry(name));
        }
        if let Some(rest) = text.to_str().and_then(without_scheme) {
            let error = Error::usage(format_args!("{}: an image name has no scheme", text.display()));
            return Err(error.with_hint(format_args!("write {rest}, or docker://{rest}")));
        }
        let (before, digest) = cut_digest(text.as_bytes()).map_err(|error| error.at(text.display()))?;
        let (directory, rest) = cut_directory(before)?;
        let rest = std::str::from_utf8(rest).map_err(|_| {
            Error::usage(format_args!("{:?}: an image name is UTF-8", text.display().to_string()))
        })?;
        let empty = rest.is_empty() && digest.is_none();
        if empty && directory.is_none() {
            return Err(usage(NameError::Empty));
        }
        let (lookup, name_error) = lookup(rest, digest);
        let text = text.to_string_lossy().into_owned();
        Ok(Operand::Local(Local { text, directory, lookup, name_error, awaited: false }))
    }

    /// Reads a line of standard input: an operand, or a JSON object with `ref` and perhaps `layout`.
    ///
    /// # Errors
    /// As [`Operand::parse`]; a JSON object without `ref`.
    pub fn parse_line(line: &[u8]) -> Result<Operand, Error> {
        if line.first() != Some(&b'{') {
            return Operand::parse(OsStr::from_bytes(line));
        }
        let object: ImageObject = serde_json::from_slice(line)
            .map_err(|error| Error::usage(format_args!("not an image object: {error}")))
            .map_err(|error| error.with_hint("one object a line: jq -c"))?;
        let reference = object.reference.ok_or_else(|| {
            Error::usage("a JSON object without \"ref\"; expected an image object, as --json prints it")
        })?;
        let mut operand = Operand::parse(OsStr::new(&reference))?;
        if let (Operand::Local(local), Some(layout)) = (&mut operand, object.layout) {
            check_path(&layout)?;
            local.place(layout);
        }
        Ok(operand)
    }

    /// Does it say by a digest what exactly is meant?
    pub fn is_pinned(&self) -> bool {
        match self {
            Operand::Local(local) => local.lookup.digest.is_some(),
            Operand::Registry(name) => name.digest().is_some(),
        }
    }

    /// As it was written.
    pub fn text(&self) -> String {
        match self {
            Operand::Local(local) => local.text.clone(),
            Operand::Registry(name) => format!("{REGISTRY}{name}"),
        }
    }

    /// The image's name in a registry: `REF`, or `docker://REF`.
    ///
    /// # Errors
    /// It is in a layout, or no name.
    pub fn remote(&self) -> Result<ImageName, Error> {
        match self {
            Operand::Registry(name) => Ok(name.clone()),
            Operand::Local(Local { directory: Some(_), text, .. }) => {
                Err(Error::usage(format_args!("{text}: in a layout; expected an image in a registry")))
            }
            Operand::Local(local) => local.text.parse().map_err(usage),
        }
    }

    /// The image's place in a layout; a usage error for one in a registry.
    ///
    /// # Errors
    /// It is `docker://REF`.
    pub fn local(&self) -> Result<&Local, Error> {
        match self {
            Operand::Local(local) => Ok(local),
            Operand::Registry(name) => {
                let problem =
                    format_args!("docker://{name}: in a registry; expected an image in a layout").to_string();
                Err(Error::usage(problem).with_hint(format_args!("pull it first: oci-pull {name}")))
            }
        }
    }
}

impl Local {
    /// What to look up in `snapshot`; `oci:DIR` alone asks for the only image.
    ///
    /// # Errors
    /// The layout has no image, or several.
    pub fn lookup_in(&self, snapshot: &Snapshot) -> Result<Lookup, Error> {
        if self.lookup.name.is_some() || self.lookup.verbatim.is_some() || self.lookup.digest.is_some() {
            return Ok(self.lookup.clone());
        }
        let only = snapshot.only_image().map_err(|error| Error::from(error).at(&self.text))?;
        Ok(Lookup { digest: Some(only.descriptor.digest), ..Lookup::default() })
    }

    /// The layout's absolute path decides where to look; a directory that was written for it stays as written.
    fn place(&mut self, layout: PathBuf) {
        let same = |path: &Path| std::path::absolute(path).is_ok_and(|path| path == layout);
        if !self.directory.as_deref().is_some_and(same) {
            self.directory = Some(layout);
        }
    }
}

/// What is read of an image object.
#[derive(serde::Deserialize)]
struct ImageObject {
    #[serde(rename = "ref")]
    reference: Option<String>,
    layout: Option<PathBuf>,
}

fn without_scheme(text: &str) -> Option<&str> {
    text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"))
}

/// Cuts a trailing `@ALGORITHM:HEX` off.
fn cut_digest(text: &[u8]) -> Result<(&[u8], Option<Digest>), Error> {
    let Some(at) = text.iter().rposition(|byte| *byte == b'@') else { return Ok((text, None)) };
    let (before, behind) = (&text[..at], &text[at + 1..]);
    match std::str::from_utf8(behind) {
        Ok(digest) if digest.contains(':') => match digest.parse() {
            Ok(digest) => Ok((before, Some(digest))),
            // the digest of `oci:a@b:name` is none, but its path is what is wrong
            Err(_)
                if text.starts_with(LAYOUT)
                    && !before.contains(&b'@')
                    && !before[LAYOUT.len()..].contains(&b':')
                    && !looks_like_digest(digest) =>
            {
                Ok((text, None))
            }
            Err(error) => Err(usage(error)),
        },
        _ if before.is_empty() => Err(Error::usage("expected @ALGORITHM:HEX")),
        _ => Ok((text, None)),
    }
}

fn looks_like_digest(text: &str) -> bool {
    text.split_once(':')
        .is_some_and(|(_, hex)| hex.len() > 31 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Cuts `oci:DIR` and the `:` behind it off.
pub(crate) fn cut_directory(text: &[u8]) -> Result<(Option<PathBuf>, &[u8]), Error> {
    let Some(behind) = text.strip_prefix(LAYOUT) else { return Ok((None, text)) };
    let end = behind.iter().position(|byte| *byte == b':');
    let (directory, rest) = match end {
        Some(end) => (&behind[..end], &behind[end + 1..]),
        None => (behind, &behind[behind.len()..]),
    };
    if directory.is_empty() {
        return Err(Error::usage("oci: without a directory; expected oci:DIR[:NAME[:TAG]][@DIGEST]")
            .with_hint("an image called oci is written library/oci"));
    }
    let directory = PathBuf::from(OsString::from_vec(directory.to_vec()));
    check_path(&directory)?;
    Ok((Some(directory), rest))
}

/// A digest alone, as `docker images --no-trunc` prints IDs, is looked up as an ID too.
fn lookup(text: &str, digest: Option<Digest>) -> (Lookup, Option<NameError>) {
    if text.is_empty() {
        return (Lookup { digest, ..Lookup::default() }, None);
    }
    let (name, name_error) = match text.parse::<ImageName>() {
        Ok(name) => (Some(name), None),
        Err(error) => (None, Some(error)),
    };
    let verbatim = Some(id_behind(text).unwrap_or(text).to_owned());
    (Lookup { verbatim, name, digest }, name_error)
}

/// Docker's IDs, whole or short, may stand behind their algorithm.
fn id_behind(text: &str) -> Option<&str> {
    const SHORTEST: usize = 4;
    let (algorithm, id) = text.split_once(':')?;
    let known = Algorithm::ALL.iter().any(|known| known.as_str() == algorithm);
    let hex = id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    (known && hex && id.len() >= SHORTEST).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn local(text: &str) -> Local {
        Operand::parse(OsStr::new(text)).unwrap().local().unwrap().clone()
    }

    fn parts(local: &Local) -> (Option<&str>, Option<String>, Option<String>) {
        let directory = local.directory.as_deref().and_then(Path::to_str);
        let name = local.lookup.name.as_ref().map(ToString::to_string);
        (directory, name, local.lookup.digest.map(|digest| digest.to_string()))
    }

    #[test]
    fn every_form_of_operand_is_taken_apart() {
        let debian = Some("docker.io/library/debian:12".to_owned());
        let pin = Some(DIGEST.to_owned());
        for (text, directory, name, digest) in [
            ("debian:12".to_owned(), None, debian.clone(), None),
            (format!("debian:12@{DIGEST}"), None, debian.clone(), pin.clone()),
            ("oci:./work:debian:12".to_owned(), Some("./work"), debian.clone(), None),
            (format!("oci:./work:docker.io/library/debian:12@{DIGEST}"), Some("./work"), debian, pin.clone()),
            (format!("oci:./work@{DIGEST}"), Some("./work"), None, pin.clone()),
            ("oci:./work".to_owned(), Some("./work"), None, None),
            ("oci:./work:".to_owned(), Some("./work"), None, None),
            (format!("@{DIGEST}"), None, None, pin),
            ("e3b0".to_owned(), None, Some("docker.io/library/e3b0:latest".to_owned()), None),
            ("library/oci".to_owned(), None, Some("docker.io/library/oci:latest".to_owned()), None),
        ] {
            assert_eq!(parts(&local(&text)), (directory, name, digest), "{text}");
        }
        assert_eq!(local(DIGEST).lookup.verbatim.unwrap(), DIGEST[7..]);
        assert!(matches!(Operand::parse(OsStr::new("docker://debian")).unwrap(), Operand::Registry(_)));
    }

    #[test]
    fn what_can_be_no_image_is_a_usage_error() {
        for text in [
            "",
            "@",
            "@x",
            "@sha256:12",
            "a@sha256:12",
            "a@md5:00",
            "oci:",
            "oci::a",
            "oci:a@b",
            "oci:a@b:c",
            "oci:a\nb",
            "docker://",
            "docker://A",
        ] {
            let error = Operand::parse(OsStr::new(text)).unwrap_err();
            assert_eq!(error.class(), image_format::Class::Usage, "{text}: {error}");
        }
    }

    #[test]
    fn a_json_line_is_looked_up_in_its_layout() {
        let line = format!(r#"{{"ref":"debian:12@{DIGEST}","layout":"/srv/a","size":1}}"#);
        let operand = Operand::parse_line(line.as_bytes()).unwrap();
        assert_eq!(parts(operand.local().unwrap()).0, Some("/srv/a"));
        let here = std::env::current_dir().unwrap();
        let line = format!(r#"{{"ref":"oci:./w:a@{DIGEST}","layout":"{}"}}"#, here.join("w").display());
        let operand = Operand::parse_line(line.as_bytes()).unwrap();
        assert_eq!(parts(operand.local().unwrap()).0, Some("./w"));
        for wrong in ["{}", "{", r#"{"ref":1}"#, r#"{"layout":"/a"}"#, r#"{"ref":""}"#] {
            assert!(Operand::parse_line(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_operand_or_a_usage_error(text in ".*") {
            if let Err(error) = Operand::parse(OsStr::new(&text)) {
                prop_assert_eq!(error.class(), image_format::Class::Usage);
            }
        }

        #[test]
        fn any_line_is_an_operand_or_a_usage_error(line in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Err(error) = Operand::parse_line(&line) {
                prop_assert_eq!(error.class(), image_format::Class::Usage);
            }
        }

        #[test]
        fn a_pinned_reference_reads_back_as_its_parts(dir in "[a-z./ ü]{1,12}", path in "[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,2}", tag in "[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,8}") {
            let local = local(&format!("oci:{dir}:{path}:{tag}@{DIGEST}"));
            let name: ImageName = format!("{path}:{tag}").parse().unwrap();
            prop_assert_eq!(parts(&local), (Some(dir.as_str()), Some(name.to_string()), Some(DIGEST.to_owned())));
        }
    }
}
