//! `$name` and `${name…}`.

use super::ExpansionError;
use super::machine::{Machine, fault};
use super::pattern::Pattern;

impl Machine<'_> {
    /// The value of the variable that begins at the `$` which is next; a `$` without a name is itself.
    pub(super) fn dollar(&mut self) -> Result<String, ExpansionError> {
        self.next();
        if self.peek() == Some('{') {
            self.next();
            return self.braced();
        }
        let name = self.name();
        if name.is_empty() {
            return Ok("$".into());
        }
        match self.value(&name) {
            None if self.mode.keep_unset => Ok(format!("${name}")),
            value => Ok(value.unwrap_or_default()),
        }
    }

    fn braced(&mut self) -> Result<String, ExpansionError> {
        match self.peek() {
            None => return fault("missing '}'"),
            Some('{' | '}' | ':') => return fault("bad substitution: no name after ${"),
            Some(_) => {}
        }
        let name = self.name();
        match self.next() {
            None => fault("missing '}'"),
            Some('}') => match self.value(&name) {
                None if self.mode.keep_unset => Ok(format!("${{{name}}}")),
                value => Ok(value.unwrap_or_default()),
            },
            Some('/') => self.replaced(&name),
            Some(':') => match self.next() {
                None => fault("missing '}'"),
                Some(modifier @ ('#' | '%')) => unsupported(&format!(":{modifier}")),
                Some(modifier) => self.modified(&name, modifier, true),
            },
            Some(modifier @ ('+' | '-' | '?' | '#' | '%')) => self.modified(&name, modifier, false),
            Some(modifier) => unsupported(&modifier.to_string()),
        }
    }

    /// `${name:-word}` and its like; `or_empty` is the colon: an empty value counts as none.
    fn modified(&mut self, name: &str, modifier: char, or_empty: bool) -> Result<String, ExpansionError> {
        let is_pattern = matches!(modifier, '#' | '%');
        let word = self.inner('}', is_pattern);
        let word = self.or_missing(word, "missing '}'")?;
        let value = self.value(name);
        let colon = if or_empty { ":" } else { "" };
        if value.is_none() && self.mode.keep_unset {
            return Ok(format!("${{{name}{colon}{modifier}{word}}}"));
        }
        let filled = value.clone().filter(|value| !(or_empty && value.is_empty()));
        match modifier {
            '-' => Ok(filled.unwrap_or(word)),
            '+' => Ok(filled.map(|_| word).unwrap_or_default()),
            '?' => filled.ok_or_else(|| required(name, &word, value.is_some())),
            '#' | '%' => self.trimmed(&value.unwrap_or_default(), &word, modifier),
            _ => unsupported(&format!("{colon}{modifier}")),
        }
    }

    /// `${name#pattern}`, `##`, `%` and `%%`: the value without what the pattern matches at its beginning or end, the
    /// shortest piece or the longest.
    fn trimmed(&mut self, value: &str, word: &str, side: char) -> Result<String, ExpansionError> {
        let longest = word.strip_prefix(side);
        let mut letters: Vec<char> = value.chars().collect();
        let mut pattern = Pattern::parse(longest.unwrap_or(word))?;
        if side == '%' {
            letters.reverse();
            pattern.reverse();
        }
        let end = pattern.prefix(&letters, longest.is_some(), self.budget)?;
        letters.drain(..end.unwrap_or(0));
        if side == '%' {
            letters.reverse();
        }
        Ok(letters.into_iter().collect())
    }

    /// `${name/pattern/text}` and `${name//pattern/text}`: the first match, or all of them, replaced.
    fn replaced(&mut self, name: &str) -> Result<String, ExpansionError> {
        let all = self.peek() == Some('/');
        if all {
            self.next();
        }
        let pattern = self.inner('/', true);
        let pattern = self.or_missing(pattern, "missing '/' between pattern and replacement")?;
        let replacement = self.inner('}', true);
        let replacement = self.or_missing(replacement, "missing '}'")?;
        let value = self.value(name);
        if value.is_none() && self.mode.keep_unset {
            return Ok(format!("${{{name}/{pattern}/{replacement}}}"));
        }
        let letters: Vec<char> = value.unwrap_or_default().chars().collect();
        let pattern = Pattern::parse(&pattern)?;
        let matches = pattern.matches(&letters, all, self.budget)?;
        let mut text = String::new();
        let mut done = 0;
        for found in matches {
            let between: String = letters[done..found.start].iter().collect();
            self.append(&mut text, &between)?;
            self.append(&mut text, &replacement)?;
            done = found.end;
        }
        text.extend(&letters[done..]);
        Ok(text)
    }

    /// Reads a name: letters, digits and `_`; or digits alone; or one special parameter of the shell.
    fn name(&mut self) -> String {
        let first = self.peek();
        let in_name: fn(char) -> bool = match first {
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => return self.next().into_iter().collect(),
            Some(digit) if digit.is_ascii_digit() => |letter| letter.is_ascii_digit(),
            _ => |letter| letter.is_alphanumeric() || letter == '_',
        };
        let mut name = String::new();
        while let Some(letter) = self.peek().filter(|letter| in_name(*letter)) {
            name.push(letter);
            self.next();
        }
        name
    }

    fn value(&mut self, name: &str) -> Option<String> {
        let value = self.variables.get(name);
        let seen = if value.is_some() { &mut self.names.matched } else { &mut self.names.unmatched };
        if !seen.contains(name) {
            seen.insert(name.to_owned());
        }
        value.map(str::to_owned)
    }

    /// The error of an inner word, which at the end of all is that something is missing.
    fn or_missing(
        &self,
        inner: Result<String, ExpansionError>,
        missing: &str,
    ) -> Result<String, ExpansionError> {
        inner.or_else(|error| if self.peek().is_none() { fault(missing) } else { Err(error) })
    }
}

fn required(name: &str, message: &str, is_set: bool) -> ExpansionError {
    let usual = if is_set { "is not allowed to be empty" } else { "is not allowed to be unset" };
    ExpansionError(format!("{name}: {}", if message.is_empty() { usual } else { message }))
}

fn unsupported<T>(modifier: &str) -> Result<T, ExpansionError> {
    fault(format!("unsupported modifier ({modifier}) in substitution"))
}
