//! The Dockerfile language: text becomes instructions with positions, instructions become stages, and variables
//! become their values. No I/O, and no other crate of ours: what an instruction does to an image is `build`'s.
//!
//! The [public reference](https://docs.docker.com/reference/dockerfile/) says what the language is; where it is
//! silent,
//! BuildKit's behaviour decides, and tests/peers compares the two.
//!
//! - [`Dockerfile::parse`] gives [`Stage`]s of [`Step`]s, each an [`Instruction`] with all its flags, or a
//!   [`Diagnostic`] that marks the place that is wrong.
//! - [`Scope`] holds the variables that an instruction sees; [`Graph`] links the stages; [`Step::expand`] gives the
//!   instruction as it is to be carried out.
//! - [`Dockerfile::lint`] applies BuildKit's build checks.
//! - [`recover()`] makes instructions of an image's history.
//! - [`Ignore`] and [`Wildcard`] say which files of a context are meant.
//!
//! ```
//! use ociutils_dockerfile::{BuildArgs, Dockerfile, Expander, Graph, Instruction, Place, PlatformArgs, Scope};
//!
//! let dockerfile = Dockerfile::parse("ARG version=12\nFROM debian:$version\nENV a=1\nCOPY $a /$a/\n")?;
//! let (linux, given) = (PlatformArgs { os: "linux".into(), ..PlatformArgs::default() }, BuildArgs::new());
//! let expander = Expander::new(dockerfile.directives.escape);
//! let mut globals = Scope::global(&linux, &linux, "", &given);
//! for step in &dockerfile.global_args {
//!     globals.declare_global(&step.instruction, &given, &expander)?;
//! }
//! let graph = Graph::new(&dockerfile, &globals, &expander)?;
//! assert_eq!(graph.stages[0].base, Place::Image("debian:12".into()));
//!
//! let mut scope = Scope::of_image([], "linux");
//! for step in &dockerfile.stages[0].steps {
//!     match step.expand(&expander, &scope)?.instruction {
//!         Instruction::Arg(arg) => drop(scope.declare(&arg, &globals, &given, &expander)?),
//!         Instruction::Env(pairs) => pairs.iter().for_each(|p| scope.set(&p.name, p.value.text.clone())),
//!         Instruction::Copy(copy) => assert_eq!(copy.sources.destination.text, "/1/"),
//!         _ => {}
//!     }
//! }
//! # Ok::<(), ociutils_dockerfile::Diagnostic>(())
//! ```
//!
//! # Limitations
//! - Only Linux: paths, signals and `PATH` are its.
//! - `# syntax=` is read and never followed: there is this one frontend.
//! - Everything is bounded: [`TEXT_LIMIT`], [`CODE_LIMIT`], [`INSTRUCTION_LIMIT`], [`STAGE_LIMIT`], [`GROWTH_LIMIT`],
//!   [`DEPTH_LIMIT`].
#![forbid(unsafe_code)]

mod chmod;
mod diagnostic;
mod directive;
mod dockerfile;
mod expand;
mod expansion;
mod flag;
mod git_source;
mod glob;
mod graph;
mod heredoc;
mod ignore;
mod instruction;
mod json;
mod keyword;
mod line;
mod lint;
mod origin;
mod platform;
mod quote;
mod reader;
mod recover;
mod reference;
mod scope;
mod span;
mod stage;
mod statement;
mod step;
mod suggestion;
mod wildcard;
mod word;

pub use chmod::Chmod;
pub use diagnostic::Diagnostic;
pub use directive::Directives;
pub use dockerfile::{Dockerfile, INSTRUCTION_LIMIT, STAGE_LIMIT, TEXT_LIMIT};
pub use expand::Expanded;
pub use expansion::{DEPTH_LIMIT, Expander, ExpansionError, GROWTH_LIMIT, Names, Variables};
pub use git_source::GitSource;
pub use graph::{Graph, LinkedStage, Need, Place};
pub use heredoc::Heredoc;
pub use ignore::{Ignore, IgnorePattern, ParentMatches};
pub use instruction::{
    Add, Alias, Arg, CommandLine, Copy, Declaration, Document, Expose, From, Healthcheck, Instruction, Mount,
    MountFlag, MountKind, Network, Onbuild, Port, Run, Script, Security, Sharing, Sources, is_signal,
};
pub use keyword::Keyword;
pub use lint::{BaseImage, Lint, LintConfig, LintInput, RULES, Rule, Warning, ignored_source};
pub use origin::Origin;
pub use platform::Platform;
pub use quote::{quoted, quoted_list};
pub use reader::CODE_LIMIT;
pub use recover::{Outcome, Page, Recorded, Recovered, recover};
pub use reference::is_reference;
pub use scope::{ArgValue, BuildArgs, DEFAULT_PATH, Declared, PROXY_ARGS, PlatformArgs, Scope, is_proxy_arg};
pub use span::{Span, Word, line_of};
pub use stage::Stage;
pub use statement::Pair;
pub use step::Step;
pub use suggestion::nearest;
pub use wildcard::{Wildcard, cleaned};
