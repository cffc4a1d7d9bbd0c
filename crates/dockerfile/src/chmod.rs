//! Modes of `--chmod`: octal, or symbolic as in chmod(1).

/// A change of a file's permission bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chmod {
    change: Change,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    To(u32),
    Steps(Vec<Step>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Clear(u32),
    Set(u32),
    /// For directories and files that someone may execute.
    SetIfExecutable(u32),
    /// The bits of one class (its shift) for the classes of a mask, by this operation.
    CopyFrom(u32, u32, u8),
}

const SET_UID: u32 = 0o4000;
const SET_GID: u32 = 0o2000;
const STICKY: u32 = 0o1000;
const STANDARD: u32 = 0o6777;
const OTHER: u32 = 0o007;

impl Chmod {
    /// The mode that `text` says: up to `07777`, or clauses such as `u=rwX,go-w`.
    ///
    /// <https://docs.docker.com/reference/dockerfile/#copy---chown---chmod>
    pub fn parse(text: &str) -> Option<Chmod> {
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777)?;
            return Some(Chmod { change: Change::To(mode) });
        }
        let mut steps = Vec::new();
        for clause in text.split(',') {
            Clause::new(clause).parse(&mut steps)?;
        }
        Some(Chmod { change: Change::Steps(steps) })
    }

    /// The bits that a file of `mode` gets; only the lowest twelve bits matter.
    pub fn apply(&self, mode: u32, is_directory: bool) -> u32 {
        let before = mode & 0o7777;
        match &self.change {
            Change::To(mode) => *mode,
            Change::Steps(steps) => {
                let executes = is_directory || before & 0o111 != 0;
                steps.iter().fold(before, |mode, step| step.apply(mode, executes))
            }
        }
    }
}

impl Step {
    fn apply(self, mode: u32, executes: bool) -> u32 {
        match self {
            Step::Clear(bits) => mode & !bits,
            Step::Set(bits) => mode | bits,
            Step::SetIfExecutable(bits) => mode | if executes { bits } else { 0 },
            Step::CopyFrom(shift, classes, operation) => {
                let value = (((mode >> shift) & OTHER) * 0o111) & classes;
                match operation {
                    b'+' => mode | value,
                    b'-' => mode & !value,
                    _ => mode & !(classes & 0o777) | value,
                }
            }
        }
    }
}

/// `ugo+rwx`, and further operations behind it.
struct Clause<'c> {
    rest: &'c [u8],
    who: u32,
}

impl<'c> Clause<'c> {
    fn new(text: &'c str) -> Clause<'c> {
        Clause { rest: text.as_bytes(), who: 0 }
    }

    fn parse(mut self, steps: &mut Vec<Step>) -> Option<()> {
        while let Some((class, rest)) = self.rest.split_first() {
            self.who |= match class {
                b'a' => STANDARD,
                b'u' => SET_UID | 0o700,
                b'g' => SET_GID | 0o070,
                b'o' => OTHER,
                _ => break,
            };
            self.rest = rest;
        }
        self.operation(steps)?;
        while !self.rest.is_empty() {
            self.operation(steps)?;
        }
        Some(())
    }

    fn operation(&mut self, steps: &mut Vec<Step>) -> Option<()> {
        let (operation, rest) = self.rest.split_first()?;
        if !matches!(operation, b'+' | b'-' | b'=') {
            return None;
        }
        self.rest = rest;
        self.who &= !STICKY;
        if *operation == b'=' {
            steps.push(Step::Clear(if self.who == 0 { STANDARD } else { self.who }));
        }
        while let Some((permission, rest)) = self.rest.split_first() {
            let Some(step) = self.permission(*permission, *operation) else { break };
            steps.extend(step);
            self.rest = rest;
        }
        Some(())
    }

    /// What one letter does; `None` where it is none, an empty step where it does nothing.
    fn permission(&mut self, letter: u8, operation: u8) -> Option<Option<Step>> {
        let not_only_other = self.who == 0 || self.who & !OTHER != 0;
        let classes = if self.who == 0 { 0o777 } else { self.who };
        let bits = match letter {
            b'r' => 0o444,
            b'w' => 0o222,
            b'x' => 0o111,
            b'X' if operation == b'-' => 0o111,
            b'X' => return Some(Some(Step::SetIfExecutable(classes & 0o111))),
            b's' if not_only_other => SET_UID | SET_GID,
            b't' if not_only_other => STICKY,
            b's' | b't' => return Some(None),
            b'u' => return Some(Some(Step::CopyFrom(6, classes & 0o777, operation))),
            b'g' => return Some(Some(Step::CopyFrom(3, classes & 0o777, operation))),
            b'o' => return Some(Some(Step::CopyFrom(0, classes & 0o777, operation))),
            _ => return None,
        };
        let who = if self.who == 0 { 0o7777 } else { self.who | STICKY };
        let bits = bits & who;
        Some(Some(if operation == b'-' { Step::Clear(bits) } else { Step::Set(bits) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(text: &str, mode: u32) -> u32 {
        Chmod::parse(text).unwrap_or_else(|| panic!("{text}")).apply(mode, false)
    }

    #[test]
    fn an_octal_mode_is_what_it_says() {
        assert_eq!(apply("755", 0o600), 0o755);
        assert_eq!(apply("04711", 0o600), 0o4711);
    }

    #[test]
    fn symbolic_modes_change_what_is_there() {
        assert_eq!(apply("u+x", 0o644), 0o744);
        assert_eq!(apply("+x", 0o644), 0o755);
        assert_eq!(apply("go-rw", 0o666), 0o600);
        assert_eq!(apply("a=r", 0o4755), 0o444);
        assert_eq!(apply("u=rwx,g=rx,o=", 0o666), 0o750);
        assert_eq!(apply("g=u,o=g-w", 0o640), 0o664);
        assert_eq!(apply("u+s,+t", 0o755), 0o5755);
        assert_eq!(apply("o+s", 0o755), 0o755);
        assert_eq!(apply("u+r-w", 0o222), 0o422);
    }

    #[test]
    fn a_capital_x_is_for_directories_and_what_someone_may_execute() {
        assert_eq!(apply("a+X", 0o644), 0o644);
        assert_eq!(apply("a+X", 0o744), 0o755);
        assert_eq!(Chmod::parse("u=rwX,go=rX").unwrap().apply(0o600, true), 0o755);
        assert_eq!(apply("u=rwX,go=rX", 0o600), 0o644);
    }

    #[test]
    fn what_is_no_mode_is_refused() {
        for text in ["", "8", "10000", "u", "x", "u+rwx,", "u+q", "77x", "rwx", "u+,z=r", "-1"] {
            assert_eq!(Chmod::parse(text), None, "{text}");
        }
    }
}
