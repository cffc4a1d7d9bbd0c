//! What is wrong, where, what was expected, and what to do: shown as rustc shows it.

use std::borrow::Cow;
use std::fmt;

use unicode_width::UnicodeWidthChar;

use crate::span::{Span, line_of};

/// A letter of the shown line is at most this many columns away from the mark.
const MARGIN: usize = 60;
/// A message is shown with at most so many letters of its beginning, and so many of its end: what it names may be as long as
/// the Dockerfile.
const MESSAGE: (usize, usize) = (300, 200);

/// One thing that is wrong in a Dockerfile, and its place.
///
/// `Display` gives the message alone, as one line; [`Diagnostic::render`] shows the place too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, in lower case and without a full stop.
    pub message: String,
    /// The bytes of the text that are wrong; empty where something is missing.
    pub span: Span,
    /// What would have been right.
    pub expected: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// `message`, at `span`.
    pub fn new(span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic { message: message.into(), span, expected: None, hint: None }
    }

    /// The same, saying what was expected there.
    pub fn expected(self, expected: impl Into<String>) -> Diagnostic {
        Diagnostic { expected: Some(expected.into()), ..self }
    }

    /// The same, with a hint what to do.
    pub fn hint(self, hint: impl Into<String>) -> Diagnostic {
        Diagnostic { hint: Some(hint.into()), ..self }
    }

    /// The same, with the hint `did you mean …?` if there is a `guess`.
    pub(crate) fn meant(self, guess: Option<String>) -> Diagnostic {
        match guess {
            Some(guess) => self.hint(format!("did you mean {guess}?")),
            None => self,
        }
    }

    /// The number of its line in `text`, from 1.
    pub fn line(&self, text: impl AsRef<[u8]>) -> usize {
        line_of(text.as_ref(), self.span.start)
    }

    /// The message with the line of `text` it speaks of and a mark under the place. `name` is the file's.
    ///
    /// Letters that could harm a terminal are spelled out; of a long line only the part around the mark is shown.
    pub fn render(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        self.render_as("error", name, text.as_ref())
    }

    /// The same with another word than `error` at its head.
    pub fn render_as(&self, severity: &str, name: &str, text: &[u8]) -> String {
        let place = Place::of(self.span, text);
        let (number, column) = (place.number, place.column());
        let gutter = " ".repeat(number.to_string().len());
        let mut shown = format!("{severity}: {}\n", spelled_out(&shortened(&self.message)));
        shown += &format!("{gutter}--> {}:{number}:{column}\n{gutter} |\n", spelled_out(name));
        shown += format!("{number} | {}", place.shown()).trim_end();
        let expected = self.expected.as_deref().map(|e| format!(" expected {e}")).unwrap_or_default();
        shown += &format!("\n{gutter} | {}{}\n", place.mark(), spelled_out(&expected));
        if let Some(hint) = &self.hint {
            shown += &format!("{gutter} |\n{gutter} = hint: {}\n", spelled_out(&shortened(hint)));
        }
        shown
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) if hint.starts_with("did you mean") => write!(f, " ({hint})"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostic {}

/// A line of the text, cut where the marked place begins and ends.
struct Place<'t> {
    number: usize,
    before: Cow<'t, str>,
    marked: Cow<'t, str>,
    after: Cow<'t, str>,
}

impl<'t> Place<'t> {
    fn of(span: Span, text: &'t [u8]) -> Place<'t> {
        let start = span.start.min(text.len());
        let line_start = text[..start].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let line_end = text[start..].iter().position(|b| *b == b'\n').map_or(text.len(), |at| start + at);
        let end = span.end.clamp(start, line_end);
        Place {
            number: line_of(text, start),
            before: String::from_utf8_lossy(&text[line_start..start]),
            marked: String::from_utf8_lossy(&text[start..end]),
            after: String::from_utf8_lossy(trim_line_end(&text[end..line_end])),
        }
    }

    /// In letters, from 1, as editors count.
    fn column(&self) -> usize {
        self.before.chars().count() + 1
    }

    /// What stands before the mark on the shown line.
    fn lead(&self) -> String {
        let skipped = self.before.chars().count().saturating_sub(MARGIN);
        let lead: String = self.before.chars().skip(skipped).collect();
        format!("{}{}", if skipped > 0 { "…" } else { "" }, spelled_out(&lead))
    }

    fn under_mark(&self) -> Cow<'_, str> {
        let short: String = self.marked.chars().take(2 * MARGIN).collect();
        spelled_out(&short).into_owned().into()
    }

    fn shown(&self) -> String {
        let tail: String = self.after.chars().take(MARGIN).collect();
        let cut = self.marked.chars().count() > 2 * MARGIN || tail.len() < self.after.len();
        format!("{}{}{}{}", self.lead(), self.under_mark(), spelled_out(&tail), if cut { "…" } else { "" })
    }

    fn mark(&self) -> String {
        " ".repeat(columns(&self.lead())) + &"^".repeat(columns(&self.under_mark()).max(1))
    }
}

/// The text without the middle of what is too much of it.
fn shortened(text: &str) -> Cow<'_, str> {
    let (first, last) = MESSAGE;
    let Some((after, _)) = text.char_indices().nth(first + last) else { return text.into() };
    let end = text[..after].char_indices().nth(first).map_or(after, |(at, _)| at);
    let begin = text.char_indices().nth_back(last - 1).map_or(after, |(at, _)| at);
    format!("{}…{}", &text[..end], &text[begin..]).into()
}

fn trim_line_end(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn columns(text: &str) -> usize {
    text.chars().map(|letter| letter.width().unwrap_or(0)).sum()
}

/// The text with everything that a terminal would act on, or that hides or turns letters, in the form `\u{1b}`; a
/// tab is one space, so that the mark stays under its place.
fn spelled_out(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '\t' => safe.push(' '),
            letter if is_plain(letter) => safe.push(letter),
            letter => safe.extend(letter.escape_default()),
        }
    }
    safe.into()
}

fn is_plain(letter: char) -> bool {
    let turns = matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}');
    !letter.is_control() && !turns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, word: &str) -> Diagnostic {
        let start = text.find(word).unwrap();
        Diagnostic::new(Span::new(start..start + word.len()), "unknown flag --chwon")
    }

    #[test]
    fn a_diagnostic_shows_its_line_with_a_mark_under_the_place() {
        let text = "FROM a\nCOPY --chwon=1 a b\n";
        let shown =
            at(text, "--chwon").expected("--chown").meant(Some("--chown".into())).render("Dockerfile", text);
        let expected = "error: unknown flag --chwon\n --> Dockerfile:2:6\n  |\n2 | COPY --chwon=1 a b\n  |      ^^^^^^^ expected --chown\n  |\n  = hint: did you mean --chown?\n";
        assert_eq!(shown, expected);
    }

    #[test]
    fn letters_that_harm_a_terminal_are_spelled_out_and_the_mark_stays_under_its_place() {
        let text = "a\x1b[2J\u{202e} bad\r\n";
        let shown = at(text, "bad").render("x\ny", text);
        assert!(shown.contains("x\\ny:1:8"), "{shown}");
        assert!(shown.contains("1 | a\\u{1b}[2J\\u{202e} bad\n  |                    ^^^\n"), "{shown}");
    }

    #[test]
    fn the_mark_counts_wide_letters_as_two_columns() {
        let text = "日本 bad";
        assert!(at(text, "bad").render("D", text).contains("1 | 日本 bad\n  |      ^^^\n"));
    }

    #[test]
    fn of_a_long_line_only_the_part_around_the_mark_is_shown() {
        let text = format!("{} bad {}", "x".repeat(100_000), "y".repeat(100_000));
        let shown = at(&text, "bad").render("D", &text);
        assert!(shown.len() < 600, "{}", shown.len());
        assert!(shown.contains("…") && shown.contains(" bad "));
    }

    #[test]
    fn of_a_long_message_the_beginning_and_the_end_are_shown() {
        let message = format!("invalid user \"{}\": there is none", "ü".repeat(1 << 20));
        let shown = Diagnostic::new(Span::at(0), message).render("D", "FROM a");
        assert!(shown.len() < 1200, "{}", shown.len());
        assert!(shown.starts_with("error: invalid user \"ü"), "{shown}");
        assert!(shown.contains("ü…ü") && shown.contains("ü\": there is none\n"), "{shown}");
        let fits = "m".repeat(MESSAGE.0 + MESSAGE.1);
        assert_eq!(shortened(&fits), fits);
        assert_eq!(shortened(&format!("{fits}m")).chars().count(), fits.len() + 1);
    }

    #[test]
    fn a_place_behind_the_end_of_the_text_is_its_end() {
        let shown = Diagnostic::new(Span::at(99), "too short").render("D", "FROM a");
        assert!(shown.contains("--> D:1:7"), "{shown}");
    }

    #[test]
    fn text_that_is_not_utf_8_can_be_shown() {
        let shown = Diagnostic::new(Span::new(1..2), "not UTF-8").render("D", b"a\xffb");
        assert!(shown.contains("1 | a\u{fffd}b\n  |  ^"), "{shown}");
    }
}
