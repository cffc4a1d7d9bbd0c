//! Tags, a page at a time.

use crate::registry::{Registry, image};
use serde_json::json;

#[test]
fn tags_are_listed_in_order_a_page_at_a_time() {
    let registry = Registry::new();
    let built = image("1").build();
    for tag in ["b", "1", "a", "10"] {
        registry.push("team/app", tag, &built);
    }
    let all = registry.get("/v2/team/app/tags/list").is(200);
    assert_eq!(all.json(), json!({ "name": "team/app", "tags": ["1", "10", "a", "b"] }));
    assert_eq!((all.header("content-type"), all.header("link")), ("application/json", ""));
    let first = registry.get("/v2/team/app/tags/list?n=3").is(200);
    assert_eq!(first.json()["tags"], json!(["1", "10", "a"]));
    assert_eq!(first.header("link"), "</v2/team/app/tags/list?n=3&last=a>; rel=\"next\"");
    let second = registry.get("/v2/team/app/tags/list?n=3&last=a").is(200);
    assert_eq!((&second.json()["tags"], second.header("link")), (&json!(["b"]), ""));
    assert_eq!(registry.get("/v2/team/app/tags/list?n=0").is(200).json()["tags"], json!([]));
    assert_eq!(registry.get("/v2/team/app/tags/list?last=zz").is(200).json()["tags"], json!([]));
    registry.get("/v2/team/app/tags/list?n=x").fails(400, "PAGINATION_NUMBER_INVALID");
    registry.get("/v2/team/app/tags/list?n=-1").fails(400, "PAGINATION_NUMBER_INVALID");
}

#[test]
fn a_repository_that_is_not_there_is_unknown() {
    let registry = Registry::new();
    registry.get("/v2/nothing/tags/list").fails(404, "NAME_UNKNOWN");
    registry.get("/v2/NOTHING/tags/list").fails(400, "NAME_INVALID");
    registry.delete("/v2/nothing/tags/list").fails(405, "UNSUPPORTED");
}
