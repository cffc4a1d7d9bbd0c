//! A tool from its first argument to its exit status.

use crate::clock::Clock;
use crate::env::Environment;
use crate::error::Error;
use crate::exit::{self, End};
use crate::interrupt::Interrupt;
use crate::io::Io;
use crate::manual;
use crate::messages::{Level, Messages};
use crate::output::{Output, RecordOptions};
use crate::progress::ProgressForm;
use crate::usage;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, Parser};
use image_format::Class;
use std::ffi::OsString;
use std::process::ExitCode;

/// A tool's two entries: `main(args)`, which runs it, and `command()`, its options, for `oci`.
///
/// `$args` is its `clap::Parser`, `$run` its `fn($args, &mut Io) -> Result<(), Error>`.
#[macro_export]
macro_rules! tool {
    ($args:ty, $run:expr) => {
        /// Runs the tool; `args` begin with its name.
        pub fn main(args: impl Iterator<Item = std::ffi::OsString>) -> std::process::ExitCode {
            $crate::run(args, $run)
        }

        /// The tool's options.
        pub fn command() -> $crate::Command {
            <$args as $crate::CommandFactory>::command()
        }
    };
}

/// Runs a tool: reads its arguments, calls it, prints its error, and returns what it ends with.
///
/// `args` begin with the program's name. A reader of our output that is gone, or a signal, ends the process as if it
/// had not been caught, after all that the tool held was dropped.
pub fn run<A: Parser>(
    args: impl IntoIterator<Item = OsString>,
    tool: fn(A, &mut Io) -> Result<(), Error>,
) -> ExitCode {
    crate::sys::return_big_blocks();
    let command = manual::complete(A::command());
    let name = command.get_name().to_owned();
    let matches = match command.clone().arg(manual::option()).try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) => return end(print_help(&name, &command, &error), None),
    };
    if let Some(form) = matches.get_one::<String>(manual::GENERATE) {
        let mut output = Output::new(RecordOptions::default());
        let result = manual::generate(command, form)
            .and_then(|text| output.bytes(&text))
            .and_then(|()| output.flush());
        return end(finish(output, &Messages::new(&name, Level::Normal), result), None);
    }
    crate::files::allow_many_files();
    let interrupt = Interrupt::listen();
    let ending = call(&name, &matches, &interrupt, tool);
    end(ending, interrupt.signal())
}

fn call<A: Parser>(
    name: &str,
    matches: &ArgMatches,
    interrupt: &Interrupt,
    tool: fn(A, &mut Io) -> Result<(), Error>,
) -> Option<Class> {
    let messages = Messages::new(name, level(matches));
    let verbose = matches.try_get_one::<u8>("verbose").ok().flatten().copied();
    crate::logger::listen(&messages, verbose.unwrap_or(0));
    let environment = Environment::of_process();
    let (args, clock) = match A::from_arg_matches(matches)
        .map_err(crate::error::usage)
        .and_then(|args| Ok((args, Clock::new(&environment)?)))
    {
        Ok(both) => both,
        Err(error) => {
            messages.error(&error);
            return Some(error.class());
        }
    };
    let records = RecordOptions { json: flag(matches, "json"), null: flag(matches, "null") };
    let progress = matches.try_get_one::<ProgressForm>("progress").ok().flatten().copied();
    let mut io = Io {
        tool: name.to_owned(),
        environment,
        clock,
        output: Output::new(records),
        messages: messages.clone(),
        records,
        progress: progress.unwrap_or_default(),
        interrupt: interrupt.clone(),
        stdin_taken: false,
    };
    let result = tool(args, &mut io);
    finish(io.output, &messages, result)
}

/// What a tool wrote before it failed is written out; what nobody reads any more is not.
fn finish(mut output: Output, messages: &Messages, result: Result<(), Error>) -> Option<Class> {
    let gone = result.as_ref().is_err_and(|error| error.class() == Class::BrokenPipe);
    let result = if gone {
        result
    } else {
        let flushed = output.flush();
        result.and(flushed)
    };
    if result.is_err() {
        output.abandon();
    }
    let error = result.err()?;
    messages.error(&error);
    Some(error.class())
}

/// Help and version go to standard output and are no error; the rest is a usage error in our own form.
fn print_help(name: &str, command: &Command, error: &clap::Error) -> Option<Class> {
    let messages = Messages::new(name, Level::Normal);
    if error.use_stderr() {
        messages.error(&usage::error(command, error));
        return Some(Class::Usage);
    }
    let mut output = Output::new(RecordOptions::default());
    let result = output.bytes(error.render().to_string().as_bytes());
    finish(output, &messages, result)
}

/// The later of `-q` and `-v` says it.
fn level(matches: &ArgMatches) -> Level {
    match (place(matches, "quiet"), place(matches, "verbose")) {
        (None, None) => Level::Normal,
        (quiet, verbose) if quiet > verbose => Level::Quiet,
        _ => Level::Verbose,
    }
}

/// Where an option was last written; `None` where it was not, or where the tool has none of that name.
fn place(matches: &ArgMatches, id: &str) -> Option<usize> {
    let known = matches.try_contains_id(id).unwrap_or(false);
    let written = known && matches.value_source(id) == Some(ValueSource::CommandLine);
    written.then(|| matches.indices_of(id)?.next_back()).flatten()
}

/// False too where the tool has no such option.
fn flag(matches: &ArgMatches, id: &str) -> bool {
    matches.try_get_one::<bool>(id).ok().flatten().copied().unwrap_or(false)
}

fn end(failure: Option<Class>, caught: Option<rustix::process::Signal>) -> ExitCode {
    match failure.map(|class| exit::of(class, caught)) {
        None => ExitCode::SUCCESS,
        Some(End::Status(status)) => ExitCode::from(status),
        Some(End::Signal(signal)) => {
            // ends the process; where it cannot, the status is what a shell would have seen
            let _ = signal_hook::low_level::emulate_default_handler(signal.as_raw());
            ExitCode::from(u8::try_from(128 + signal.as_raw()).unwrap_or(1))
        }
    }
}
