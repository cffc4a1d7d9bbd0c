//! A wrong command line, said in our own form: one line and a hint.

use crate::error::Error;
use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Verbs of docker and others, and the tools that do so here.
const OF_OTHERS: [(&str, &str); 14] = [
    ("list", "images"),
    ("ls", "images"),
    ("save", "export"),
    ("load", "import"),
    ("rm", "rmi"),
    ("remove", "rmi"),
    ("delete", "rmi"),
    ("prune", "gc"),
    ("cp", "copy"),
    ("manifest", "index"),
    ("create", "index"),
    ("show", "inspect"),
    ("validate", "fsck"),
    ("mutate", "config"),
];

/// Options that docker has for the verb, and what to do without them.
const OPTIONS_OF_OTHERS: [(&str, &str, &str); 15] = [
    ("oci-build", "--secret", "secrets are for RUN, which comes later"),
    ("oci-build", "--ssh", "ssh agents are for RUN, which comes later"),
    ("oci-build", "--network", "networks are for RUN, which comes later"),
    ("oci-build", "--add-host", "hosts are for RUN, which comes later"),
    ("oci-build", "--shm-size", "memory is for RUN, which comes later"),
    ("oci-build", "--ulimit", "limits are for RUN, which comes later"),
    ("oci-build", "--push", "pipe the image on: oci-build -t NAME CONTEXT | oci-push"),
    ("oci-build", "--load", "pipe the image on: oci-build -t NAME CONTEXT | oci-export | docker load"),
    ("oci-build", "--output", "pipe the image on: oci-build CONTEXT | oci-export -o FILE"),
    ("oci-build", "-o", "pipe the image on: oci-build CONTEXT | oci-export -o FILE"),
    ("oci-build", "--squash", "one layer of all: FROM scratch, then COPY --from=STAGE / /"),
    ("oci-build", "--rm", "there are no containers to remove: leave it out"),
    ("oci-build", "--no-rm", "there are no containers to remove: leave it out"),
    ("oci-build", "--force-rm", "there are no containers to remove: leave it out"),
    ("oci-build", "--no-cache-filter", "--no-cache makes every layer anew"),
];

/// Turns clap's error into ours.
pub(crate) fn error(command: &Command, error: &clap::Error) -> Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ").replace("...", "")),
        _ => None,
    };
    let argument = text(ContextKind::InvalidArg).unwrap_or_default();
    let value = text(ContextKind::InvalidValue);
    let problem = match error.kind() {
        ErrorKind::UnknownArgument if !argument.starts_with('-') => {
            format!("{argument}: one operand too many")
        }
        ErrorKind::UnknownArgument => format!("{argument}: no such option"),
        ErrorKind::InvalidSubcommand => {
            format!("{}: no such tool", text(ContextKind::InvalidSubcommand).unwrap_or_default())
        }
        ErrorKind::MissingRequiredArgument => format!("missing {argument}"),
        ErrorKind::InvalidValue if value.as_deref() == Some("") => format!("{argument}: needs a value"),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let why =
                std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
            let valid = text(ContextKind::ValidValue).map(|valid| format!("; expected one of {valid}"));
            let value = value.unwrap_or_default();
            // what the standard library says of a count of 0 is about its types
            let why = if why.contains("non-zero type") { ": expected 1 or more".to_owned() } else { why };
            // our own types say their object themselves
            if why.contains(&value) && !value.is_empty() {
                format!("{argument}{why}")
            } else {
                format!("{argument}: {value:?}{why}{}", valid.unwrap_or_default())
            }
        }
        ErrorKind::ArgumentConflict => {
            let other = text(ContextKind::PriorArg).unwrap_or_default();
            if other == argument || other.is_empty() {
                format!("{argument}: given twice")
            } else {
                format!("{argument}: cannot go with {other}")
            }
        }
        ErrorKind::NoEquals | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            format!("{argument}: needs a value")
        }
        ErrorKind::TooManyValues => format!("{argument}: takes no value"),
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8".to_owned(),
        _ => first_line(error),
    };
    // the most alike comes last
    let suggested = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand].into_iter().find_map(
        |kind| match error.get(kind)? {
            ContextValue::Strings(texts) => texts.last().cloned(),
            other => Some(other.to_string()),
        },
    );
    let word = text(ContextKind::InvalidSubcommand).unwrap_or_default();
    let ours = OF_OTHERS.iter().find(|(theirs, _)| *theirs == word).map(|(_, ours)| (*ours).to_owned());
    let hint = match (instead(command.get_name(), &argument), ours.or(suggested)) {
        (Some(instead), _) if error.kind() == ErrorKind::UnknownArgument => instead.to_owned(),
        (_, Some(suggested)) => format!("did you mean {suggested}?"),
        (_, None) => format!("{} -h shows the usage", command.get_name()),
    };
    Error::usage(problem).with_hint(hint)
}

/// What to do without an option that docker has.
fn instead(tool: &str, argument: &str) -> Option<&'static str> {
    let option = argument.split('=').next()?;
    let known = OPTIONS_OF_OTHERS.iter().find(|(of, theirs, _)| *of == tool && *theirs == option);
    known.map(|(_, _, instead)| *instead)
}

fn first_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
