//! Where something stands in the text it was read from.

use std::ops::{Deref, Range};

/// A range of bytes in the original text of a Dockerfile, continuation lines and all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset behind the last byte; never less than `start`.
    pub end: usize,
}

impl Span {
    /// The span of `range`.
    pub fn new(range: Range<usize>) -> Span {
        Span { start: range.start, end: range.end.max(range.start) }
    }

    /// The empty span at `offset`: a place between two letters.
    pub fn at(offset: usize) -> Span {
        Span::new(offset..offset)
    }

    /// From the beginning of this to the end of `other`.
    pub fn to(self, other: Span) -> Span {
        Span::new(self.start..other.end)
    }
}

/// A piece of text and where it stands. Its text is what is meant: without continuation marks, and for a JSON string
/// without its quotes and escapes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Word {
    /// What it says.
    pub text: String,
    /// Where it says so.
    pub span: Span,
}

impl Word {
    /// The word `text`, that stands at `span`.
    pub fn new(text: impl Into<String>, span: Span) -> Word {
        Word { text: text.into(), span }
    }

    /// The same place, with another text: what an expansion makes of it.
    pub fn with(&self, text: impl Into<String>) -> Word {
        Word::new(text, self.span)
    }
}

impl Deref for Word {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

/// The number of the line that holds the byte at `offset`, from 1.
pub fn line_of(text: &[u8], offset: usize) -> usize {
    text[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}
