//! `.dockerignore`: which files of the context a build does not see.
//!
//! The rules are those of moby's `patternmatcher`: the last pattern that matches a path or a directory above it
//! decides.
//!
//! <https://docs.docker.com/build/concepts/context/#dockerignore-files>

use crate::diagnostic::Diagnostic;
use crate::glob::{self, Token, class, first};
use crate::span::Span;
use crate::wildcard::{Wildcard, cleaned};

/// The patterns of an ignore file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignore {
    patterns: Vec<IgnorePattern>,
}

/// One pattern of an ignore file, of `--exclude` or of `--parents`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgnorePattern {
    /// `!`: what it matches is brought back.
    pub is_exception: bool,
    text: Vec<u8>,
    form: Form,
}

/// Simple forms are compared without following any ways; two of them mean more than their tokens would.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Exact,
    /// `text**`
    Prefix,
    /// `**text`
    Suffix,
    Tokens(Vec<Token>),
}

/// Which patterns matched a directory: what is in it then need not be compared with them again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParentMatches {
    matched: Vec<bool>,
}

impl Ignore {
    /// Reads an ignore file.
    ///
    /// # Errors
    /// A line that is no pattern.
    pub fn parse(bytes: &[u8]) -> Result<Ignore, Diagnostic> {
        let mut patterns = Vec::new();
        let mut at = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        for line in bytes[at..].split_inclusive(|byte| *byte == b'\n') {
            let content = line.trim_ascii();
            let start = at + (line.len() - line.trim_ascii_start().len());
            at += line.len();
            if line.starts_with(b"#") || content.is_empty() {
                continue;
            }
            patterns.push(IgnorePattern::of_line(content).map_err(|problem| {
                let shown = String::from_utf8_lossy(content).into_owned();
                let span = Span::new(start..start + content.len());
                Diagnostic::new(span, format!("{shown:?} is no pattern: {problem}"))
            })?);
        }
        Ok(Ignore { patterns })
    }

    /// These patterns, as they would stand in a file: for `--exclude`.
    ///
    /// # Errors
    /// The first that is none, and what is wrong with it.
    pub fn of_patterns<'p>(
        patterns: impl IntoIterator<Item = &'p [u8]>,
    ) -> Result<Ignore, (Vec<u8>, &'static str)> {
        let parse = |text: &'p [u8]| IgnorePattern::parse(text).map_err(|problem| (text.to_vec(), problem));
        let patterns: Result<Vec<Option<IgnorePattern>>, _> = patterns.into_iter().map(parse).collect();
        Ok(Ignore { patterns: patterns?.into_iter().flatten().collect() })
    }

    /// Whether there is no pattern at all.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether a pattern begins with `!`: then a directory that is ignored may hold files that are not.
    pub fn has_exceptions(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.is_exception)
    }

    /// Whether anything below the directory at `path` may match a pattern, by how the patterns begin.
    pub fn may_match_below(&self, path: &[u8]) -> bool {
        self.patterns.iter().any(|pattern| pattern.may_match_below(path))
    }

    /// Whether anything below the directory at `path`, which is ignored, may be brought back by a `!`.
    pub fn may_bring_back_below(&self, path: &[u8]) -> bool {
        self.patterns.iter().any(|pattern| pattern.is_exception && pattern.may_match_below(path))
    }

    /// Whether a pattern takes everything: `*`, `**` or `**/*`.
    pub(crate) fn ignores_everything(&self) -> bool {
        let takes_all = |text: &[u8]| matches!(text, b"*" | b"**" | b"**/*");
        self.patterns.iter().any(|pattern| !pattern.is_exception && takes_all(&pattern.text))
    }

    /// Whether the file at `path`, relative to the context, is not seen: by the last pattern that matches it or a
    /// directory above it.
    pub fn ignores(&self, path: &[u8]) -> bool {
        let mut is_ignored = false;
        for pattern in &self.patterns {
            // a pattern that would change nothing need not match
            if pattern.is_exception == is_ignored && pattern.matches_it_or_above(path) {
                is_ignored = !pattern.is_exception;
            }
        }
        is_ignored
    }

    /// The same for a walk from the root downwards: with what is known of the directory that `path` is in, and
    /// what is then known of `path`.
    pub fn ignores_below(&self, path: &[u8], parent: &ParentMatches) -> (bool, ParentMatches) {
        let is_root = parent.matched.len() != self.patterns.len();
        let mut is_ignored = false;
        let mut matched = vec![false; self.patterns.len()];
        for (at, pattern) in self.patterns.iter().enumerate() {
            let above = !is_root && parent.matched[at];
            if !above && pattern.is_exception != is_ignored {
                continue;
            }
            matched[at] =
                above || if is_root { pattern.matches_it_or_above(path) } else { pattern.matches(path) };
            if matched[at] {
                is_ignored = !pattern.is_exception;
            }
        }
        (is_ignored, ParentMatches { matched })
    }
}

impl IgnorePattern {
    /// The pattern that `text` is, `!` in front of it or not; nothing for blanks.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Option<IgnorePattern>, &'static str> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Ok(None);
        }
        let clean = cleaned(text);
        let (is_exception, text) = match clean.strip_prefix(b"!") {
            Some(b"") => return Err("nothing follows the !"),
            Some(rest) => (true, rest.to_vec()),
            None => (false, clean),
        };
        if Wildcard::parse(&text).is_none() {
            return Err("a class or an escape is not complete");
        }
        let form = Form::of(&text);
        Ok(Some(IgnorePattern { is_exception, text, form }))
    }

    /// The pattern on a line of an ignore file, where `/a` means `a`.
    fn of_line(line: &[u8]) -> Result<IgnorePattern, &'static str> {
        let (mark, rest): (&[u8], &[u8]) = match line.strip_prefix(b"!") {
            Some(rest) => (b"!", rest.trim_ascii()),
            None => (b"", line),
        };
        let clean = if rest.is_empty() { Vec::new() } else { cleaned(rest) };
        let relative = if clean.len() > 1 { clean.strip_prefix(b"/").unwrap_or(&clean) } else { &clean };
        IgnorePattern::parse(&[mark, relative].concat())?.ok_or("it is empty")
    }

    /// Whether the whole of `path` matches.
    pub fn matches(&self, path: &[u8]) -> bool {
        match &self.form {
            Form::Exact => path == self.text,
            Form::Prefix => path.starts_with(&self.text[..self.text.len() - 2]),
            Form::Suffix => {
                let suffix = &self.text[2..];
                path.ends_with(suffix) || suffix.strip_prefix(b"/").is_some_and(|name| path == name)
            }
            Form::Tokens(tokens) => glob::matches(tokens, path),
        }
    }

    /// Compares what stands before its first wildcard.
    fn may_match_below(&self, directory: &[u8]) -> bool {
        let wildcard = self.text.iter().position(|byte| b"*?[\\".contains(byte));
        let plain = &self.text[..wildcard.unwrap_or(self.text.len())];
        let below = [directory, b"/"].concat();
        directory.is_empty() || below.starts_with(plain) || plain.starts_with(&below)
    }

    fn matches_it_or_above(&self, path: &[u8]) -> bool {
        if let Form::Tokens(tokens) = &self.form {
            return glob::matches_it_or_above(tokens, path);
        }
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        self.matches(path) || slashes.into_iter().any(|slash| self.matches(&path[..slash]))
    }
}

impl Form {
    fn of(text: &[u8]) -> Form {
        let mut tokens = Vec::new();
        let mut rest = text;
        let mut form = Form::Exact;
        while let Some((byte, behind)) = rest.split_first() {
            let is_first = rest.len() == text.len();
            let length = match byte {
                b'*' if behind.first() == Some(&b'*') => {
                    let length = if behind.get(1) == Some(&b'/') { 3 } else { 2 };
                    let is_last = rest.len() == length;
                    tokens.extend(if is_last {
                        vec![Token::Anything]
                    } else {
                        vec![Token::DeepOrNothing, Token::Deep]
                    });
                    form = match form {
                        _ if is_first => Form::Suffix,
                        Form::Exact if is_last => Form::Prefix,
                        _ => Form::Tokens(Vec::new()),
                    };
                    length
                }
                b'*' | b'?' | b'[' | b'\\' => {
                    form = Form::Tokens(Vec::new());
                    let (token, length) = special(*byte, behind);
                    tokens.push(token);
                    length
                }
                _ => {
                    let Some((token, length)) = first(rest) else { break };
                    tokens.push(token);
                    length
                }
            };
            rest = &rest[length..];
        }
        if let Form::Tokens(_) = form { Form::Tokens(tokens) } else { form }
    }
}

/// What a letter with a meaning begins; the pattern has been checked.
fn special(byte: u8, behind: &[u8]) -> (Token, usize) {
    let found = match byte {
        b'*' => Some((Token::AnyInSegment, 0)),
        b'?' => Some((Token::One, 0)),
        b'[' => class(behind),
        _ => first(behind),
    };
    found.map_or((Token::Byte(byte), 1), |(token, length)| (token, length + 1))
}

#[cfg(test)]
mod tests;
