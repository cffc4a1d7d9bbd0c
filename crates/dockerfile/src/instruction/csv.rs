//! The value of `--mount`: fields between commas, each plain or in double quotes (RFC 4180, on one line).

/// The fields of `line`.
///
/// # Errors
/// What is wrong with a quote, or that there is nothing.
pub(super) fn fields(line: &str) -> Result<Vec<String>, &'static str> {
    let mut rest = line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
    if rest.is_empty() {
        return Err("there is no field");
    }
    let mut fields = Vec::new();
    loop {
        let (field, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => plain_field(rest)?,
        };
        fields.push(field);
        match behind {
            Some(behind) => rest = behind,
            None => return Ok(fields),
        }
    }
}

fn plain_field(rest: &str) -> Result<(String, Option<&str>), &'static str> {
    let (field, behind) = rest.split_once(',').map_or((rest, None), |(field, behind)| (field, Some(behind)));
    if field.contains('"') {
        return Err("a quote stands in a field that does not begin with one");
    }
    Ok((field.to_owned(), behind))
}

/// `rest` begins behind the opening quote; two quotes are one.
fn quoted_field(rest: &str) -> Result<(String, Option<&str>), &'static str> {
    let mut field = String::new();
    let mut rest = rest;
    loop {
        let Some((text, behind)) = rest.split_once('"') else { return Err("a quote is not closed") };
        field.push_str(text);
        match behind.chars().next() {
            None => return Ok((field, None)),
            Some(',') => return Ok((field, Some(&behind[1..]))),
            Some('"') => field.push('"'),
            Some(_) => return Err("something follows the closing quote"),
        }
        rest = &behind[1..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_between_commas_and_may_be_quoted() {
        assert_eq!(fields("type=bind,,from=a").unwrap(), ["type=bind", "", "from=a"]);
        assert_eq!(fields(r#"a,"b,""c""",d"#).unwrap(), ["a", "b,\"c\"", "d"]);
        assert_eq!(fields("a,").unwrap(), ["a", ""]);
    }

    #[test]
    fn a_wrong_quote_is_refused() {
        for line in ["", r#"a"b"#, r#""a"#, r#""a"b"#] {
            assert!(fields(line).is_err(), "{line}");
        }
    }
}
