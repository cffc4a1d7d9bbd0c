//! What the stages are built on, and what each needs of the others.

mod link;

use std::collections::BTreeMap;

use link::{link, needs, triggers};

use crate::diagnostic::Diagnostic;
use crate::dockerfile::{Dockerfile, INSTRUCTION_LIMIT};
use crate::expansion::{Expander, Names};
use crate::instruction::Instruction;
use crate::platform::Platform;
use crate::scope::Scope;
use crate::span::{Span, Word};
use crate::stage::Stage;

/// The stages of a Dockerfile, linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    /// One for each stage of the Dockerfile, in its order.
    pub stages: Vec<LinkedStage>,
}

/// What a stage is built on, and from where it takes files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedStage {
    /// What it is built on.
    pub base: Place,
    /// `FROM`'s name with its variables expanded.
    pub base_name: Word,
    /// `--platform` with its variables expanded: a platform, and how it is written.
    pub platform: Option<(Platform, Word)>,
    /// What its `COPY --from` and `RUN --mount=from=` name, triggers of a stage it is built on first.
    pub needs: Vec<Need>,
    /// What the name named.
    pub(crate) base_names: Names,
    /// What the platform named.
    pub(crate) platform_names: Names,
}

/// Where files come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nothing.
    Scratch,
    /// The stage of this number.
    Stage(usize),
    /// An image, or a named context of the build.
    Image(String),
}

/// A stage takes files from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// From where.
    pub place: Place,
    /// Where the Dockerfile says so.
    pub span: Span,
}

/// The last stage of each name.
type StageNames = BTreeMap<String, usize>;

impl Graph {
    /// Links the stages of `dockerfile`, whose `FROM`s see `globals`.
    ///
    /// # Errors
    /// A name or a platform that is none once expanded, a stage that there is not, stages that need each other in a
    /// circle.
    pub fn new(dockerfile: &Dockerfile, globals: &Scope, expander: &Expander) -> Result<Graph, Diagnostic> {
        let mut stages: Vec<LinkedStage> = Vec::new();
        let names = names_of(dockerfile);
        let mut trigger_count = 0;
        for stage in &dockerfile.stages {
            let mut linked = link(stage, dockerfile, globals, expander)?;
            if let Place::Stage(base) = linked.base {
                let triggers = triggers(&dockerfile.stages[base]);
                trigger_count += triggers.len();
                if trigger_count > INSTRUCTION_LIMIT {
                    return Err(Diagnostic::new(
                        linked.base_name.span,
                        "too many ONBUILD triggers come together",
                    ));
                }
                for trigger in triggers {
                    linked.needs.extend(needs(trigger, dockerfile, &names)?);
                }
            }
            for step in &stage.steps {
                linked.needs.extend(needs(&step.instruction, dockerfile, &names)?);
            }
            stages.push(linked);
        }
        let graph = Graph { stages };
        graph.check_circles(dockerfile)?;
        Ok(graph)
    }

    /// The stages that `target` needs, in the order of the Dockerfile, which is one they can be built in. `target`
    /// is the last.
    ///
    /// # Errors
    /// One of them needs a stage that is defined after it.
    pub fn needed(&self, target: usize) -> Result<Vec<usize>, Diagnostic> {
        let mut is_needed = vec![false; target + 1];
        is_needed[target] = true;
        for stage in (0..=target).rev().filter(|stage| *stage < self.stages.len()) {
            if !is_needed[stage] {
                continue;
            }
            self.check_order(stage)?;
            for before in self.edges(stage).filter(|before| *before < stage) {
                is_needed[before] = true;
            }
        }
        Ok((0..=target).filter(|stage| is_needed[*stage]).collect())
    }

    /// # Errors
    /// The stage needs one that is defined after it.
    pub(crate) fn check_order(&self, stage: usize) -> Result<(), Diagnostic> {
        let is_later = |need: &&Need| matches!(need.place, Place::Stage(other) if other >= stage);
        match self.stages[stage].needs.iter().find(is_later) {
            Some(need) => Err(later(need.span)),
            None => Ok(()),
        }
    }

    fn edges(&self, stage: usize) -> impl Iterator<Item = usize> {
        let linked = &self.stages[stage];
        let places = std::iter::once(&linked.base).chain(linked.needs.iter().map(|need| &need.place));
        places.filter_map(|place| if let Place::Stage(other) = place { Some(*other) } else { None })
    }

    /// Follows all edges, with a stack of its own: each stage with the edges that are still to be followed.
    fn check_circles(&self, dockerfile: &Dockerfile) -> Result<(), Diagnostic> {
        let mut state = vec![State::New; self.stages.len()];
        for root in 0..self.stages.len() {
            let mut path = vec![(root, self.edges(root))];
            if state[root] != State::New {
                continue;
            }
            state[root] = State::OnPath;
            while let Some((stage, edges)) = path.last_mut() {
                match edges.next() {
                    None => {
                        state[*stage] = State::Done;
                        path.pop();
                    }
                    Some(next) if state[next] == State::OnPath => {
                        return Err(circle(&dockerfile.stages[next], self.stages[*stage].span_of(next)));
                    }
                    Some(next) if state[next] == State::New => {
                        state[next] = State::OnPath;
                        path.push((next, self.edges(next)));
                    }
                    Some(_) => {}
                }
            }
        }
        Ok(())
    }
}

impl Dockerfile {
    /// Where an instruction takes files from: one place for `COPY --from`, one for each `RUN --mount` that has a `from`, in
    /// their order. [`Graph`] knows those of the stages' own instructions; this is for the triggers of an image.
    ///
    /// # Errors
    /// A number that no stage has, a name that can name nothing, a variable in it.
    pub fn needs(&self, instruction: &Instruction) -> Result<Vec<Need>, Diagnostic> {
        needs(instruction, self, &names_of(self))
    }
}

fn names_of(dockerfile: &Dockerfile) -> StageNames {
    dockerfile.stages.iter().filter_map(|stage| Some((stage.name()?, stage.index))).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    OnPath,
    Done,
}

impl LinkedStage {
    fn span_of(&self, other: usize) -> Span {
        let need = self.needs.iter().find(|need| need.place == Place::Stage(other));
        need.map_or(self.base_name.span, |need| need.span)
    }
}

fn circle(stage: &Stage, span: Span) -> Diagnostic {
    let message = format!("circular dependency detected on stage: {}", stage.label());
    Diagnostic::new(span, message).expected("a stage that is defined before this one")
}

fn later(span: Span) -> Diagnostic {
    Diagnostic::new(span, "this stage needs to be defined before the one that uses it")
        .expected("a stage that is defined before this one")
}

#[cfg(test)]
mod tests;
