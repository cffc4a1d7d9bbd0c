//! What was copied: by a hash, as the classic builder and buildah write it, or by name.

use super::{FLAGS_OF_COPY, Recovered};

/// As many digits of a hash as tell files apart.
const DIGITS: usize = 12;

/// `file:HASH in /dst`: the sources have no names any more. `None` where it is not of that form.
pub(super) fn by_hash(keyword: &str, rest: &str) -> Option<Recovered> {
    if !matches!(keyword, "COPY" | "ADD") {
        return None;
    }
    let (sources, destination) = rest.split_once(" in ")?;
    let (flags, source) = sources.rsplit_once(' ').map_or(("", sources), |(flags, source)| (flags, source));
    let (kind, hash) = source.split_once(':')?;
    let is_hash = hash.len() >= DIGITS && hash.bytes().all(|letter| letter.is_ascii_hexdigit());
    if !matches!(kind, "file" | "dir" | "multi") || !is_hash {
        return None;
    }
    let words = [keyword, flags, &format!("{kind}-{}", &hash[..DIGITS]), destination.trim()];
    let instruction: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let what = match kind {
        "file" => "the file was called",
        "dir" => "the directory was called",
        _ => "the files were called",
    };
    Some(Recovered::known(instruction.join(" ")).but(format!("how {what}; its content had the hash {hash}")))
}

/// `src dst`, as BuildKit writes it.
pub(super) fn by_name(keyword: &str, rest: &str) -> Recovered {
    let heredocs: Vec<&str> = rest.split(' ').filter_map(|word| word.strip_prefix("<<")).collect();
    let mut instruction = format!("{keyword} {rest}");
    for heredoc in &heredocs {
        let end = heredoc.trim_start_matches('-').trim_matches(['"', '\'']);
        instruction.push_str(&format!("\n{end}"));
    }
    let recovered = Recovered::known(instruction);
    if heredocs.is_empty() {
        return recovered.but(FLAGS_OF_COPY);
    }
    recovered.but("what the heredoc held")
}
