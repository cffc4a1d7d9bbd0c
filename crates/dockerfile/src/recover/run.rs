//! A command that was run.

use super::written::script;
use super::{END_OF_ARGUMENTS, Recovered, written::json_list};

/// `text` is the command as the history has it: its build arguments, the shell where it has one, and the rest.
/// What `declared` says of build arguments is no news.
pub(super) fn recovered(text: &str, shell: &str, declared: &[String]) -> Recovered {
    let (arguments, command) = taken_apart(text, shell);
    let mut recovered = match command.strip_prefix(shell).and_then(|rest| rest.strip_prefix(' ')) {
        Some(line) => of_shell(line.trim_start()),
        None => of_exec(command),
    };
    let news = declared.iter().fold(arguments.to_owned(), |news, declared| news.replacen(declared, "", 1));
    if !news.trim().is_empty() {
        recovered.unknown.push(format!("the defaults of its build arguments: it ran with {arguments}"));
    }
    recovered
}

fn of_shell(line: &str) -> Recovered {
    let recovered = Recovered::known(format!("RUN {}", script(line)));
    if line.starts_with("/dev/pipes/") {
        return recovered.but("it was a heredoc, of which only the name is recorded");
    }
    recovered
}

fn of_exec(command: &str) -> Recovered {
    let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    let recovered = Recovered::known(format!("RUN {}", json_list(&words)));
    if words.len() > 1 { recovered.but(END_OF_ARGUMENTS) } else { recovered }
}

/// The build arguments and the command. A value may hold blanks, so the shell says where the command begins.
fn taken_apart<'a>(text: &'a str, shell: &str) -> (&'a str, &'a str) {
    let Some((count, rest)) = text.strip_prefix('|').and_then(|rest| rest.split_once(' ')) else {
        return ("", text);
    };
    let Ok(count) = count.parse::<usize>() else { return ("", text) };
    let begin = rest.find(&format!(" {shell} ")).unwrap_or_else(|| end_of_words(rest, count));
    let (arguments, command) = rest.split_at(begin);
    (arguments.trim(), command.trim_start())
}

fn end_of_words(text: &str, count: usize) -> usize {
    text.match_indices(' ').nth(count.saturating_sub(1)).map_or(text.len(), |(at, _)| at)
}
