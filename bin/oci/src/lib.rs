//! `oci`: all tools in one program.
#![forbid(unsafe_code)]

use cli::{Command, Error, Io};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  oci                               # all tools, a line each
  oci pull debian:bookworm          # oci-pull debian:bookworm
  oci help pull                     # oci-pull --help
  ln -s oci oci-pull                # called by a tool's name, it is that tool";

type Arguments = std::vec::IntoIter<OsString>;

/// A verb, and what its tool is and does.
struct Tool {
    verb: &'static str,
    main: fn(Arguments) -> ExitCode,
    command: fn() -> Command,
}

macro_rules! tools {
    ($($verb:literal $tool:ident,)*) => {
        /// All of them, in the order of the list: images come, are made, looked at, and go.
        const TOOLS: &[Tool] = &[
            $(Tool { verb: $verb, main: |arguments| $tool::main(arguments), command: $tool::command },)*
        ];
    };
}

tools! {
    "pull" oci_pull,
    "push" oci_push,
    "copy" oci_copy,
    "import" oci_import,
    "export" oci_export,
    "build" oci_build,
    "tag" oci_tag,
    "config" oci_config,
    "commit" oci_commit,
    "index" oci_index,
    "images" oci_images,
    "inspect" oci_inspect,
    "blame" oci_blame,
    "history" oci_history,
    "diff" oci_diff,
    "unpack" oci_unpack,
    "rmi" oci_rmi,
    "gc" oci_gc,
    "fsck" oci_fsck,
    "serve" oci_serve,
}

/// Run one of the tools by its verb
///
/// oci VERB is oci-VERB: it takes the same operands and options and ends with the same status. Without a verb, all
/// tools are listed, a line each.
#[derive(clap::Args)]
struct Args {}

impl clap::CommandFactory for Args {
    fn command() -> Command {
        let verbs = TOOLS
            .iter()
            .map(|tool| (tool.command)().name(tool.verb).display_name(format!("oci-{}", tool.verb)));
        <Args as clap::Args>::augment_args(Command::new("oci"))
            .after_long_help(EXAMPLES)
            .subcommand_value_name("VERB")
            .subcommand_help_heading("Tools")
            .disable_help_subcommand(true)
            .subcommands(verbs)
    }

    fn command_for_update() -> Command {
        <Args as clap::CommandFactory>::command()
    }
}

impl clap::Parser for Args {}

/// Runs the tool whose verb or name is asked for; `args` begin with the program's name.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let mut args: Vec<OsString> = args.collect();
    if let Some((tool, rest)) = chosen(&args) {
        return (tool.main)(rest.into_iter());
    }
    if args.get(1).is_some_and(|verb| verb == "help") {
        args.remove(1);
    }
    cli::run(args, run)
}

/// The tool that is asked for, and its arguments: by the program's own name, `VERB …` or `help VERB`.
fn chosen(args: &[OsString]) -> Option<(&'static Tool, Vec<OsString>)> {
    let tool = |verb: &OsStr| TOOLS.iter().find(|tool| verb == tool.verb);
    let program = Path::new(args.first()?).file_name().and_then(OsStr::to_str).unwrap_or_default();
    // whatever else the program was renamed to, it is still this one
    let called = program.strip_prefix("oci-").and_then(|verb| tool(verb.as_ref()));
    let (tool, rest) = match called {
        Some(tool) => (tool, args[1..].to_vec()),
        None if args.get(1)? == "help" => (tool(args.get(2)?)?, vec!["--help".into()]),
        None => (tool(args.get(1)?)?, args[2..].to_vec()),
    };
    let name = OsString::from(format!("oci-{}", tool.verb));
    Some((tool, std::iter::once(name).chain(rest).collect()))
}

fn run(_: Args, io: &mut Io) -> Result<(), Error> {
    TOOLS.iter().try_for_each(|tool| {
        let about = (tool.command)().get_about().map(ToString::to_string).unwrap_or_default();
        io.output().record(format!("oci-{:<10}{about}", tool.verb).as_bytes())
    })
}
