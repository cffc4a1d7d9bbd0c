//! SIGINT and SIGTERM: the first asks the tool to stop, the second ends it at once.

use image_format::{Class, Failure};
use rustix::process::Signal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Has a signal asked us to stop? Clones hear the same signals.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicUsize>);

impl Interrupt {
    /// Listens for the signals of this process. Where that fails they end the process, as ever.
    pub(crate) fn listen() -> Interrupt {
        let interrupt = Interrupt::default();
        let again = Arc::new(AtomicBool::new(false));
        for signal in [Signal::INT, Signal::TERM].map(Signal::as_raw) {
            let number = usize::try_from(signal).unwrap_or(0);
            // in this order: the first signal finds `again` unset, sets it, and is noted
            let _ = signal_hook::flag::register_conditional_default(signal, again.clone())
                .and_then(|_| signal_hook::flag::register(signal, again.clone()))
                .and_then(|_| signal_hook::flag::register_usize(signal, interrupt.0.clone(), number));
        }
        interrupt
    }

    /// # Errors
    /// [`Class::Interrupted`] once a signal has come.
    pub fn check(&self) -> Result<(), Failure> {
        if self.0.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        Err(Failure::new(Class::Interrupted, "interrupted"))
    }

    /// The signal that came.
    pub(crate) fn signal(&self) -> Option<Signal> {
        let number = i32::try_from(self.0.load(Ordering::Relaxed)).ok()?;
        Signal::from_named_raw(number)
    }
}
