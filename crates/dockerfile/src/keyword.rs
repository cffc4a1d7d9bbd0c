//! The names of the instructions.

use std::fmt;

use crate::diagnostic::Diagnostic;
use crate::span::Word;
use crate::suggestion::nearest_in_any_case;

/// Which instruction it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the instruction of its name")]
pub enum Keyword {
    Add,
    Arg,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    Label,
    Maintainer,
    Onbuild,
    Run,
    Shell,
    Stopsignal,
    User,
    Volume,
    Workdir,
}

const NAMES: [(&str, Keyword); 18] = [
    ("ADD", Keyword::Add),
    ("ARG", Keyword::Arg),
    ("CMD", Keyword::Cmd),
    ("COPY", Keyword::Copy),
    ("ENTRYPOINT", Keyword::Entrypoint),
    ("ENV", Keyword::Env),
    ("EXPOSE", Keyword::Expose),
    ("FROM", Keyword::From),
    ("HEALTHCHECK", Keyword::Healthcheck),
    ("LABEL", Keyword::Label),
    ("MAINTAINER", Keyword::Maintainer),
    ("ONBUILD", Keyword::Onbuild),
    ("RUN", Keyword::Run),
    ("SHELL", Keyword::Shell),
    ("STOPSIGNAL", Keyword::Stopsignal),
    ("USER", Keyword::User),
    ("VOLUME", Keyword::Volume),
    ("WORKDIR", Keyword::Workdir),
];

impl Keyword {
    /// The instruction that `word` names, in any case.
    pub fn find(word: &str) -> Option<Keyword> {
        NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, keyword)| *keyword)
    }

    /// Its name, in upper case.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, keyword)| *keyword == self).map_or("", |(name, _)| name)
    }

    /// Whether heredocs may follow it.
    pub(crate) fn takes_heredocs(self) -> bool {
        matches!(self, Keyword::Add | Keyword::Copy | Keyword::Run)
    }
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `word` names no instruction.
pub(crate) fn unknown(word: &Word) -> Diagnostic {
    let names = NAMES.map(|(name, _)| name);
    let unknown = Diagnostic::new(word.span, format!("unknown instruction: {}", word.text))
        .expected("an instruction")
        .meant(nearest_in_any_case(word, &names));
    match word.split_once('[') {
        Some((name, _)) if Keyword::find(name).is_some() => {
            unknown.hint(format!("a blank is missing: {name} [\"…\"]"))
        }
        _ => unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::Span;

    #[test]
    fn a_list_right_behind_a_name_lacks_a_blank() {
        let hint = |text: &str| unknown(&Word::new(text, Span::default())).hint;
        assert_eq!(hint("Cmd[\"/x\",").as_deref(), Some("a blank is missing: Cmd [\"…\"]"));
        assert_eq!(hint("[\"/x\"]"), None);
        assert_eq!(hint("CMT").as_deref(), Some("did you mean CMD?"));
    }
}
