//! How much work the expansions of one Dockerfile may be.

use std::cell::Cell;

use super::ExpansionError;

/// Bytes written and pattern steps taken by all expansions of one [`super::Expander`]: a second or two of time.
const WORK_LIMIT: usize = 1 << 28;

/// What is left to spend.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    left: Cell<usize>,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget::of(WORK_LIMIT)
    }
}

impl Budget {
    pub(super) fn of(work: usize) -> Budget {
        Budget { left: Cell::new(work) }
    }

    pub(super) fn spend(&self, work: usize) -> Result<(), ExpansionError> {
        let left = self.left.get().checked_sub(work);
        let spent = || ExpansionError("the variables of this Dockerfile take too much work to expand".into());
        self.left.set(left.ok_or_else(spent)?);
        Ok(())
    }
}
