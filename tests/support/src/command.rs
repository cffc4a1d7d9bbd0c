//! A program to run, with an environment that holds nothing of the machine's.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::{Dir, Outcome, Running, Terminal};

/// What the program finds as its standard input.
enum Stdin {
    Null,
    Closed,
    Bytes(Vec<u8>),
    Pipe,
    File(PathBuf),
    Terminal(File),
}

/// A program to run. Its HOME and XDG directories are fresh, `OCI_LAYOUT` and all other variables but `PATH` are unset,
/// and its standard input is `/dev/null`.
#[must_use = "a command does nothing until it is run"]
pub struct Command {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, Option<OsString>)>,
    home: PathBuf,
    dir: PathBuf,
    stdin: Stdin,
    stdout: Option<File>,
    stderr: Option<File>,
    /// keeps the home of a command without a [`Dir`] of the test's own
    owned: Option<Dir>,
}

/// Handed on from the machine: where programs are, and what coverage tools set.
const KEPT: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"];

impl Command {
    /// A program in a directory of its own, which goes when the outcome is dropped.
    pub fn new(program: impl AsRef<OsStr>) -> Command {
        let dir = Dir::new();
        let mut command = Command::in_dir(program, dir.path());
        command.owned = Some(dir);
        command
    }

    pub(crate) fn in_dir(program: impl AsRef<OsStr>, dir: &Path) -> Command {
        Command {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            home: dir.join("home"),
            dir: dir.to_owned(),
            stdin: Stdin::Null,
            stdout: None,
            stderr: None,
            owned: None,
        }
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Command {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// More arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Command {
        self.args.extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Command {
        self.env.push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Unsets a variable, `HOME` for one.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Command {
        self.env.push((name.as_ref().to_owned(), None));
        self
    }

    /// Works in `dir`, which may be relative to where it worked before.
    pub fn current_dir(mut self, dir: impl AsRef<Path>) -> Command {
        self.dir = self.dir.join(dir);
        self
    }

    /// Standard input is a pipe that gives these bytes and ends.
    pub fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Command {
        self.stdin = Stdin::Bytes(bytes.as_ref().to_vec());
        self
    }

    /// Standard input is a pipe that stays open: see [`Running::write`] and [`Running::close_stdin`].
    pub fn stdin_pipe(mut self) -> Command {
        self.stdin = Stdin::Pipe;
        self
    }

    /// Standard input is this file, opened for reading.
    pub fn stdin_file(mut self, path: impl AsRef<Path>) -> Command {
        self.stdin = Stdin::File(self.dir.join(path));
        self
    }

    /// Descriptor 0 is closed.
    pub fn stdin_closed(mut self) -> Command {
        self.stdin = Stdin::Closed;
        self
    }

    /// Standard input is a terminal.
    pub fn stdin_terminal(mut self, terminal: &Terminal) -> Command {
        self.stdin = Stdin::Terminal(terminal.file());
        self
    }

    /// Standard output is a terminal; the outcome's `stdout` is then empty.
    pub fn stdout_terminal(mut self, terminal: &Terminal) -> Command {
        self.stdout = Some(terminal.file());
        self
    }

    /// Standard error is a terminal; the outcome's `stderr` is then empty.
    pub fn stderr_terminal(mut self, terminal: &Terminal) -> Command {
        self.stderr = Some(terminal.file());
        self
    }

    /// Standard output is this open file: `/dev/full`, a pipe without a reader. The outcome's `stdout` is then empty.
    pub fn stdout_to(mut self, file: impl Into<File>) -> Command {
        self.stdout = Some(file.into());
        self
    }

    /// Runs it to its end and asserts status 0.
    #[track_caller]
    pub fn succeeds(self) -> Outcome {
        self.run().assert_code(0)
    }

    /// Runs it to its end and asserts this exit status.
    #[track_caller]
    pub fn fails_with(self, code: i32) -> Outcome {
        assert_ne!(code, 0, "fails_with(0) says nothing: use succeeds()");
        self.run().assert_code(code)
    }

    /// Runs it to its end and asserts that this signal ended it (13 is SIGPIPE, 15 SIGTERM).
    #[track_caller]
    pub fn killed_by(self, signal: i32) -> Outcome {
        self.run().assert_signal(signal)
    }

    /// Runs it to its end, whatever that is.
    pub fn run(self) -> Outcome {
        self.spawn().wait()
    }

    /// Starts it and leaves it running; it is killed when the value is dropped.
    pub fn spawn(mut self) -> Running {
        let line = self.line();
        let mut command = self.standard();
        let (stdin, bytes) = match std::mem::replace(&mut self.stdin, Stdin::Null) {
            Stdin::Null | Stdin::Closed => (Stdio::null(), None),
            Stdin::Bytes(bytes) => (Stdio::piped(), Some(bytes)),
            Stdin::Pipe => (Stdio::piped(), None),
            Stdin::File(path) => {
                (File::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).into(), None)
            }
            Stdin::Terminal(file) => (file.into(), None),
        };
        command.stdin(stdin);
        command.stdout(self.stdout.take().map_or_else(Stdio::piped, Stdio::from));
        command.stderr(self.stderr.take().map_or_else(Stdio::piped, Stdio::from));
        let child = command.spawn().unwrap_or_else(|e| panic!("cannot run {line}: {e}"));
        Running::new(child, line, bytes, self.owned)
    }

    fn standard(&self) -> std::process::Command {
        let mut command = if matches!(self.stdin, Stdin::Closed) {
            // only a shell closes a descriptor without unsafe code
            let mut sh = std::process::Command::new("/bin/sh");
            sh.args(["-c", r#"exec "$0" "$@" <&-"#]).arg(&self.program);
            sh
        } else {
            std::process::Command::new(&self.program)
        };
        std::fs::create_dir_all(&self.home).unwrap();
        command.args(&self.args).current_dir(&self.dir).env_clear();
        command.envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.env("HOME", &self.home).env("LANG", "C.UTF-8").env("TZ", "UTC");
        let xdg = [
            ("XDG_DATA_HOME", ".local/share"),
            ("XDG_STATE_HOME", ".local/state"),
            ("XDG_CACHE_HOME", ".cache"),
            ("XDG_CONFIG_HOME", ".config"),
        ];
        command.envs(xdg.map(|(name, below)| (name, self.home.join(below))));
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    fn line(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.args);
        words.map(|w| w.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }
}
