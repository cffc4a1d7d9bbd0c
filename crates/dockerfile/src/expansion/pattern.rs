//! Shell patterns of `${name#pattern}` and `${name/pattern/text}`: `*` is any piece of a line, `?` any letter of
//! it, `\` takes `*`, `?`, `\`, `}` and `/` literally. No brackets.
//!
//! Matching follows all ways at once, so it takes at most pattern × value steps.

use std::ops::Range;

use super::machine::fault;
use super::{Budget, ExpansionError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    AnyPiece,
    AnyLetter,
    Letter(char),
}

pub(super) struct Pattern {
    tokens: Vec<Token>,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Pattern, ExpansionError> {
        let mut tokens = Vec::new();
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            tokens.push(match letter {
                '*' => Token::AnyPiece,
                '?' => Token::AnyLetter,
                '\\' => match letters.next() {
                    Some(escaped @ ('*' | '?' | '\\' | '}' | '/')) => Token::Letter(escaped),
                    other => {
                        let other = other.map(String::from).unwrap_or_default();
                        return fault(format!("invalid pattern ({text}): invalid escape '\\{other}'"));
                    }
                },
                letter => Token::Letter(letter),
            });
        }
        Ok(Pattern { tokens })
    }

    /// The same pattern read backwards.
    pub(super) fn reverse(&mut self) {
        self.tokens.reverse();
    }

    /// Where the longest or the shortest match at the beginning of `letters` ends.
    pub(super) fn prefix(
        &self,
        letters: &[char],
        longest: bool,
        budget: &Budget,
    ) -> Result<Option<usize>, ExpansionError> {
        let mut ways = Ways::new(self, budget);
        ways.begin(0);
        let mut end = None;
        for at in 0..=letters.len() {
            if ways.matched().is_some() {
                end = Some(at);
                if !longest {
                    break;
                }
            }
            if at == letters.len() || !ways.step(letters[at])? {
                break;
            }
        }
        Ok(end)
    }

    /// The first match, leftmost and there longest; or all, one behind the other.
    pub(super) fn matches(
        &self,
        letters: &[char],
        all: bool,
        budget: &Budget,
    ) -> Result<Vec<Range<usize>>, ExpansionError> {
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut from = 0;
        while let Some(next) = self.find(letters, from, budget)? {
            let last_end = found.last().map_or(0, |last| last.end);
            from = next.end.max(from + 1);
            // no empty match right behind another match
            if next.end > last_end || next.start == 0 {
                found.push(next);
            }
            if !all || from > letters.len() {
                break;
            }
        }
        Ok(found)
    }

    fn find(
        &self,
        letters: &[char],
        from: usize,
        budget: &Budget,
    ) -> Result<Option<Range<usize>>, ExpansionError> {
        let mut ways = Ways::new(self, budget);
        let mut best: Option<Range<usize>> = None;
        for at in from..=letters.len() {
            if best.is_none() {
                ways.begin(at);
            }
            if let Some(start) =
                ways.matched().filter(|start| best.as_ref().is_none_or(|b| *start <= b.start))
            {
                best = Some(start..at);
                ways.drop_after(start);
            }
            let is_alive = at < letters.len() && ways.step(letters[at])?;
            if at == letters.len() || best.is_some() && !is_alive {
                break;
            }
        }
        Ok(best)
    }
}

/// For each place in the pattern that a match can have reached, where the first such match began.
struct Ways<'p> {
    tokens: &'p [Token],
    budget: &'p Budget,
    begun: Vec<Option<usize>>,
    next: Vec<Option<usize>>,
}

impl<'p> Ways<'p> {
    fn new(pattern: &'p Pattern, budget: &'p Budget) -> Ways<'p> {
        let none = vec![None; pattern.tokens.len() + 1];
        Ways { tokens: &pattern.tokens, budget, begun: none.clone(), next: none }
    }

    /// A match may begin at `at`.
    fn begin(&mut self, at: usize) {
        self.begun[0] = earlier(self.begun[0], Some(at));
        self.skip_empty_pieces();
    }

    /// Where the first match that is complete began.
    fn matched(&self) -> Option<usize> {
        self.begun.last().copied().flatten()
    }

    /// Forgets the matches that began after `start`.
    fn drop_after(&mut self, start: usize) {
        for way in &mut self.begun {
            *way = way.filter(|begun| *begun <= start);
        }
    }

    /// Reads a letter; whether any way is left.
    fn step(&mut self, letter: char) -> Result<bool, ExpansionError> {
        self.budget.spend(self.begun.len())?;
        self.next.fill(None);
        for (at, token) in self.tokens.iter().enumerate() {
            let to = match token {
                Token::AnyPiece if letter != '\n' => at,
                Token::AnyLetter if letter != '\n' => at + 1,
                Token::Letter(wanted) if *wanted == letter => at + 1,
                _ => continue,
            };
            self.next[to] = earlier(self.next[to], self.begun[at]);
        }
        std::mem::swap(&mut self.begun, &mut self.next);
        self.skip_empty_pieces();
        Ok(self.begun.iter().any(Option::is_some))
    }

    fn skip_empty_pieces(&mut self) {
        for (at, token) in self.tokens.iter().enumerate() {
            if *token == Token::AnyPiece {
                self.begun[at + 1] = earlier(self.begun[at + 1], self.begun[at]);
            }
        }
    }
}

fn earlier(a: Option<usize>, b: Option<usize>) -> Option<usize> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
