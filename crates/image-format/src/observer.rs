//! Who hears how a long piece of work gets on, and may end it: a transfer, a tree that is made of layers, an archive.

use crate::Failure;
use std::fmt;

/// Hears of progress, from several threads. Nothing has to be heard.
pub trait Observer: Sync {
    /// `bytes` bytes are to be done altogether. Said again where it turns out to be another number: a blob has to be
    /// sent again, or need not be sent at all.
    fn expect(&self, bytes: u64) {
        let _ = bytes;
    }

    /// `bytes` more are done; 0 only asks whether to go on. Asked at every buffer.
    ///
    /// # Errors
    /// Whatever shall end the work, which returns it: [`crate::Class::Interrupted`] after a signal.
    fn advance(&self, bytes: u64) -> Result<(), Failure> {
        let _ = bytes;
        Ok(())
    }

    /// Something cannot be kept as it is, and the work goes on without it: a sentence for the user. Each kind of them
    /// is said once.
    fn note(&self, note: &dyn fmt::Display) {
        let _ = note;
    }
}

/// Hears nothing and never ends anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}
