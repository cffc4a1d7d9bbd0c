//! How much work the expansions of one Dockerfile may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::ExpansionError;

/// Bytes written and pattern steps taken by all expansions of one [`super::Expander`]: a second or two of time.
const WORK_LIMIT: usize = 1 << 28;

/// What is left to spend. Clones share it: stages are built side by side.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    left: Arc<AtomicUsize>,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget::of(WORK_LIMIT)
    }
}

impl Budget {
    pub(super) fn of(work: usize) -> Budget {
        Budget { left: Arc::new(AtomicUsize::new(work)) }
    }

    pub(super) fn spend(&self, work: usize) -> Result<(), ExpansionError> {
        let less = |left: usize| left.checked_sub(work);
        let spent =
            |_| ExpansionError("the variables of this Dockerfile take too much work to expand".into());
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).map(drop).map_err(spent)
    }
}
