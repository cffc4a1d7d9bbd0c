//! SIGINT, SIGTERM and SIGHUP: the first asks the tool to stop, the second ends it at once.

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
        // nohup starts us with it ignored, and whoever catches it would not outlive the terminal
        let hangup = (!is_ignored(Signal::HUP)).then_some(Signal::HUP);
        for signal in [Signal::INT, Signal::TERM].into_iter().chain(hangup).map(Signal::as_raw) {
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

/// Is this signal ignored, as it was when the process began? So too where nothing says so: then it is left as it is.
fn is_ignored(signal: Signal) -> bool {
    std::fs::read_to_string("/proc/self/status").map_or(true, |status| ignores(&status, signal))
}

/// proc(5), "SigIgn": a mask in hexadecimal, whose lowest bit is signal 1.
fn ignores(status: &str, signal: Signal) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask >> (signal.as_raw() - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_signals_are_ignored_is_told_by_their_bits() {
        let status = "Name:\toci\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001001\n";
        assert!(ignores(status, Signal::HUP) && ignores(status, Signal::PIPE));
        assert!(!ignores(status, Signal::INT) && !ignores(status, Signal::TERM));
        assert!(ignores("Name:\toci\n", Signal::HUP));
    }
}
