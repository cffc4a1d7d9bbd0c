//! Stages side by side: each begins when those that it needs are done.

use crate::error::Error;
use crate::stages::Stages;
use dockerfile::Place;
use image_format::{Class, Failure};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc;
use std::thread;

/// As many stages at once: each compresses with threads of its own, in memory of its own.
const SIDE_BY_SIDE: usize = 2;

/// Carries out all stages that the target needs.
///
/// # Errors
/// The first; stages that have begun are waited for.
pub(crate) fn run(stages: &Stages<'_>) -> Result<(), Error> {
    let most = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(SIDE_BY_SIDE);
    let mut waiting: BTreeSet<usize> = stages.plan.needed.iter().copied().collect();
    if most == 1 || waiting.len() == 1 {
        return waiting.into_iter().try_for_each(|index| one(stages, index));
    }
    let (ends, ended) = mpsc::channel();
    thread::scope(|scope| {
        let (mut running, mut result) = (0, Ok(()));
        loop {
            while result.is_ok() && running < most {
                let Some(index) = waiting.iter().copied().find(|index| is_ready(stages, *index)) else {
                    break;
                };
                waiting.remove(&index);
                running += 1;
                let ends = ends.clone();
                scope.spawn(move || ends.send(guarded(stages, index)));
            }
            if running == 0 {
                return result;
            }
            if let Ok(end) = ended.recv() {
                running -= 1;
                result = result.and(end);
            }
        }
    })
}

/// Whoever waits for it hears of the end of a stage even where that is a panic, which has been printed.
fn guarded(stages: &Stages<'_>, index: usize) -> Result<(), Error> {
    let end = std::panic::catch_unwind(AssertUnwindSafe(|| one(stages, index)));
    end.unwrap_or_else(|_| Err(Failure::new(Class::Failed, "the thread of a stage has ended").into()))
}

fn one(stages: &Stages<'_>, index: usize) -> Result<(), Error> {
    let draft = stages.carry_out(index)?;
    let _ = stages.done[index].set(draft);
    Ok(())
}

fn is_ready(stages: &Stages<'_>, index: usize) -> bool {
    let linked = &stages.plan.graph.stages[index];
    let needs = linked.needs.iter().map(|need| &need.place).chain([&linked.base]);
    needs.into_iter().all(|place| match place {
        Place::Stage(other) => stages.done[*other].get().is_some(),
        Place::Scratch | Place::Image(_) => true,
    })
}
