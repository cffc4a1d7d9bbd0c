//! Which stages a target needs, and what they are linked to.

use crate::copy::check_stays_inside;
use crate::layer_limit;
use crate::options::Options;
use dockerfile::{
    Diagnostic, Dockerfile, Expander, Graph, Instruction, Origin, PlatformArgs, Scope, Span, Word,
};
use image_format::Platform;

/// The stages of one platform's build.
pub(crate) struct Plan {
    /// The variables that `FROM` sees.
    pub(crate) globals: Scope,
    /// All stages, linked.
    pub(crate) graph: Graph,
    /// The number of the stage whose image is wanted.
    pub(crate) target: usize,
    /// The stages that it needs, itself too, in an order that they can be built in.
    pub(crate) needed: Vec<usize>,
    /// Expands words; its clones share their budget.
    pub(crate) expander: Expander,
}

impl Plan {
    /// The plan for the target that `options` name, or the last stage.
    ///
    /// # Errors
    /// There is no such target; the stages cannot be linked; one of them has what cannot be carried out.
    pub(crate) fn new(
        dockerfile: &Dockerfile,
        options: &Options,
        platform: &Platform,
    ) -> Result<Plan, Diagnostic> {
        let target = match &options.target {
            None => dockerfile.stages.len() - 1,
            Some(name) => dockerfile.stage(name).ok_or_else(|| no_target(dockerfile, name))?.index,
        };
        let stage = match &options.target {
            Some(name) => name.clone(),
            None => dockerfile.stages[target].name().unwrap_or_default(),
        };
        let expander = Expander::new(dockerfile.directives.escape);
        let [build, wanted] = [&options.build_platform, platform].map(platform_args);
        let mut globals = Scope::global(&build, &wanted, &stage, &options.build_args);
        for step in &dockerfile.global_args {
            globals.declare_global(&step.instruction, &options.build_args, &expander)?;
        }
        let graph = Graph::new(dockerfile, &globals, &expander)?;
        let needed = graph.needed(target)?;
        for stage in &needed {
            let steps = &dockerfile.stages[*stage].steps;
            if let Some(step) = steps.iter().find(|step| matches!(step.instruction, Instruction::Run(_))) {
                return Err(no_run(step.name.span));
            }
            steps.iter().try_for_each(|step| check_sources(&step.instruction))?;
        }
        layer_limit::check(dockerfile, options, &graph, &needed)?;
        Ok(Plan { globals, graph, target, needed, expander })
    }
}

/// What is wrong with sources in the context as they are written; what becomes of their variables is seen later.
fn check_sources(instruction: &Instruction) -> Result<(), Diagnostic> {
    let paths = match instruction {
        Instruction::Copy(copy) if copy.from.is_none() => &copy.sources.paths,
        Instruction::Add(add) => &add.sources.paths,
        _ => return Ok(()),
    };
    let means_itself = |path: &&Word| !path.contains(['$', '\\', '`', '"', '\'']);
    let is_local = |path: &&Word| matches!(Origin::of(path), Origin::Local);
    paths.iter().filter(means_itself).filter(is_local).try_for_each(check_stays_inside)
}

/// `RUN` cannot be carried out.
pub(crate) fn no_run(span: Span) -> Diagnostic {
    Diagnostic::new(span, "RUN needs containers: they come with oci-run, which does not exist yet")
        .hint("COPY and ADD the files, or build the stage elsewhere and name its image in FROM")
}

fn no_target(dockerfile: &Dockerfile, name: &str) -> Diagnostic {
    let names: Vec<String> = dockerfile.stages.iter().filter_map(dockerfile::Stage::name).collect();
    let known = if names.is_empty() { "no stage has a name".to_owned() } else { names.join(", ") };
    let last = dockerfile.stages.last().map_or_else(Span::default, |stage| stage.from.span);
    Diagnostic::new(last, format!("target stage {name:?} could not be found"))
        .hint(format!("--target takes a stage's name or number; stages: {known}"))
}

pub(crate) fn platform_args(platform: &Platform) -> PlatformArgs {
    PlatformArgs {
        os: platform.os.clone(),
        os_version: String::new(),
        architecture: platform.architecture.clone(),
        variant: variant(platform).unwrap_or_default(),
    }
}

/// As containerd normalises: arm64 is v8 without saying so.
fn variant(platform: &Platform) -> Option<String> {
    let variant = platform.variant.clone()?;
    (platform.architecture != "arm64" || variant != "v8").then_some(variant)
}
