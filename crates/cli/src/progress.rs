//! Progress of a transfer on standard error: a bar on a terminal, or lines for a log.
//!
//! Of the processes that share a terminal one shows a bar: the one that holds a lock on the terminal, *opened again*
//! (an inherited descriptor would share its lock with the others). The lock is tried at each redraw, so that the bar
//! passes on.

use crate::interrupt::Interrupt;
use crate::messages::Messages;
use crate::size::human_size;
use image_format::{Failure, Observer};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the bar is drawn anew.
const PER_SECOND: u8 = 10;
/// How often a line is written to a log.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// `--progress`, for every tool that moves blobs.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct ProgressOption {
    /// auto (a bar on a terminal), plain or json lines, none
    #[arg(
        long,
        value_enum,
        value_name = "FORM",
        default_value = "auto",
        help_heading = "Messages",
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub progress: ProgressForm,
}

/// The form of progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ProgressForm {
    /// A bar on a terminal, nothing elsewhere.
    #[default]
    Auto,
    /// A line every five seconds.
    Plain,
    /// A JSON object every five seconds.
    Json,
    /// Nothing.
    None,
}

/// What is done so far, and what of it cannot be kept. Threads share it.
#[derive(Debug)]
pub struct Progress {
    show: Show,
    done: AtomicU64,
    /// 0 while it is not known.
    total: AtomicU64,
    messages: Messages,
    interrupt: Interrupt,
    /// Are steps told?
    tells: bool,
}

#[derive(Debug)]
enum Show {
    Nothing,
    Bar(ProgressBar),
    Lines { json: bool, last: Mutex<Instant> },
}

impl Progress {
    pub(crate) fn new(form: ProgressForm, messages: &Messages, interrupt: &Interrupt) -> Progress {
        let show = match form {
            _ if messages.is_quiet() => Show::Nothing,
            ProgressForm::None => Show::Nothing,
            ProgressForm::Auto if messages.is_terminal() => bar().map_or(Show::Nothing, Show::Bar),
            ProgressForm::Auto => Show::Nothing,
            ProgressForm::Plain | ProgressForm::Json => {
                Show::Lines { json: form == ProgressForm::Json, last: Mutex::new(Instant::now()) }
            }
        };
        let (messages, interrupt) = (messages.clone(), interrupt.clone());
        let tells = !matches!(form, ProgressForm::None);
        Progress { show, done: AtomicU64::new(0), total: AtomicU64::new(0), messages, interrupt, tells }
    }

    /// Tells of a step that was done, above the bar where there is one: `text`, or with `--progress json` the object.
    pub fn step(&self, text: impl fmt::Display, object: &impl serde::Serialize) {
        match &self.show {
            _ if !self.tells => {}
            Show::Lines { json: true, .. } => {
                self.messages.say(serde_json::to_string(object).unwrap_or_default());
            }
            Show::Bar(bar) => bar.suspend(|| self.messages.say(text)),
            Show::Nothing | Show::Lines { json: false, .. } => self.messages.say(text),
        }
    }

    fn line(&self, json: bool) -> String {
        match (json, self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed)) {
            (true, done, 0) => format!("{{\"bytes\":{done}}}"),
            (true, done, total) => format!("{{\"bytes\":{done},\"total\":{total}}}"),
            (false, done, 0) => human_size(done),
            (false, done, total) => format!("{} of {}", human_size(done), human_size(total)),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        match &self.show {
            Show::Nothing => {}
            Show::Bar(bar) => bar.finish_and_clear(),
            Show::Lines { json, .. } => self.messages.say(self.line(*json)),
        }
    }
}

impl Observer for Progress {
    fn expect(&self, bytes: u64) {
        self.total.store(bytes, Ordering::Relaxed);
        if let Show::Bar(bar) = &self.show {
            bar.set_style(style(true));
            bar.set_length(bytes);
            // a stall may come next, and its bar says of how much it is
            bar.force_draw();
        }
    }

    fn advance(&self, bytes: u64) -> Result<(), Failure> {
        self.interrupt.check()?;
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        match &self.show {
            Show::Nothing => {}
            Show::Bar(bar) => bar.set_position(done),
            Show::Lines { json, last } => {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                if last.elapsed() >= LINE_EVERY {
                    *last = Instant::now();
                    self.messages.say(self.line(*json));
                }
            }
        }
        Ok(())
    }

    fn note(&self, note: &dyn fmt::Display) {
        self.messages.warn(note);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Show::Bar(bar) = &self.show {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> Option<ProgressBar> {
    let terminal = SharedTerminal::open().ok()?;
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(terminal), PER_SECOND);
    Some(ProgressBar::with_draw_target(None, target).with_style(style(false)))
}

fn style(sized: bool) -> ProgressStyle {
    let template = if sized {
        "{bar:30} {decimal_bytes}/{decimal_total_bytes}  {eta}"
    } else {
        "{decimal_bytes}  {elapsed}"
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// The terminal of standard error, opened again, so that its lock is this process's own.
#[derive(Debug, Clone)]
struct SharedTerminal {
    file: Arc<File>,
    line: Arc<Mutex<Vec<u8>>>,
}

impl SharedTerminal {
    fn open() -> io::Result<SharedTerminal> {
        use rustix::fs::{Mode, OFlags};
        let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open("/proc/self/fd/2", flags, Mode::empty())?);
        Ok(SharedTerminal { file: Arc::new(file), line: Arc::default() })
    }

    fn put(&self, text: &[u8]) {
        self.line.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(text);
    }
}

impl TermLike for SharedTerminal {
    fn width(&self) -> u16 {
        rustix::termios::tcgetwinsize(&*self.file).map_or(80, |size| size.ws_col)
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        if lines > 0 {
            self.put(format!("\x1b[{lines}A").as_bytes());
        }
        Ok(())
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        if lines > 0 {
            self.put(format!("\x1b[{lines}B").as_bytes());
        }
        Ok(())
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        if columns > 0 {
            self.put(format!("\x1b[{columns}C").as_bytes());
        }
        Ok(())
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        if columns > 0 {
            self.put(format!("\x1b[{columns}D").as_bytes());
        }
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.put(text.as_bytes());
        self.put(b"\r\n");
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.put(text.as_bytes());
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.put(b"\r\x1b[2K");
        Ok(())
    }

    /// Only the holder of the lock draws; a lock that is ours is taken again at no cost.
    fn flush(&self) -> io::Result<()> {
        let line = std::mem::take(&mut *self.line.lock().unwrap_or_else(PoisonError::into_inner));
        if self.file.try_lock().is_ok() { (&*self.file).write_all(&line) } else { Ok(()) }
    }
}
