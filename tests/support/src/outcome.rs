//! How a program ended and all that it said; assertions show all three channels when they fail.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use crate::Dir;

/// The end of a program: status, standard output and standard error.
pub struct Outcome {
    line: String,
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// the directory that the program worked in, where the test has none of its own
    _owned: Option<Dir>,
}

impl Outcome {
    pub(crate) fn new(
        line: String,
        status: ExitStatus,
        stdout: Vec<u8>,
        stderr: Vec<u8>,
        owned: Option<Dir>,
    ) -> Outcome {
        Outcome { line, status, stdout, stderr, _owned: owned }
    }

    /// The exit status, or none when a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The bytes of standard output.
    pub fn stdout_bytes(&self) -> &[u8] {
        &self.stdout
    }

    /// Standard output as text.
    #[track_caller]
    pub fn stdout(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("standard output is text")
    }

    /// Standard error as text.
    #[track_caller]
    pub fn stderr(&self) -> &str {
        std::str::from_utf8(&self.stderr).expect("standard error is text")
    }

    /// The one line of standard output, without its end.
    #[track_caller]
    pub fn line(&self) -> &str {
        let text = self.stdout();
        let line = text.strip_suffix('\n').filter(|l| !l.contains('\n'));
        line.unwrap_or_else(|| panic!("expected one line on standard output\n{self}"))
    }

    /// The lines of standard output.
    #[track_caller]
    pub fn lines(&self) -> Vec<&str> {
        self.stdout().lines().collect()
    }

    /// Standard output is exactly this, and standard error is empty.
    #[track_caller]
    pub fn stdout_only(self, text: impl AsRef<str>) -> Outcome {
        self.stdout_is(text).stderr_is("")
    }

    /// Standard error is exactly this, and standard output is empty.
    #[track_caller]
    pub fn stderr_only(self, text: impl AsRef<str>) -> Outcome {
        self.stderr_is(text).stdout_is("")
    }

    /// Nothing at all was said.
    #[track_caller]
    pub fn no_output(self) -> Outcome {
        self.stdout_only("")
    }

    /// Standard output is exactly this.
    #[track_caller]
    pub fn stdout_is(self, text: impl AsRef<str>) -> Outcome {
        let text = text.as_ref();
        assert!(self.stdout == text.as_bytes(), "expected on standard output:\n{text}\nbut {self}");
        self
    }

    /// Standard error is exactly this.
    #[track_caller]
    pub fn stderr_is(self, text: impl AsRef<str>) -> Outcome {
        let text = text.as_ref();
        assert!(self.stderr == text.as_bytes(), "expected on standard error:\n{text}\nbut {self}");
        self
    }

    /// Standard output holds this.
    #[track_caller]
    pub fn stdout_has(self, text: impl AsRef<str>) -> Outcome {
        let text = text.as_ref();
        let held = String::from_utf8_lossy(&self.stdout).contains(text);
        assert!(held, "expected in standard output: {text}\nbut {self}");
        self
    }

    /// Standard error holds this.
    #[track_caller]
    pub fn stderr_has(self, text: impl AsRef<str>) -> Outcome {
        let text = text.as_ref();
        let held = String::from_utf8_lossy(&self.stderr).contains(text);
        assert!(held, "expected in standard error: {text}\nbut {self}");
        self
    }

    /// Standard error does not hold this: a password, say.
    #[track_caller]
    pub fn stderr_lacks(self, text: impl AsRef<str>) -> Outcome {
        let text = text.as_ref();
        let held = String::from_utf8_lossy(&self.stderr).contains(text);
        assert!(!held, "not expected in standard error: {text}\nbut {self}");
        self
    }

    /// The exit status is this.
    #[track_caller]
    pub fn assert_code(self, code: i32) -> Outcome {
        assert!(self.status.code() == Some(code), "expected exit status {code}, but {self}");
        self
    }

    /// This signal ended it.
    #[track_caller]
    pub fn assert_signal(self, signal: i32) -> Outcome {
        assert!(self.status.signal() == Some(signal), "expected an end by signal {signal}, but {self}");
        self
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "`{}` ended with {}", self.line, self.status)?;
        for (name, bytes) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            writeln!(f, "--- {name}, {} bytes\n{}", bytes.len(), shown(bytes))?;
        }
        Ok(())
    }
}

/// Text as it is; of long or binary output only the beginning.
fn shown(bytes: &[u8]) -> String {
    const SHOWN: usize = 4000;
    match std::str::from_utf8(bytes) {
        Ok(text) if text.len() <= SHOWN => text.to_owned(),
        _ => format!("{}…", bytes[..bytes.len().min(SHOWN)].escape_ascii()),
    }
}
