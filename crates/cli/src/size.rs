//! Sizes for people, as docker writes them: decimal units, four significant digits (go-units `HumanSize`).

/// `28231234` as `28.23MB`.
#[expect(clippy::cast_precision_loss, reason = "four digits are shown")]
pub fn human_size(bytes: u64) -> String {
    const UNITS: [&str; 9] = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1000.0 && unit < UNITS.len() - 1 {
        value /= 1000.0;
        unit += 1;
    }
    format!("{}{}", significant(value), UNITS[unit])
}

/// C's `%.4g` for numbers below 10,000: four significant digits, no zeros behind the point.
fn significant(value: f64) -> String {
    let whole = if value < 10.0 {
        1
    } else if value < 100.0 {
        2
    } else if value < 1000.0 {
        3
    } else {
        4
    };
    let text = format!("{value:.*}", 4 - whole);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_dockers() {
        for (bytes, text) in [
            (0, "0B"),
            (999, "999B"),
            (1000, "1kB"),
            (1024, "1.024kB"),
            (28_231_234, "28.23MB"),
            (999_990, "1000kB"),
            (123_456_789, "123.5MB"),
            (1_000_000_000, "1GB"),
            (u64::MAX, "18.45EB"),
        ] {
            assert_eq!(human_size(bytes), text);
        }
    }
}
