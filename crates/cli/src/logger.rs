//! What the libraries log: their warnings are the tool's, their steps are shown with `-vv`.

use crate::messages::Messages;
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::sync::OnceLock;

struct Logger;

static MESSAGES: OnceLock<Messages> = OnceLock::new();

/// Shows warnings from now on; what is tried again if `verbose` is one, and every step if it is more.
pub(crate) fn listen(messages: &Messages, verbose: u8) {
    // one tool a process: a second call changes nothing
    if MESSAGES.set(messages.clone()).is_ok() && log::set_logger(&Logger).is_ok() {
        log::set_max_level(match verbose {
            0 => LevelFilter::Warn,
            1 => LevelFilter::Info,
            _ => LevelFilter::Debug,
        });
    }
}

impl Log for Logger {
    /// Only our own crates: those below them say what they mean by their errors.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("ociutils_")
    }

    fn log(&self, record: &Record<'_>) {
        let Some(messages) = MESSAGES.get().filter(|_| self.enabled(record.metadata())) else { return };
        match record.level() {
            Level::Error | Level::Warn => messages.warn(record.args()),
            Level::Info | Level::Debug | Level::Trace => messages.note(record.args()),
        }
    }

    fn flush(&self) {}
}
