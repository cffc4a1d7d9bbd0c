//! Reads a word letter by letter and writes what it means.

use std::str::Chars;

use super::words::Words;
use super::{Budget, ExpansionError, GROWTH_LIMIT, Mode, Names, Variables};

/// Forms like `${a:-${b:-c}}` nest at most this deep.
pub const DEPTH_LIMIT: usize = 64;

pub(super) struct Machine<'m> {
    rest: Chars<'m>,
    pub(super) mode: Mode,
    pub(super) variables: &'m dyn Variables,
    pub(super) budget: &'m Budget,
    pub(super) names: &'m mut Names,
    limit: usize,
    depth: usize,
}

impl<'m> Machine<'m> {
    pub(super) fn new(
        word: &'m str,
        mode: Mode,
        variables: &'m dyn Variables,
        budget: &'m Budget,
        names: &'m mut Names,
    ) -> Machine<'m> {
        let limit = word.len() + GROWTH_LIMIT;
        Machine { rest: word.chars(), mode, variables, budget, names, limit, depth: 0 }
    }

    pub(super) fn whole(mut self) -> Result<String, ExpansionError> {
        self.until(None, self.mode.raw_escapes, None)
    }

    pub(super) fn words(mut self) -> Result<Vec<String>, ExpansionError> {
        let mut words = Words::default();
        self.until(None, self.mode.raw_escapes, Some(&mut words))?;
        Ok(words.finish())
    }

    /// What stands before the letter `stop` inside a form, which is read too.
    pub(super) fn inner(&mut self, stop: char, raw_escapes: bool) -> Result<String, ExpansionError> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return fault(format!("forms nest more than {DEPTH_LIMIT} deep"));
        }
        let inner = self.until(Some(stop), raw_escapes, None);
        self.depth -= 1;
        inner
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        self.rest.next()
    }

    pub(super) fn append(&self, text: &mut String, more: &str) -> Result<(), ExpansionError> {
        self.budget.spend(more.len())?;
        text.push_str(more);
        if text.len() > self.limit {
            return fault("its value grows above 1 MiB");
        }
        Ok(())
    }

    fn until(
        &mut self,
        stop: Option<char>,
        raw_escapes: bool,
        mut words: Option<&mut Words>,
    ) -> Result<String, ExpansionError> {
        let outer = std::mem::replace(&mut self.mode.raw_escapes, raw_escapes);
        let mut text = String::new();
        while let Some(letter) = self.peek() {
            if stop == Some(letter) {
                self.next();
                self.mode.raw_escapes = outer;
                return Ok(text);
            }
            self.one(letter, &mut text, words.as_deref_mut())?;
        }
        self.mode.raw_escapes = outer;
        match stop {
            Some(stop) => fault(format!("unexpected end while looking for the matching {stop}")),
            None => Ok(text),
        }
    }

    /// Reads one letter, or what it begins.
    fn one(
        &mut self,
        letter: char,
        text: &mut String,
        words: Option<&mut Words>,
    ) -> Result<(), ExpansionError> {
        let quotes = !self.mode.plain_quotes;
        match letter {
            '$' => {
                let value = self.dollar()?;
                self.append(text, &value)?;
                if let Some(words) = words {
                    value.chars().for_each(|letter| words.letter(letter));
                }
            }
            '\'' | '"' if quotes => {
                let quoted = if letter == '"' { self.double_quoted()? } else { self.single_quoted()? };
                self.append(text, &quoted)?;
                words.into_iter().for_each(|words| words.quoted(&quoted));
            }
            '<' => {
                let mark = self.heredoc_mark();
                text.push_str(&mark);
                words.into_iter().for_each(|words| words.quoted(&mark));
            }
            escape if escape == self.mode.escape => {
                let escaped = self.escaped();
                text.push_str(&escaped);
                words.into_iter().for_each(|words| words.quoted(&escaped));
            }
            plain => {
                self.next();
                text.push(plain);
                words.into_iter().for_each(|words| words.letter(plain));
            }
        }
        Ok(())
    }

    /// An escape and its letter; an escape at the very end is nothing.
    fn escaped(&mut self) -> String {
        let escape = self.next().filter(|_| self.mode.raw_escapes);
        escape.into_iter().chain(self.next()).collect()
    }

    /// `<<` and the blanks behind it belong to the word that follows: the name of a heredoc.
    fn heredoc_mark(&mut self) -> String {
        let mut mark: String = self.next().into_iter().collect();
        if self.peek() == Some('<') {
            mark.extend(self.next());
            while let Some(blank) = self.peek().filter(|letter| matches!(letter, ' ' | '\t' | '\r')) {
                mark.push(blank);
                self.next();
            }
        }
        mark
    }

    /// Between single quotes every letter means itself.
    fn single_quoted(&mut self) -> Result<String, ExpansionError> {
        let mut text = String::new();
        text.extend(self.next().filter(|_| self.mode.raw_quotes));
        loop {
            match self.next() {
                None => return fault("no matching ' (single quote)"),
                Some('\'') => break,
                Some(letter) => text.push(letter),
            }
        }
        text.extend(self.mode.raw_quotes.then_some('\''));
        Ok(text)
    }

    /// Between double quotes variables are replaced, and an escape counts only before `"`, `$` and itself.
    fn double_quoted(&mut self) -> Result<String, ExpansionError> {
        let mut text = String::new();
        text.extend(self.next().filter(|_| self.mode.raw_quotes));
        loop {
            match self.peek() {
                None => return fault("no matching \" (double quote)"),
                Some('"') => break,
                Some('$') => {
                    let value = self.dollar()?;
                    self.append(&mut text, &value)?;
                }
                Some(letter) => {
                    self.next();
                    self.double_quoted_letter(letter, &mut text);
                }
            }
        }
        text.extend(self.next().filter(|_| self.mode.raw_quotes));
        Ok(text)
    }

    fn double_quoted_letter(&mut self, letter: char, text: &mut String) {
        if letter != self.mode.escape {
            return text.push(letter);
        }
        text.extend(Some(letter).filter(|_| self.mode.raw_escapes));
        match self.peek() {
            None => {}
            Some(next) if matches!(next, '"' | '$') || next == self.mode.escape => text.extend(self.next()),
            Some(_) => text.push(letter),
        }
    }
}

pub(super) fn fault<T>(message: impl Into<String>) -> Result<T, ExpansionError> {
    Err(ExpansionError(message.into()))
}
