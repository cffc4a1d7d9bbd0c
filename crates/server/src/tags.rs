//! The tags of a repository, in their order, a page at a time.
//!
//! Spec: distribution-spec 1.1, "Listing Tags".

use crate::error::{ApiError, Code};
use crate::handler::{Answer, Asked, json, set};
use crate::name::RepositoryName;
use crate::service::blocking;
use hyper::header;
use std::collections::BTreeSet;

/// GET (end-8a, end-8b).
pub(crate) async fn list(asked: Asked, name: RepositoryName) -> Answer {
    let most = asked.query.get("n").map(number).transpose()?;
    let last = asked.query.get("last").map(str::to_owned);
    let service = asked.service;
    blocking(move || {
        let catalog = service.catalogs.now()?;
        let tags = catalog.tags(&name).ok_or_else(|| {
            ApiError::new(Code::NameUnknown, format_args!("{}: no such repository", name.path()))
        })?;
        let (page, more) = page(&in_order(tags), last.as_deref(), most);
        let mut response = json(&serde_json::json!({ "name": name.path(), "tags": page }));
        if let (true, Some(most), Some(end)) = (more, most, page.last()) {
            let next = name.url(&format!("tags/list?n={most}&last={end}"));
            set(&mut response, header::LINK, format_args!("<{next}>; rel=\"next\""));
        }
        Ok(response)
    })
    .await
}

/// "In lexical order (i.e. case-insensitive alphanumeric order)"; tags that differ by case alone have an order too.
fn in_order(tags: BTreeSet<&str>) -> Vec<&str> {
    let mut tags: Vec<&str> = tags.into_iter().collect();
    tags.sort_by_cached_key(|tag| tag.to_ascii_lowercase());
    tags
}

/// The tags behind `last`, and whether there are more.
fn page<'a>(tags: &[&'a str], last: Option<&str>, most: Option<usize>) -> (Vec<&'a str>, bool) {
    let place = |tag: &str| (tag.to_ascii_lowercase(), tag.to_owned());
    let start = last.map_or(0, |last| {
        let last = place(last);
        tags.partition_point(|tag| place(tag) <= last)
    });
    let behind = &tags[start..];
    let page = &behind[..most.unwrap_or(usize::MAX).min(behind.len())];
    (page.to_vec(), page.len() < behind.len())
}

fn number(text: &str) -> Result<usize, ApiError> {
    text.parse().map_err(|_| {
        ApiError::new(Code::PaginationNumberInvalid, format_args!("n is {text:?}; expected a number"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_behind_the_last_tag_whether_it_is_there_or_not() {
        let tags = in_order(BTreeSet::from(["1", "2", "a"]));
        for (last, most, expected, more) in [
            (None, None, &["1", "2", "a"][..], false),
            (None, Some(2), &["1", "2"], true),
            (None, Some(3), &["1", "2", "a"], false),
            (Some("2"), Some(2), &["a"], false),
            (Some("10"), None, &["2", "a"], false),
            (Some("b"), None, &[], false),
            (None, Some(0), &[], true),
        ] {
            assert_eq!(page(&tags, last, most), (expected.to_vec(), more), "{last:?} {most:?}");
        }
    }

    #[test]
    fn the_case_of_a_letter_is_looked_at_last() {
        let tags = in_order(BTreeSet::from(["a", "B", "b", "C", "1"]));
        assert_eq!(tags, ["1", "a", "B", "b", "C"]);
        for (last, expected) in [
            ("a", &["B", "b", "C"][..]),
            ("B", &["b", "C"]),
            ("b", &["C"]),
            ("BB", &["C"]),
            ("A", &["a", "B", "b", "C"]),
        ] {
            assert_eq!(page(&tags, Some(last), None).0, expected, "{last}");
        }
    }
}
