//! The grammar of image references, as far as `FROM` has to know it.

/// A repository's name is at most this long.
const LONGEST_NAME: usize = 255;

/// Whether `text` can name an image: `debian`, `localhost:5000/a/b:tag@sha256:…`.
///
/// <https://pkg.go.dev/github.com/distribution/reference>
pub fn is_reference(text: &str) -> bool {
    let is_id = text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if is_id {
        return false;
    }
    let (rest, digest) = text.split_once('@').map_or((text, None), |(rest, digest)| (rest, Some(digest)));
    let (host, path) = split_host(rest);
    let (path, tag) = path.split_once(':').map_or((path, None), |(path, tag)| (path, Some(tag)));
    path.len() <= LONGEST_NAME
        && host.is_none_or(is_host)
        && path.split('/').all(is_path_component)
        && tag.is_none_or(is_tag)
        && digest.is_none_or(is_digest)
}

/// The first component is a host if it looks like one.
fn split_host(text: &str) -> (Option<&str>, &str) {
    match text.split_once('/') {
        Some((first, rest))
            if first == "localhost" || first.contains(['.', ':']) || first != first.to_lowercase() =>
        {
            (Some(first), rest)
        }
        _ => (None, text),
    }
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !host.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let is_address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(|address| {
        !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':')
    });
    let is_label = |label: &str| {
        let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        !label.is_empty() && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    (is_address || name.split('.').all(is_label)) && port.is_none_or(is_port)
}

/// Lower case letters and digits; between them `.`, `_`, `__` or dashes.
fn is_path_component(component: &str) -> bool {
    let is_alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let mut separator = String::new();
    let is_separator = |text: &str| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|b| b == b'-');
    let bytes = component.as_bytes();
    let ends = [bytes.first(), bytes.last()].into_iter().all(|end| end.is_some_and(|b| is_alphanumeric(*b)));
    ends && component.chars().all(|letter| {
        if letter.is_ascii() && is_alphanumeric(letter as u8) {
            return is_separator(&std::mem::take(&mut separator));
        }
        separator.push(letter);
        matches!(letter, '.' | '_' | '-')
    })
}

fn is_tag(tag: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let inner = tag.bytes().all(|b| is_word(b) || matches!(b, b'.' | b'-'));
    tag.len() <= 128 && inner && tag.bytes().next().is_some_and(is_word)
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let lengths = [("sha256", 64), ("sha384", 96), ("sha512", 128)];
    let is_known = lengths.contains(&(algorithm, hex.len()));
    is_known && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_have_a_host_a_path_a_tag_and_a_digest() {
        let digest = format!("a@sha256:{}", "0".repeat(64));
        let good =
            ["debian", "a/b:1", "localhost/a", "h:5000/a", "[::1]:80/a", "X.y/a", "a__b", "a---b.c", &digest];
        for text in good {
            assert!(is_reference(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        let id = "a".repeat(64);
        for text in
            ["", ":1", "a:", "A", "a b", "a..b", "a___b", "-a", "a/", "/a", "a@sha256:1", "h_x:1/a", &id]
        {
            assert!(!is_reference(text), "{text}");
        }
    }
}
