//! The words of a line: quotes, backslashes, variables.

use super::Parsed;
use super::arguments::json_list;

/// A word in which variables of the image's environment are yet to be replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word(pub(super) Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Variable(String),
}

impl Word {
    pub(super) fn expand(&self, env: &[String]) -> String {
        let value = |name: &str| {
            env.iter().find_map(|entry| entry.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
        };
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.as_str(),
                Piece::Variable(name) => value(name),
            })
            .collect()
    }

    fn text(&mut self, letter: char) {
        match self.0.last_mut() {
            Some(Piece::Text(text)) => text.push(letter),
            _ => self.0.push(Piece::Text(letter.to_string())),
        }
    }

    fn literal(text: &str) -> Word {
        Word(vec![Piece::Text(text.to_owned())])
    }
}

pub(super) fn required(rest: &str) -> Parsed<&str> {
    if rest.is_empty() { Err("an argument") } else { Ok(rest) }
}

pub(super) fn single(rest: &str) -> Parsed<Word> {
    let mut words = words(required(rest)?)?;
    if words.len() == 1 { Ok(words.remove(0)) } else { Err("one argument") }
}

pub(super) fn list(rest: &str) -> Parsed<Vec<Word>> {
    match json_list(rest) {
        Some(list) => Ok(list.iter().map(|text| Word::literal(text)).collect()),
        None => words(required(rest)?),
    }
}

/// `A=b "C"='d e'`, or the old form `A the rest of the line`.
pub(super) fn pairs(rest: &str) -> Parsed<Vec<(Word, Word)>> {
    const EXPECTED: &str = "NAME=VALUE …";
    let (first, remainder) = required(rest)?.split_once(char::is_whitespace).unwrap_or((rest, ""));
    if !first.contains('=') {
        if remainder.is_empty() {
            return Err(EXPECTED);
        }
        return Ok(vec![(Word::literal(first), quoted_whole(remainder.trim())?)]);
    }
    words(rest)?.into_iter().map(|word| split_pair(word).ok_or(EXPECTED)).collect()
}

fn quoted_whole(text: &str) -> Parsed<Word> {
    let mut whole = Word::default();
    for (position, word) in words(text)?.into_iter().enumerate() {
        if position > 0 {
            whole.text(' ');
        }
        whole.0.extend(word.0);
    }
    Ok(whole)
}

fn split_pair(word: Word) -> Option<(Word, Word)> {
    let mut pieces = word.0.into_iter();
    let mut name = Vec::new();
    for piece in pieces.by_ref() {
        if let Piece::Text(text) = &piece
            && let Some((before, after)) = text.split_once('=')
        {
            name.push(Piece::Text(before.to_owned()));
            if name == [Piece::Text(String::new())] {
                return None;
            }
            let value = std::iter::once(Piece::Text(after.to_owned())).chain(pieces).collect();
            return Some((Word(name), Word(value)));
        }
        name.push(piece);
    }
    None
}

/// Splits at white space outside quotes; a backslash takes the next letter as it is.
fn words(text: &str) -> Parsed<Vec<Word>> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut quote: Option<char> = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (None, letter) if letter.is_whitespace() => words.extend(word.take()),
            (Some(open), letter) if open == letter => quote = None,
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (Some('\''), letter) => word.get_or_insert_default().text(letter),
            (_, '\\') => {
                let next = letters.next().ok_or("a letter behind the backslash")?;
                word.get_or_insert_default().text(next);
            }
            (_, '$') => {
                let piece = variable(&mut letters)?;
                word.get_or_insert_default().0.push(piece);
            }
            (_, letter) => word.get_or_insert_default().text(letter),
        }
    }
    if quote.is_some() {
        return Err("a closing quote");
    }
    words.extend(word);
    Ok(words)
}

fn variable(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Parsed<Piece> {
    let braced = letters.next_if_eq(&'{').is_some();
    let mut name = String::new();
    while let Some(letter) = letters.next_if(|letter| letter.is_ascii_alphanumeric() || *letter == '_') {
        name.push(letter);
    }
    if braced && letters.next_if_eq(&'}').is_none() {
        return Err("$NAME or ${NAME}");
    }
    Ok(if name.is_empty() { Piece::Text("$".to_owned()) } else { Piece::Variable(name) })
}
