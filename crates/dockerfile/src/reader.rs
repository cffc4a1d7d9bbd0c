//! Reads a Dockerfile instruction by instruction.

use crate::diagnostic::Diagnostic;
use crate::directive;
use crate::heredoc::{self, Heredoc};
use crate::instruction::Instruction;
use crate::line::{Lines, LogicalLine, Part, PhysicalLine, without_continuation};
use crate::span::{Span, Word};
use crate::statement::Statement;
use crate::step::Step;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Instructions, without comments and heredocs, may have this many bytes all together: what they become takes
/// thirty times as much memory.
pub const CODE_LIMIT: usize = 4 << 20;

pub(crate) struct Reader<'t> {
    lines: Lines<'t>,
    pub(crate) escape: char,
    directives: directive::Reader,
    comments: Vec<Word>,
    /// Bytes of instructions so far.
    code: usize,
    /// Where an instruction has empty lines in it, and the number of its last line.
    pub(crate) empty_continuations: Vec<(Span, usize)>,
}

/// A logical line and the number of its first physical line.
type Numbered = (LogicalLine, usize);

impl<'t> Reader<'t> {
    pub(crate) fn new(text: &'t str) -> Reader<'t> {
        let begin = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
        Reader {
            lines: Lines::new(text, begin),
            escape: '\\',
            directives: directive::Reader::default(),
            comments: Vec::new(),
            code: 0,
            empty_continuations: Vec::new(),
        }
    }

    /// The next instruction, nothing behind the last.
    ///
    /// # Errors
    /// It is none, or its arguments or heredocs are not right.
    pub(crate) fn step(&mut self) -> Result<Option<Step>, Diagnostic> {
        let Some((line, first)) = self.logical_line()? else { return Ok(None) };
        self.code += line.text.len();
        if self.code > CODE_LIMIT {
            let message = format!("the instructions of this Dockerfile have more than {CODE_LIMIT} bytes");
            return Err(Diagnostic::new(Span::at(line.whole().start), message)
                .hint("large files belong into the context, or into heredocs"));
        }
        let mut statement = Statement::parse(Part::whole(&line), self.escape)?;
        if statement.takes_heredocs() && line.text.contains("<<") {
            statement.heredocs = self.heredocs(&line)?;
        }
        let end = statement.heredocs.last().map_or(line.whole().end, |_| self.lines.at());
        let name = statement.name.clone();
        let instruction = Instruction::new(statement, &line.text)?;
        Ok(Some(Step {
            name,
            text: line.text.trim().to_owned(),
            span: Span::new(line.whole().start..end),
            lines: first..=self.lines.number(),
            comments: std::mem::take(&mut self.comments),
            instruction,
        }))
    }

    fn logical_line(&mut self) -> Result<Option<Numbered>, Diagnostic> {
        while let Some(line) = self.lines.next() {
            let content = line.content().trim_start();
            let start = line.start + line.raw.len() - line.raw.trim_start().len();
            let directive = self.directives.read(content, start)?;
            if let Some(("escape", value)) = &directive {
                self.escape = directive::escape(value)?;
            }
            if line.is_comment() {
                if directive.is_none() {
                    self.comment(line);
                }
                continue;
            }
            let mut logical = LogicalLine::default();
            match without_continuation(content, self.escape) {
                None if content.is_empty() => continue,
                None => logical.push(content, start),
                Some(head) => {
                    logical.push(head, start);
                    self.continuation(&mut logical);
                }
            }
            return Ok(Some((logical, line.number)));
        }
        Ok(None)
    }

    /// A comment above an instruction; an empty one takes away those before it.
    fn comment(&mut self, line: PhysicalLine<'_>) {
        let span = line.span();
        let mut letters = line.content().chars();
        letters.next();
        let text = letters.as_str();
        let comment = text.trim();
        if comment.is_empty() {
            self.comments.clear();
            return;
        }
        let start = span.end - text.trim_start().len();
        self.comments.push(Word::new(comment, Span::new(start..start + comment.len())));
    }

    /// The lines behind a continuation mark, up to the first without one.
    fn continuation(&mut self, logical: &mut LogicalLine) {
        let mut empty = None;
        for line in self.lines.by_ref() {
            if line.is_comment() {
                continue;
            }
            if line.is_blank() {
                empty = empty.or(Some(line.span()));
                continue;
            }
            match without_continuation(line.content(), self.escape) {
                Some(head) => logical.push(head, line.start),
                None => {
                    logical.push(line.content(), line.start);
                    break;
                }
            }
        }
        let number = self.lines.number();
        self.empty_continuations.extend(empty.map(|span| (span, number)));
    }

    fn heredocs(&mut self, line: &LogicalLine) -> Result<Vec<Heredoc>, Diagnostic> {
        let mut heredocs =
            heredoc::on_line(&line.text).map_err(|problem| Diagnostic::new(line.whole(), problem))?;
        for heredoc in &mut heredocs {
            self.content(heredoc, line)?;
        }
        Ok(heredocs)
    }

    fn content(&mut self, heredoc: &mut Heredoc, line: &LogicalLine) -> Result<(), Diagnostic> {
        let start = self.lines.at();
        for line in self.lines.by_ref() {
            let content = line.content();
            let last = if heredoc.strips_tabs { content.trim_start_matches('\t') } else { content };
            if last == heredoc.name {
                heredoc.span = Span::new(start..line.start);
                return Ok(());
            }
            heredoc.content.push_str(line.raw);
        }
        let place = line.text.rfind("<<").map_or(line.whole(), |at| line.span(at..line.text.len()));
        Err(Diagnostic::new(place, format!("unterminated heredoc {}", heredoc.name))
            .expected(format!("a line {:?} below it", heredoc.name)))
    }
}
