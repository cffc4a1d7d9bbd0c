//! Physical lines, and the logical lines that continuation marks make of them.

use std::ops::Range;

use crate::span::Span;

/// Reads a text line by line.
#[derive(Clone)]
pub(crate) struct Lines<'t> {
    text: &'t str,
    at: usize,
    number: usize,
}

/// A line of the file, with the line end it has.
#[derive(Clone, Copy)]
pub(crate) struct PhysicalLine<'t> {
    pub(crate) raw: &'t str,
    pub(crate) start: usize,
    /// From 1.
    pub(crate) number: usize,
}

impl<'t> Lines<'t> {
    /// The lines of `text` from `at` on.
    pub(crate) fn new(text: &'t str, at: usize) -> Lines<'t> {
        Lines { text, at, number: 0 }
    }

    /// The number of the last line read.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// Where the next line begins.
    pub(crate) fn at(&self) -> usize {
        self.at
    }
}

impl<'t> Iterator for Lines<'t> {
    type Item = PhysicalLine<'t>;

    fn next(&mut self) -> Option<PhysicalLine<'t>> {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        let raw = rest.split_inclusive('\n').next().unwrap_or(rest);
        let line = PhysicalLine { raw, start: self.at, number: self.number + 1 };
        self.at += raw.len();
        self.number += 1;
        Some(line)
    }
}

impl<'t> PhysicalLine<'t> {
    /// Without its line end.
    pub(crate) fn content(&self) -> &'t str {
        self.raw.trim_end_matches(['\r', '\n'])
    }

    pub(crate) fn is_comment(&self) -> bool {
        self.raw.trim_start().starts_with('#')
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.raw.trim_start().is_empty()
    }

    pub(crate) fn span(&self) -> Span {
        Span::new(self.start..self.start + self.content().len())
    }
}

/// An instruction on one line: its physical lines without their continuation marks, comments and empty lines, and
/// where each byte of it stands in the file.
#[derive(Debug, Default)]
pub(crate) struct LogicalLine {
    pub(crate) text: String,
    /// Where pieces begin: in `text`, and in the file.
    pieces: Vec<(usize, usize)>,
    end: usize,
}

impl LogicalLine {
    /// Adds what stands at `start` in the file.
    pub(crate) fn push(&mut self, content: &str, start: usize) {
        self.pieces.push((self.text.len(), start));
        self.text.push_str(content);
        self.end = start + content.len();
    }

    /// A line that stands alone.
    #[cfg(test)]
    pub(crate) fn of(text: &str) -> LogicalLine {
        let mut line = LogicalLine::default();
        line.push(text, 0);
        line
    }

    /// Where the bytes `range` of the text stand in the file.
    pub(crate) fn span(&self, range: Range<usize>) -> Span {
        let start = self.place(range.start);
        let end = if range.end > range.start { self.place(range.end - 1) + 1 } else { start };
        Span::new(start..end)
    }

    /// From the first piece to the end of the last.
    pub(crate) fn whole(&self) -> Span {
        let start = self.pieces.first().map_or(0, |(_, place)| *place);
        Span::new(start..self.end)
    }

    fn place(&self, at: usize) -> usize {
        let piece = self.pieces.partition_point(|(begin, _)| *begin <= at);
        match piece.checked_sub(1).map(|piece| self.pieces[piece]) {
            Some((begin, place)) => (place + at - begin).min(self.end),
            None => 0,
        }
    }
}

/// The line without its continuation mark, where it has one: `escape` as the last letter but blanks, and not itself
/// escaped.
pub(crate) fn without_continuation(line: &str, escape: char) -> Option<&str> {
    let head = line.trim_end_matches([' ', '\t']).strip_suffix(escape)?;
    (!head.ends_with(escape)).then_some(head)
}

/// A part of a logical line, that knows where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Part<'l> {
    line: &'l LogicalLine,
    start: usize,
    end: usize,
}

impl<'l> Part<'l> {
    pub(crate) fn whole(line: &'l LogicalLine) -> Part<'l> {
        Part { line, start: 0, end: line.text.len() }
    }

    pub(crate) fn text(&self) -> &'l str {
        &self.line.text[self.start..self.end]
    }

    pub(crate) fn span(&self) -> Span {
        self.line.span(self.start..self.end)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The part of this part.
    pub(crate) fn part(&self, range: Range<usize>) -> Part<'l> {
        Part { line: self.line, start: self.start + range.start, end: self.start + range.end }
    }

    pub(crate) fn from(&self, start: usize) -> Part<'l> {
        self.part(start..self.text().len())
    }

    /// Without white space at its ends.
    pub(crate) fn trimmed(&self) -> Part<'l> {
        let text = self.text();
        let start = text.len() - text.trim_start().len();
        self.part(start..start + text.trim().len())
    }

    /// The pieces between blanks (tab, vertical tab, form feed, carriage return, space), at most `limit` of them.
    pub(crate) fn split_at_blanks(&self, limit: usize) -> Vec<Part<'l>> {
        let mut parts = Vec::new();
        let mut rest = *self;
        while parts.len() + 1 < limit {
            let Some(end) = rest.text().find(is_blank) else { break };
            parts.push(rest.part(0..end));
            let next = rest.from(end);
            let blanks = next.text().len() - next.text().trim_start_matches(is_blank).len();
            rest = next.from(blanks);
        }
        parts.push(rest);
        parts
    }
}

fn is_blank(letter: char) -> bool {
    matches!(letter, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_continuation_mark_is_the_last_letter_but_blanks_and_not_escaped() {
        assert_eq!(without_continuation("RUN a \\", '\\'), Some("RUN a "));
        assert_eq!(without_continuation("RUN a\\ \t", '\\'), Some("RUN a"));
        assert_eq!(without_continuation("\\", '\\'), Some(""));
        assert_eq!(without_continuation("RUN a\\\\", '\\'), None);
        assert_eq!(without_continuation("RUN C:\\", '`'), None);
        assert_eq!(without_continuation("RUN C:\\`", '`'), Some("RUN C:\\"));
    }

    #[test]
    fn a_byte_of_a_logical_line_knows_its_place_in_the_file() {
        let mut line = LogicalLine::default();
        line.push("RUN a ", 10);
        line.push("b c", 30);
        assert_eq!(line.text, "RUN a b c");
        assert_eq!(line.span(4..7), Span::new(14..31));
        assert_eq!(line.span(6..7), Span::new(30..31));
        assert_eq!(line.whole(), Span::new(10..33));
        assert_eq!(line.span(9..9), Span::at(33));
    }

    #[test]
    fn a_part_is_split_at_runs_of_blanks() {
        let line = LogicalLine::of("COPY\ta  b\u{b}c");
        let texts = |limit| -> Vec<&str> {
            Part::whole(&line).split_at_blanks(limit).iter().map(Part::text).collect()
        };
        assert_eq!(texts(usize::MAX), ["COPY", "a", "b", "c"]);
        assert_eq!(texts(2), ["COPY", "a  b\u{b}c"]);
    }
}
