//! Values as a Dockerfile has them.

/// Text in which nothing is to be expanded: what would be is escaped.
pub(super) fn literal(text: &str) -> String {
    text.replace('\\', "\\\\").replace('$', "\\$")
}

/// A value behind `NAME=`, in quotes where it needs them. `None`: no line can say it.
pub(super) fn value(text: &str) -> Option<String> {
    if text.contains(['\n', '\r']) {
        return None;
    }
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_./:@%+,=-~".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        return Some(text.to_owned());
    }
    Some(format!("\"{}\"", literal(text).replace('"', "\\\"")))
}

/// A JSON array.
pub(super) fn json_list<T: AsRef<str>>(words: &[T]) -> String {
    let words: Vec<String> = words.iter().map(|word| serde_json::json!(word.as_ref()).to_string()).collect();
    format!("[{}]", words.join(", "))
}

/// The lines of a shell: as they are, or as a heredoc where they would be read as something else.
pub(super) fn script(lines: &str) -> String {
    let is_one_line = !lines.contains('\n') && lines.trim() == lines && !lines.is_empty();
    let means_itself = !lines.starts_with("--") && !lines.ends_with('\\') && !lines.contains("<<");
    let is_json = lines.starts_with('[') && serde_json::from_str::<serde_json::Value>(lines).is_ok();
    if is_one_line && means_itself && !is_json {
        return lines.to_owned();
    }
    let end = unused_word(lines);
    let newline = if lines.ends_with('\n') { "" } else { "\n" };
    format!("<<{end}\n{lines}{newline}{end}")
}

/// A word that no line is.
fn unused_word(lines: &str) -> String {
    let taken = |word: &str| lines.lines().any(|line| line == word);
    let numbered = (2..).map(|number| format!("EOF{number}"));
    std::iter::once("EOF".to_owned()).chain(numbered).find(|word| !taken(word)).unwrap_or_default()
}
