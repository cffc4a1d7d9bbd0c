//! A terminal (pty) that a program can be given.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;

use crate::running::Gathered;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    LocalModes, OptionalActions, OutputModes, Winsize, tcgetattr, tcsetattr, tcsetwinsize,
};

/// A terminal of 80 by 24 that neither echoes nor changes ends of lines. Several programs may share it.
pub struct Terminal {
    ours: File,
    theirs: File,
    shown: Gathered,
}

impl Default for Terminal {
    fn default() -> Terminal {
        Terminal::open()
    }
}

impl Terminal {
    /// Opens one.
    pub fn open() -> Terminal {
        let ours =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&ours).expect("grantpt");
        unlockpt(&ours).expect("unlockpt");
        let theirs = open_other_end(&ours);
        let mut modes = tcgetattr(&theirs).expect("a terminal has modes");
        modes.local_modes &= !LocalModes::ECHO;
        modes.output_modes &= !OutputModes::OPOST;
        tcsetattr(&theirs, OptionalActions::Now, &modes).expect("tcsetattr");
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&theirs, size).expect("tcsetwinsize");
        let ours = File::from(ours);
        // EIO is how a terminal says that its other end is closed everywhere
        let shown = Gathered::from(Some(ours.try_clone().unwrap()));
        Terminal { ours, theirs, shown }
    }

    /// The program's end.
    pub fn file(&self) -> File {
        self.theirs.try_clone().expect("a descriptor can be doubled")
    }

    /// Types this; `\u{4}` at the beginning of a line is the end of the input.
    pub fn type_text(&mut self, text: &str) {
        self.ours.write_all(text.as_bytes()).expect("a terminal takes what is typed");
    }

    /// Waits until this has been written to it.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        self.shown.wait_for(text, "the terminal");
    }

    /// All that was written to it. Waits until every program that has it is gone.
    pub fn screen(self) -> String {
        drop(self.theirs);
        let bytes = self.shown.finish("the terminal");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn open_other_end(ours: &OwnedFd) -> File {
    let name = ptsname(ours, Vec::new()).expect("a terminal has a name");
    let name = name.to_str().expect("/dev/pts/N is text");
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
    File::from(rustix::fs::open(name, flags, rustix::fs::Mode::empty()).expect("the terminal's other end"))
}
