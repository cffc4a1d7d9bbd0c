//! Standard input: what it is, and reading it so that a signal is heard.

use crate::interrupt::Interrupt;
use crate::messages::Messages;
use image_format::{Class, Failure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;
use rustix::io::Errno;
use std::io::{self, Read};

/// How long a tool waits before it says what for, in seconds.
const SILENCE: i64 = 2;

/// Does somebody give us something on standard input? A terminal, `/dev/null` or a closed descriptor gives nothing.
pub(crate) fn is_given() -> bool {
    rustix::fs::fstat(rustix::stdio::stdin()).is_ok_and(|stat| {
        matches!(
            FileType::from_raw_mode(stat.st_mode),
            FileType::Fifo | FileType::Socket | FileType::RegularFile
        )
    })
}

/// Is there anything to read at all? False for a terminal and `/dev/null`.
pub(crate) fn is_data() -> bool {
    is_given()
        || rustix::fs::fstat(rustix::stdio::stdin())
            .is_ok_and(|stat| matches!(FileType::from_raw_mode(stat.st_mode), FileType::BlockDevice))
}

/// Standard input, unbuffered. A read ends with [`Class::Interrupted`] once a signal has asked us to stop.
#[derive(Debug)]
pub struct Stdin {
    interrupt: Interrupt,
    /// Says what is waited for, once.
    notice: Option<(Messages, &'static str)>,
    /// Did the last read find nothing there at first?
    pub(crate) waited: bool,
}

impl Stdin {
    /// `what` is waited for: said after 2 s, if standard error is a terminal.
    pub(crate) fn new(interrupt: Interrupt, messages: Messages, what: &'static str) -> Stdin {
        Stdin { interrupt, notice: Some((messages, what)), waited: false }
    }

    fn wait(&mut self) -> io::Result<()> {
        let mut seconds = 0;
        self.waited = false;
        loop {
            self.interrupt.check()?;
            let stdin = rustix::stdio::stdin();
            let mut wanted = [PollFd::new(&stdin, PollFlags::IN)];
            let timeout = Timespec { tv_sec: i64::from(self.waited), tv_nsec: 0 };
            match poll(&mut wanted, Some(&timeout)) {
                Ok(0) if self.waited => seconds += 1,
                Ok(0) => self.waited = true,
                // a signal may have come together with the end
                Ok(_) => return Ok(self.interrupt.check()?),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            if seconds == SILENCE
                && let Some((messages, what)) = self.notice.take()
            {
                messages.on_terminal(format_args!("waiting for {what} on standard input"));
            }
        }
    }
}

/// Data that must be there: where nothing comes, what was to write it has failed.
#[derive(Debug)]
pub(crate) struct NotEmpty<R> {
    source: R,
    begun: bool,
}

impl<R> NotEmpty<R> {
    pub(crate) fn new(source: R) -> NotEmpty<R> {
        NotEmpty { source, begun: false }
    }
}

impl<R: Read> Read for NotEmpty<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        if count == 0 && !self.begun && !buffer.is_empty() {
            let empty = Failure::new(Class::NotFound, "empty input");
            return Err(empty.with_hint("did the command before the pipe fail?").into());
        }
        self.begun = true;
        Ok(count)
    }
}

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.wait()?;
            match rustix::io::read(rustix::stdio::stdin(), &mut *buffer) {
                Ok(count) => {
                    self.notice = None;
                    return Ok(count);
                }
                Err(Errno::INTR) => {}
                Err(error) => {
                    let failure = Failure::io("standard input", error.into());
                    return Err(if failure.class() == Class::NotFound {
                        Failure::new(Class::Failed, failure).into()
                    } else {
                        failure.into()
                    });
                }
            }
        }
    }
}
