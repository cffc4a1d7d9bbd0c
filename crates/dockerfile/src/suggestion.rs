//! "Did you mean …?": the candidate nearest to a mistyped word.

/// A candidate this many edits away is no guess any more (as in BuildKit and hcl).
const TOO_FAR: usize = 3;

/// Longer words are not compared: nobody mistypes them, and the time grows with the square.
const LONGEST: usize = 64;

/// More candidates are not compared.
const MOST: usize = 1024;

/// The first of the candidates nearest to `word`, where one is near enough and none is the word itself.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates.into_iter().take(MOST) {
        match distance(word, candidate) {
            0 => return None,
            edits if edits < best.map_or(TOO_FAR, |(edits, _)| edits) => best = Some((edits, candidate)),
            _ => {}
        }
    }
    best.map(|(_, candidate)| candidate).filter(|candidate| !candidate.is_empty())
}

/// The same, whatever the case of letters; the guess has the case that `word` has.
pub(crate) fn nearest_in_any_case(word: &str, candidates: &[&str]) -> Option<String> {
    let lower: Vec<String> = candidates.iter().map(|c| c.to_lowercase()).collect();
    let guess = nearest(&word.to_lowercase(), lower.iter().map(String::as_str))?;
    let is_upper = word == word.to_uppercase() && word != word.to_lowercase();
    Some(if is_upper { guess.to_uppercase() } else { guess.to_owned() })
}

/// Levenshtein's distance, or `TOO_FAR` where it is at least that.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (a.chars().take(LONGEST + 1).collect(), b.chars().take(LONGEST + 1).collect());
    if a == b && a.len() <= LONGEST {
        return 0;
    }
    if a.len() > LONGEST || b.len() > LONGEST || a.len().abs_diff(b.len()) >= TOO_FAR {
        return TOO_FAR;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_candidate_is_at_most_two_edits_away() {
        let flags = ["chown", "chmod", "link"];
        assert_eq!(nearest("chwon", flags), Some("chown"));
        assert_eq!(nearest("lnk", flags), Some("link"));
        assert_eq!(nearest("checksum", flags), None);
    }

    #[test]
    fn a_word_that_is_a_candidate_needs_no_guess() {
        assert_eq!(nearest("link", ["lin", "link"]), None);
    }

    #[test]
    fn a_guess_has_the_case_of_the_word() {
        assert_eq!(nearest_in_any_case("FORM", &["FROM", "RUN"]).as_deref(), Some("FROM"));
        assert_eq!(nearest_in_any_case("form", &["FROM", "RUN"]).as_deref(), Some("from"));
    }
}
