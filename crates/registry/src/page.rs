//! Lists in pages: tags and referrers.
//!
//! Spec: distribution-spec, "Listing Tags" and "Listing Referrers"; RFC 8288.

use crate::Error;
use crate::host::same_origin;
use crate::repository::{Shared, is_absent};
use crate::request::Request;
use bytes::Bytes;
use image_format::{Descriptor, Digest, Index, MAX_MANIFEST_BYTES, Tag};
use reqwest::Method;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, LINK};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashSet;

/// A million tags in one answer are 12 MB.
const MAX_TAGS_ANSWER: usize = 32 << 20;
/// Registries give 100 or 1,000 a page.
const MAX_PAGES: usize = 1_000;

/// All tags of a repository.
pub(crate) async fn tags(shared: &Shared) -> Result<Vec<Tag>, Error> {
    let object = shared.locator();
    let mut request = shared.request(Method::GET, "tags/list?n=1000", shared.pull(), &object).await?;
    let (mut tags, mut seen) = (Vec::new(), HashSet::new());
    for _ in 0..MAX_PAGES {
        let (headers, body) = shared.inner.fetch(&shared.host, &request, MAX_TAGS_ANSWER).await?;
        let before = tags.len();
        tags.extend(page_of_tags(&body, &object)?.into_iter().filter(|tag| seen.insert(tag.clone())));
        let Some(next) = next(shared, &request, &headers)? else { return Ok(tags) };
        if tags.len() == before {
            return Err(Error::protocol(&object, "the registry's list of tags goes on without bringing any"));
        }
        request = next;
    }
    Err(Error::protocol(&object, format!("the registry's list of tags has more than {MAX_PAGES} pages")))
}

fn page_of_tags(body: &[u8], object: &str) -> Result<Vec<Tag>, Error> {
    #[derive(Deserialize)]
    struct Page<'a> {
        #[serde(borrow)]
        tags: Option<Vec<&'a RawValue>>,
    }
    let page: Page<'_> = serde_json::from_slice(body)
        .map_err(|_| Error::protocol(object, "the registry's answer is not a list of tags"))?;
    let text = |value: &RawValue| serde_json::from_str::<String>(value.get()).ok();
    Ok(page.tags.into_iter().flatten().filter_map(text).filter_map(|text| text.parse().ok()).collect())
}

/// What refers to `subject`; by the tag that stands for the API where the registry has none.
pub(crate) async fn referrers(shared: &Shared, subject: Digest) -> Result<Vec<Descriptor>, Error> {
    let object = format!("{}@{subject}", shared.locator());
    let below = format!("referrers/{subject}");
    let mut request = shared.request(Method::GET, &below, shared.pull(), &object).await?;
    let mut found = Vec::new();
    for page in 0..MAX_PAGES {
        let most = usize::try_from(MAX_MANIFEST_BYTES).unwrap_or(usize::MAX);
        request.headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.oci.image.index.v1+json"));
        let (headers, body) = match shared.inner.fetch(&shared.host, &request, most).await {
            Ok(answer) => answer,
            Err(error) if page == 0 && is_absent(&error) => return by_tag(shared, subject).await,
            // a registry that does not know the path may say so in other ways
            Err(Error::Status { status: 400 | 405 | 501, .. }) if page == 0 => {
                return by_tag(shared, subject).await;
            }
            Err(error) => return Err(error),
        };
        let before = found.len();
        found.extend(page_of_referrers(&body, &object)?);
        match next(shared, &request, &headers)? {
            Some(next) if found.len() > before => request = next,
            _ => return Ok(found),
        }
    }
    Ok(found)
}

fn page_of_referrers(body: &Bytes, object: &str) -> Result<Vec<Descriptor>, Error> {
    let index: Index = serde_json::from_slice(body)
        .map_err(|_| Error::integrity(object, "the registry's list of referrers is not an index"))?;
    Ok(index.manifests)
}

/// Spec: distribution-spec, "Referrers Tag Schema".
async fn by_tag(shared: &Shared, subject: Digest) -> Result<Vec<Descriptor>, Error> {
    let object = format!("{}@{subject}", shared.locator());
    let below = format!("manifests/{}-{}", subject.algorithm(), subject.hex());
    let request = shared.request(Method::GET, &below, shared.pull(), &object).await?;
    let most = usize::try_from(MAX_MANIFEST_BYTES).unwrap_or(usize::MAX);
    match shared.inner.fetch(&shared.host, &request, most).await {
        Ok((_, body)) => page_of_referrers(&body, &object),
        Err(error) if is_absent(&error) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The request for the page after this one, which is never on another host.
fn next(shared: &Shared, request: &Request, headers: &HeaderMap) -> Result<Option<Request>, Error> {
    let links = headers.get_all(LINK).iter().filter_map(|link| link.to_str().ok());
    let Some(target) = links.flat_map(|link| link.split(", <")).find_map(next_target) else {
        return Ok(None);
    };
    let url = shared.inner.linked(request, target, "link to the next page")?;
    if !same_origin(&url, &request.url) {
        return Err(Error::protocol(
            &request.object,
            "the registry's link to the next page leads to another host",
        ));
    }
    Ok(Some(Request::new(Method::GET, url, request.scope.clone(), &request.object)))
}

fn next_target(link: &str) -> Option<&str> {
    let (target, parameters) = link.trim_start().trim_start_matches('<').split_once('>')?;
    let is_next = |parameter: &str| {
        let parameter = parameter.trim().to_ascii_lowercase();
        matches!(parameter.as_str(), "rel=next" | "rel=\"next\"")
    };
    parameters.split(';').any(is_next).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_links() {
        assert_eq!(next_target("</v2/a/tags/list?last=b>; rel=\"next\""), Some("/v2/a/tags/list?last=b"));
        assert_eq!(next_target("</x>; title=\"y\"; rel=next"), Some("/x"));
        for link in ["<", "</x>", "</x>; rel=\"prev\"", "", ">>>"] {
            assert_eq!(next_target(link), None, "{link}");
        }
    }

    #[test]
    fn what_is_no_tag_is_passed_over() {
        let tags = page_of_tags(br#"{"tags":["a","\u001b[2J","a/b",null,7,"","-rf","1.0"]}"#, "x").unwrap();
        assert_eq!(tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>(), ["a", "1.0"]);
        assert_eq!(page_of_tags(br#"{"tags":null}"#, "x").unwrap(), []);
        assert!(page_of_tags(br#"{"tags":{"a":1}}"#, "x").is_err());
    }
}
