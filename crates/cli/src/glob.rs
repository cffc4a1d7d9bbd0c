//! Patterns of image names, as a shell has them: `*` and `?` stop at a slash, `[a-z]` is one letter of a range.

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Vec<char>);

impl Glob {
    /// Every text is a pattern; an unclosed bracket stands for itself.
    pub fn new(text: &str) -> Glob {
        Glob(text.chars().collect())
    }

    /// Has every bracket its end?
    pub fn is_closed(&self) -> bool {
        let mut at = 0;
        while let Some(letter) = self.0.get(at) {
            at += match letter {
                '\\' => 2,
                '[' => match bracket(&self.0[at + 1..], ' ') {
                    Some((_, length)) => length + 1,
                    None => return false,
                },
                _ => 1,
            };
        }
        true
    }

    /// Does the whole of `text` match?
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        matches(&self.0, &text)
    }
}

/// Goes back to the last star alone: no pattern takes longer than its length times the text's.
fn matches(pattern: &[char], text: &[char]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() || p < pattern.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, t));
            p += 1;
            continue;
        }
        if let (Some(letter), Some(length)) = (text.get(t), text.get(t).and_then(|l| one(&pattern[p..], *l)))
        {
            let _ = letter;
            (p, t) = (p + length, t + 1);
            continue;
        }
        match star {
            Some((at, from)) if text.get(from).is_some_and(|letter| *letter != '/') => {
                (p, t) = (at + 1, from + 1);
                star = Some((at, from + 1));
            }
            _ => return false,
        }
    }
    true
}

/// How many letters of the pattern this letter uses up; `None` where it does not match.
fn one(pattern: &[char], letter: char) -> Option<usize> {
    match pattern {
        ['?', ..] => (letter != '/').then_some(1),
        ['\\', escaped, ..] => (*escaped == letter).then_some(2),
        ['[', rest @ ..] => match bracket(rest, letter) {
            Some((true, length)) => Some(length + 1),
            Some((false, _)) => None,
            None => (letter == '[').then_some(1),
        },
        [plain, ..] => (*plain == letter).then_some(1),
        [] => None,
    }
}

/// What stands behind a `[`: does the letter match, and how long is it with its `]`? `None` where it has no end.
fn bracket(rest: &[char], letter: char) -> Option<(bool, usize)> {
    let negated = matches!(rest.first(), Some('!' | '^'));
    let mut at = usize::from(negated);
    let mut found = false;
    let mut first = true;
    loop {
        match rest.get(at)? {
            ']' if !first => break,
            low => match (rest.get(at + 1), rest.get(at + 2)) {
                (Some('-'), Some(high)) if *high != ']' => {
                    found |= (*low..=*high).contains(&letter);
                    at += 3;
                }
                _ => {
                    found |= *low == letter;
                    at += 1;
                }
            },
        }
        first = false;
    }
    Some((found != negated && letter != '/', at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_a_shell() {
        for (pattern, text, expected) in [
            ("debian", "debian", true),
            ("debian", "debian:12", false),
            ("deb*", "debian", true),
            ("*", "team/app", false),
            ("*/*", "team/app", true),
            ("**", "team", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "xxaxxbxx", false),
            ("debian:1?", "debian:12", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]]x", "]x", true),
            ("a[", "a[", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("", "", true),
            ("*", "", true),
            ("?", "/", false),
        ] {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_ends() {
        assert!(!Glob::new(&"*a".repeat(200)).matches(&"a".repeat(150)));
    }
}
