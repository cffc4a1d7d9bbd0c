//! Patterns of paths, and whether a path matches one: all ways are followed at once, so it takes pattern × path
//! steps.
//!
//! Paths are bytes; where they are UTF-8 a letter is one letter, else a byte is.

/// One step of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Letter(char),
    /// A byte that is no letter.
    Byte(u8),
    /// `*`: anything but a slash.
    AnyInSegment,
    /// `?`: one letter but a slash.
    One,
    /// `[a-z]`, `[^a-z]`.
    Class {
        is_negated: bool,
        ranges: Vec<(char, char)>,
    },
    /// The two halves of `**/`: nothing, or anything that ends with a slash.
    DeepOrNothing,
    Deep,
    /// `**` at the end.
    Anything,
}

/// The letter or the byte that `text` begins with, and its length.
pub(crate) fn first(text: &[u8]) -> Option<(Token, usize)> {
    let byte = *text.first()?;
    let longest = &text[..text.len().min(4)];
    let valid = match std::str::from_utf8(longest) {
        Ok(valid) => valid,
        Err(error) => std::str::from_utf8(&longest[..error.valid_up_to()]).unwrap_or_default(),
    };
    Some(
        valid
            .chars()
            .next()
            .map_or((Token::Byte(byte), 1), |letter| (Token::Letter(letter), letter.len_utf8())),
    )
}

/// Reads a class, behind its `[`; nothing if it is none. Also returns how long it is.
pub(crate) fn class(text: &[u8]) -> Option<(Token, usize)> {
    let mut at = 0;
    let is_negated = text.first() == Some(&b'^');
    at += usize::from(is_negated);
    let mut ranges = Vec::new();
    while ranges.is_empty() || text.get(at) != Some(&b']') {
        let (low, length) = class_letter(&text[at..])?;
        at += length;
        let mut high = low;
        if text.get(at) == Some(&b'-') {
            let (letter, length) = class_letter(&text[at + 1..])?;
            high = letter;
            at += 1 + length;
        }
        ranges.push((low, high));
    }
    Some((Token::Class { is_negated, ranges }, at + 1))
}

fn class_letter(text: &[u8]) -> Option<(char, usize)> {
    let escaped = usize::from(text.first() == Some(&b'\\'));
    if escaped == 0 && matches!(text.first(), Some(b'-' | b']')) {
        return None;
    }
    match first(&text[escaped..])? {
        (Token::Letter(letter), length) if text.len() > escaped + length => Some((letter, escaped + length)),
        _ => None,
    }
}

/// Whether the whole of `path` matches.
pub(crate) fn matches(tokens: &[Token], path: &[u8]) -> bool {
    follow(tokens, path, false)
}

/// Whether `path` or a directory above it matches.
pub(crate) fn matches_it_or_above(tokens: &[Token], path: &[u8]) -> bool {
    follow(tokens, path, true)
}

fn follow(tokens: &[Token], path: &[u8], or_above: bool) -> bool {
    let mut ways = vec![false; tokens.len() + 1];
    let mut next = ways.clone();
    ways[0] = true;
    skip_what_may_be_nothing(tokens, &mut ways);
    let mut rest = path;
    while let Some((letter, length)) = first(rest) {
        if or_above && letter == Token::Letter('/') && ways[tokens.len()] {
            return true;
        }
        next.fill(false);
        for (at, token) in tokens.iter().enumerate().filter(|(at, _)| ways[*at]) {
            step(token, &letter, at, &mut next);
        }
        std::mem::swap(&mut ways, &mut next);
        skip_what_may_be_nothing(tokens, &mut ways);
        if !ways.contains(&true) {
            return false;
        }
        rest = &rest[length..];
    }
    ways[tokens.len()]
}

fn step(token: &Token, letter: &Token, at: usize, next: &mut [bool]) {
    let is_slash = *letter == Token::Letter('/');
    match token {
        Token::AnyInSegment => next[at] |= !is_slash,
        Token::Anything => next[at] = true,
        Token::Deep => {
            next[at] = true;
            next[at + 1] |= is_slash;
        }
        Token::One => next[at + 1] |= !is_slash,
        Token::Class { is_negated, ranges } => {
            let within = |letter: char| ranges.iter().any(|(low, high)| (*low..=*high).contains(&letter));
            let is_in = matches!(letter, Token::Letter(letter) if within(*letter));
            next[at + 1] |= is_in != *is_negated;
        }
        Token::Letter(_) | Token::Byte(_) => next[at + 1] |= token == letter,
        Token::DeepOrNothing => {}
    }
}

fn skip_what_may_be_nothing(tokens: &[Token], ways: &mut [bool]) {
    for (at, token) in tokens.iter().enumerate() {
        match token {
            _ if !ways[at] => {}
            Token::AnyInSegment | Token::Anything => ways[at + 1] = true,
            Token::DeepOrNothing => {
                ways[at + 1] = true;
                ways[at + 2] = true;
            }
            _ => {}
        }
    }
}
