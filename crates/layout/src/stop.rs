//! Somebody may ask a layout's user to stop: while a lock is waited for, and as late as before an edit is written.

use image_format::{Class, Failure};
use std::fmt;
use std::sync::Arc;

/// Tells whether somebody has asked to stop; by default nobody ever does.
#[derive(Clone, Default)]
pub struct Stop(Option<Arc<dyn Fn() -> bool + Send + Sync>>);

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_never() { "Stop(never)" } else { "Stop" })
    }
}

impl Stop {
    /// Asks `stop` each time.
    pub fn when(stop: impl Fn() -> bool + Send + Sync + 'static) -> Stop {
        Stop(Some(Arc::new(stop)))
    }

    pub(crate) fn is_never(&self) -> bool {
        self.0.is_none()
    }

    /// # Errors
    /// [`Class::Interrupted`] once somebody has asked.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.0.as_ref().is_some_and(|stop| stop()) {
            return Err(Failure::new(Class::Interrupted, "interrupted"));
        }
        Ok(())
    }
}
