//! Heredocs: files written between the instructions.
//!
//! <https://docs.docker.com/reference/dockerfile/#here-documents>

use crate::expansion::{Expander, Mode, Names, split};
use crate::span::Span;

/// A file written in the lines below `RUN`, `COPY` or `ADD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heredoc {
    /// The word that ends it, without quotes.
    pub name: String,
    /// The descriptor that the shell is to read it from, where one is written before `<<`.
    pub descriptor: u32,
    /// Whether its variables are expanded: no part of its name is quoted.
    pub expands: bool,
    /// `<<-`: tabs at the beginning of its lines do not count.
    pub strips_tabs: bool,
    /// Its lines as they are written.
    pub content: String,
    /// Where they stand.
    pub span: Span,
}

impl Heredoc {
    /// Its lines, without leading tabs where `<<-` says so.
    pub fn text(&self) -> String {
        if self.strips_tabs { without_tabs(&self.content) } else { self.content.clone() }
    }
}

fn without_tabs(text: &str) -> String {
    text.split_inclusive('\n').map(|line| line.trim_start_matches('\t')).collect()
}

/// The heredocs that begin on `line`, without their content.
///
/// # Errors
/// What is wrong with the name of one, such as a quote that is not closed.
pub(crate) fn on_line(line: &str) -> Result<Vec<Heredoc>, String> {
    let mode = Mode { raw_quotes: true, raw_escapes: true, keep_unset: true, ..Mode::new('\\') };
    let words = split(line, mode).unwrap_or_default();
    words.iter().filter_map(|word| parse(word).transpose()).collect()
}

/// The heredoc that `word` begins: `<<NAME`, `3<<-"NAME"`.
///
/// # Errors
/// A quote in the name is not closed.
pub(crate) fn parse(word: &str) -> Result<Option<Heredoc>, String> {
    let digits = word.len() - word.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    let (descriptor, rest) = word.split_at(digits);
    let Some(rest) = rest.strip_prefix("<<") else { return Ok(None) };
    let (strips_tabs, rest) = rest.strip_prefix('-').map_or((false, rest), |rest| (true, rest));
    let name = rest.trim_start_matches([' ', '\t', '\r', '\n', '\u{c}']);
    if name.is_empty() || name.contains('<') {
        return Ok(None);
    }
    let Some((plain, raw)) = unquoted(name)? else { return Ok(None) };
    Ok(Some(Heredoc {
        expands: quotes(&plain) == quotes(&raw),
        name: plain,
        descriptor: descriptor.parse().unwrap_or(u32::from(!descriptor.is_empty()) * u32::MAX),
        strips_tabs,
        content: String::new(),
        span: Span::default(),
    }))
}

/// The one word of `name` without its quotes and with them; nothing if it is several.
fn unquoted(name: &str) -> Result<Option<(String, String)>, String> {
    let plain = Mode { keep_unset: true, ..Mode::new('\\') };
    let raw = Mode { raw_quotes: true, ..plain };
    let is_closed = Expander::new('\\').word(name, &(), &mut Names::default());
    is_closed.map_err(|error| format!("the heredoc's name {name}: {error}"))?;
    let (mut plain, mut raw) = (split(name, plain).unwrap_or_default(), split(name, raw).unwrap_or_default());
    match (plain.len(), raw.len()) {
        (1, 1) => Ok(plain.pop().zip(raw.pop())),
        _ => Ok(None),
    }
}

fn quotes(text: &str) -> usize {
    text.matches(['\'', '"']).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(line: &str) -> Vec<String> {
        on_line(line).unwrap().into_iter().map(|heredoc| heredoc.name).collect()
    }

    #[test]
    fn heredocs_are_found_anywhere_on_the_line() {
        assert_eq!(names("RUN <<EOF"), ["EOF"]);
        assert_eq!(names("RUN <<-EOF"), ["EOF"]);
        assert_eq!(names("RUN << -EOF"), ["-EOF"]);
        assert_eq!(names("RUN cat <<A && cat 3<<'B c' > x"), ["A", "B c"]);
        assert_eq!(names("RUN <<$EOF"), ["$EOF"]);
        assert_eq!(names("COPY <<file.txt <<Y /dest"), ["file.txt", "Y"]);
    }

    #[test]
    fn what_is_quoted_or_no_heredoc_is_none() {
        for line in ["RUN '<<EOF'", "RUN \"<<EOF\"", "RUN <<<EOF", "RUN <EOF", "RUN <<", "RUN echo 'open <<A"]
        {
            assert_eq!(names(line), [""; 0], "{line}");
        }
        assert_eq!(parse("<<EOF sh"), Ok(None));
        assert!(parse("<<'EOF").is_err() && parse("<<EOF\"").is_err());
    }

    #[test]
    fn a_quoted_name_says_that_variables_stay() {
        let expands = |word: &str| parse(word).unwrap().map(|h| (h.name, h.expands)).unwrap();
        assert_eq!(expands("<<EOF"), ("EOF".into(), true));
        assert_eq!(expands("<<'EOF'"), ("EOF".into(), false));
        assert_eq!(expands("<<eo'f'"), ("eof".into(), false));
        assert_eq!(expands(r"<<eo\'f"), ("eo'f".into(), true));
        assert_eq!(expands(r"<<'e'o\'f"), ("eo'f".into(), false));
    }

    #[test]
    fn a_dash_takes_off_leading_tabs_and_a_number_names_the_descriptor() {
        let mut heredoc = parse("4<<-EOF").unwrap().unwrap();
        heredoc.content = "\thello\n\t\tworld \t\n".into();
        assert_eq!((heredoc.descriptor, heredoc.text().as_str()), (4, "hello\nworld \t\n"));
    }
}
