//! The layout that names are looked up in: `-L`, else `$OCI_LAYOUT`, else `$XDG_DATA_HOME/oci`, else
//! `~/.local/share/oci`.

use crate::env::{self, Environment};
use crate::error::Error;
use crate::io::Io;
use layout::{Layout, Options, Stop};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// `-L, --layout DIR`, for every tool that has images.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct LayoutOption {
    /// The layout [default: $OCI_LAYOUT or ~/.local/share/oci]
    ///
    /// The OCI image layout directory that names are looked up in and written to. Without this option it is
    /// $OCI_LAYOUT, else $XDG_DATA_HOME/oci, else ~/.local/share/oci. A tool that writes makes it if need be.
    #[arg(short = 'L', long = "layout", value_name = "DIR", help_heading = "Layout", value_hint = clap::ValueHint::DirPath)]
    directory: Option<PathBuf>,
}

/// What said which layout it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Option,
    OciLayout,
    XdgDataHome,
    Home,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Option => "from -L",
            Reason::OciLayout => "from $OCI_LAYOUT",
            Reason::XdgDataHome => "from $XDG_DATA_HOME",
            Reason::Home => "the default",
        })
    }
}

/// An open layout, and how it was written: that decides the form of the references that are printed.
#[derive(Clone, Debug)]
pub struct Place {
    layout: Layout,
    /// `None` where it is the default layout.
    written: Option<PathBuf>,
}

impl LayoutOption {
    /// As if `-L DIR` had been given.
    pub(crate) fn of(directory: PathBuf) -> LayoutOption {
        LayoutOption { directory: Some(directory) }
    }

    /// Opens the layout to read from it.
    ///
    /// # Errors
    /// Nothing says which one it is, or it is not there, or not one.
    pub fn for_reading(&self, io: &Io) -> Result<Place, Error> {
        self.place(io, Layout::open)
    }

    /// Opens the layout to write to it, and makes it if need be; a dry run makes nothing, and one that was made goes
    /// again if nothing comes into it.
    ///
    /// # Errors
    /// Nothing says which one it is, or the directory holds something else, or cannot be written.
    pub fn for_writing(&self, io: &Io, dry_run: bool) -> Result<Place, Error> {
        self.place(io, if dry_run { Layout::open } else { Layout::create_to_fill })
    }

    fn place(
        &self,
        io: &Io,
        open: impl FnOnce(&Path, Options) -> Result<Layout, layout::Error>,
    ) -> Result<Place, Error> {
        let (path, reason) = self.choose(io.environment())?;
        check_path(&path)?;
        io.messages().note(format_args!("layout {} ({reason})", path.display()));
        let layout = open(&path, options(io.environment())).map_err(|error| with_hint(error, &path))?;
        let layout = layout.stopped_by(stop(io));
        let written = matches!(reason, Reason::Option | Reason::OciLayout).then_some(path);
        Ok(Place { layout, written })
    }

    fn choose(&self, environment: &Environment) -> Result<(PathBuf, Reason), Error> {
        if let Some(directory) = &self.directory {
            if directory.as_os_str().is_empty() {
                return Err(Error::usage("-L: the layout's path is empty; expected a directory"));
            }
            return Ok((directory.clone(), Reason::Option));
        }
        if let Some(path) = environment.get(env::OCI_LAYOUT) {
            return Ok((path.into(), Reason::OciLayout));
        }
        // the XDG specification has relative paths ignored
        let below = |name, rest: &str| {
            environment.get(name).map(Path::new).filter(|path| path.is_absolute()).map(|path| path.join(rest))
        };
        if let Some(path) = below(env::XDG_DATA_HOME, "oci") {
            return Ok((path, Reason::XdgDataHome));
        }
        below(env::HOME, ".local/share/oci").map(|path| (path, Reason::Home)).ok_or_else(|| {
            Error::usage("no layout: neither -L, $OCI_LAYOUT, $XDG_DATA_HOME nor $HOME says where it is")
                .with_hint("name one: -L DIR")
        })
    }
}

impl Place {
    /// Opens a layout that an operand names.
    ///
    /// # Errors
    /// The path cannot stand in a reference, or there is no layout.
    pub(crate) fn open(io: &Io, written: &Path) -> Result<Place, Error> {
        check_path(written)?;
        let layout = Layout::open(written, options(io.environment()))?.stopped_by(stop(io));
        Ok(Place { layout, written: Some(written.to_owned()) })
    }

    /// The layout itself.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// How it was written, where it is not the default layout.
    pub(crate) fn written(&self) -> Option<&Path> {
        self.written.as_deref()
    }

    /// Its path from the root.
    pub fn absolute(&self) -> PathBuf {
        std::path::absolute(self.layout.path()).unwrap_or_else(|_| self.layout.path().to_owned())
    }

    /// Is it the same directory, however it is written?
    pub fn is_same(&self, other: &Place) -> bool {
        let [ours, theirs] = [self, other].map(|place| std::fs::canonicalize(place.layout.path()));
        self.layout.path() == other.layout.path() || matches!((ours, theirs), (Ok(a), Ok(b)) if a == b)
    }
}

/// What to do where a layout's path leads to something else, or to what is somebody else's.
fn with_hint(error: layout::Error, path: &Path) -> Error {
    let denied = matches!(&error, layout::Error::Io { error, .. }
        if error.kind() == std::io::ErrorKind::PermissionDenied);
    let error = Error::from(error);
    if denied {
        return error
            .with_hint("a new layout is its owner's alone (0700): be that user, or have it shared by chmod");
    }
    if path.is_file() {
        return error
            .with_hint(format_args!("of an archive, oci-import {} takes the images", path.display()));
    }
    error
}

/// A reference ends the path at the first `:`, cuts a digest off behind `@`, and is one line.
pub(crate) fn check_path(path: &Path) -> Result<(), Error> {
    match path.as_os_str().as_bytes().iter().find(|byte| b":@\n".contains(byte)) {
        None => Ok(()),
        Some(byte) => Err(Error::usage(format_args!(
            "{:?}: a layout's path may not hold {:?}; expected one that can stand in oci:DIR:NAME@DIGEST",
            path.display().to_string(),
            char::from(*byte)
        ))),
    }
}

fn stop(io: &Io) -> Stop {
    let interrupt = io.interrupt().clone();
    Stop::when(move || interrupt.check().is_err())
}

fn options(environment: &Environment) -> Options {
    Options { fsync: fsync(environment) }
}

/// Shall finished writes survive a crash of the machine?
pub(crate) fn fsync(environment: &Environment) -> bool {
    environment.text(env::OCI_FSYNC) != Some("0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(option: Option<&str>, variables: &[(&str, &str)]) -> Result<(PathBuf, Reason), Error> {
        let directory = option.map(PathBuf::from);
        LayoutOption { directory }.choose(&variables.iter().copied().collect())
    }

    #[test]
    fn the_option_beats_the_variables_and_those_the_default() {
        let all = [("OCI_LAYOUT", "./o"), ("XDG_DATA_HOME", "/x"), ("HOME", "/h")];
        for (option, variables, path, reason) in [
            (Some("w"), &all[..], "w", Reason::Option),
            (None, &all[..], "./o", Reason::OciLayout),
            (None, &all[1..], "/x/oci", Reason::XdgDataHome),
            (None, &all[2..], "/h/.local/share/oci", Reason::Home),
            (
                None,
                &[("OCI_LAYOUT", ""), ("XDG_DATA_HOME", "relative"), ("HOME", "/h")],
                "/h/.local/share/oci",
                Reason::Home,
            ),
        ] {
            assert_eq!(chosen(option, variables).unwrap(), (PathBuf::from(path), reason));
        }
        let error = chosen(None, &[]).unwrap_err();
        for name in ["-L", "$OCI_LAYOUT", "$XDG_DATA_HOME", "$HOME"] {
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn a_path_that_cannot_stand_in_a_reference_is_a_usage_error() {
        for path in ["a:b", "a@b", "a\nb"] {
            assert!(check_path(Path::new(path)).is_err());
        }
        check_path(Path::new("a b/ü")).unwrap();
    }
}
