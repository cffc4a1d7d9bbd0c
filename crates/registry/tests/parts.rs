//! A big blob that comes slowly is fetched in parts, side by side; whatever becomes of a part, the blob is whole.
#![allow(clippy::unwrap_used, reason = "tests")]

mod fixture;

use fixture::{Reply, Seen, Server, noise, part, range_of};
use image_format::{Descriptor, Source};
use ociutils_registry::{Environment, Repository, Settings};
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

const MIB: usize = 1 << 20;
const SIZE: usize = 24 * MIB + 5;

/// A client to which every connection is slow.
fn slow(server: &Server) -> Repository {
    let settings = Settings { slow_after: Duration::ZERO, ..Settings::default() };
    server.client(settings).repository(&server.name("app"))
}

fn read(repository: &Repository, descriptor: &Descriptor, from: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    repository.open(descriptor, from as u64).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// Is it one of the parts, rather than all from some byte on?
fn is_part(seen: &Seen) -> bool {
    range_of(seen).is_some_and(|(_, end)| end.is_some())
}

/// First and end of each part that was asked for, in order.
fn parts(server: &Server) -> Vec<(usize, usize)> {
    let seen = server.seen();
    let mut parts: Vec<_> =
        seen.iter().filter_map(range_of).filter_map(|(first, end)| Some((first, end?))).collect();
    parts.sort_unstable();
    parts
}

/// Where each request without an end began.
fn streams(server: &Server) -> Vec<usize> {
    let seen = server.seen();
    let streams = seen.iter().filter(|seen| !is_part(seen));
    streams.map(|seen| range_of(seen).map_or(0, |(first, _)| first)).collect()
}

#[test]
fn a_big_blob_comes_in_parts_each_asked_for_once() {
    let (server, blob) = (Server::right(), noise(SIZE));
    let layer = server.put_blob(&blob);
    assert!(read(&slow(&server), &layer, 0) == blob);
    let parts = parts(&server);
    assert_eq!(streams(&server), [0]);
    assert!(parts.len() > 8 && parts.iter().all(|(first, end)| end - first <= 2 * MIB), "{parts:?}");
    assert!(parts.windows(2).all(|two| two[0].1 == two[1].0), "no gap, nothing twice: {parts:?}");
    assert_eq!(parts.last().unwrap().1, SIZE);
}

#[test]
fn a_fast_or_a_small_one_comes_over_one_connection() {
    let (server, blob) = (Server::right(), noise(SIZE));
    let layer = server.put_blob(&blob);
    let fast = Settings { slow_after: Duration::from_nanos(1), slow_below: 0, ..Settings::default() };
    assert!(read(&server.client(fast).repository(&server.name("app")), &layer, 0) == blob);
    let small = server.put_blob(&blob[..10 * MIB]);
    assert!(read(&slow(&server), &small, 0) == blob[..10 * MIB]);
    assert_eq!(parts(&server), []);
}

#[test]
fn what_came_before_is_not_fetched_again() {
    let (server, blob) = (Server::right(), noise(SIZE));
    let layer = server.put_blob(&blob);
    let mut first = slow(&server).open(&layer, 0).unwrap();
    let mut came = vec![0; 3 * MIB];
    first.read_exact(&mut came).unwrap();
    drop(first);
    let before = server.seen().len();
    came.extend(read(&slow(&server), &layer, 3 * MIB));
    assert!(came == blob);
    let again = &server.seen()[before..];
    assert_eq!(again.iter().filter(|seen| !is_part(seen)).count(), 1);
    assert!(again.iter().any(is_part));
}

#[test]
fn a_registry_without_ranges_goes_on_with_the_stream_that_runs() {
    type Answer = fn(&[u8]) -> Reply;
    let answers: [(&str, Answer); 3] = [
        ("the whole", |blob| Reply::new(200).body(blob)),
        ("416", |_| Reply::error(416, "RANGE_INVALID")),
        ("503", |_| Reply::error(503, "UNAVAILABLE")),
    ];
    let blob = noise(SIZE);
    for (what, answer) in answers {
        let bytes = blob.clone();
        let server = Server::with(move |seen| is_part(seen).then(|| answer(&bytes)));
        let layer = server.put_blob(&blob);
        assert!(read(&slow(&server), &layer, 0) == blob, "{what}");
        assert_eq!(streams(&server), [0], "{what}");
        assert!(parts(&server).len() <= 5, "{what}");
    }
}

#[test]
fn a_registry_that_says_it_has_no_ranges_is_not_asked_for_any() {
    let blob = noise(SIZE);
    let bytes = blob.clone();
    let server = Server::with(move |seen| {
        let whole = || Reply::new(200).header("accept-ranges", "none").body(bytes.clone());
        seen.is("GET", "/blobs/").then(whole)
    });
    let layer = server.put_blob(&blob);
    assert!(read(&slow(&server), &layer, 0) == blob);
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn behind_a_part_that_is_another_than_was_asked_for_the_blob_goes_on_in_one_stream() {
    type Alter = fn(Reply, usize) -> Reply;
    let lies: [(&str, Alter); 3] = [
        ("shifted", |reply, first| {
            Reply { headers: Vec::new(), ..reply }
                .header("content-range", format!("bytes {}-{}/{SIZE}", first + 1, first + 2 * MIB))
        }),
        ("of another blob", |reply, first| {
            Reply { headers: Vec::new(), ..reply }
                .header("content-range", format!("bytes {first}-{}/{}", first + 2 * MIB - 1, SIZE + 1))
        }),
        ("longer, unsized", |mut reply, _| {
            reply.body.push(0);
            Reply { unsized_body: true, ..reply }
        }),
    ];
    let blob = noise(SIZE);
    for (what, alter) in lies {
        let bytes = blob.clone();
        let server = Server::with(move |seen| {
            let (first, _) = range_of(seen).filter(|(first, _)| is_part(seen) && *first > 13 * MIB)?;
            (first < 16 * MIB).then(|| alter(part(seen, &bytes), first))
        });
        let layer = server.put_blob(&blob);
        assert!(read(&slow(&server), &layer, 0) == blob, "{what}");
        let streams = streams(&server);
        assert_eq!(streams.len(), 2, "{what}: {streams:?}");
        assert!((13 * MIB..20 * MIB).contains(&streams[1]), "{what}: {streams:?}");
    }
}

#[test]
fn a_part_that_breaks_is_gone_on_with_from_where_it_broke() {
    let blob = noise(SIZE);
    let bytes = blob.clone();
    let server = Server::with(move |seen| {
        let (first, _) = range_of(seen).filter(|_| is_part(seen))?;
        (6 * MIB..8 * MIB).contains(&first).then(|| part(seen, &bytes).cut(MIB))
    });
    let layer = server.put_blob(&blob);
    assert!(read(&slow(&server), &layer, 0) == blob);
    let broken = parts(&server).into_iter().find(|(first, _)| *first >= 6 * MIB).unwrap().0;
    assert_eq!(streams(&server)[..2], [0, broken + MIB]);
    assert!(parts(&server).iter().any(|(first, _)| *first > broken + 11 * MIB), "there are parts again");
}

#[test]
fn each_part_is_led_elsewhere_by_the_registry_and_takes_no_credential_there() {
    let blob = noise(SIZE);
    let elsewhere = Arc::new(Server::right());
    let layer = elsewhere.put_blob(&blob);
    let other = elsewhere.address.replace("127.0.0.1", "localhost");
    let target = format!("http://{other}/v2/cdn/blobs/{}", layer.digest);
    let server = Server::with(move |seen| {
        if seen.header("authorization").is_none() {
            return Some(Reply::error(401, "UNAUTHORIZED").header("www-authenticate", "Basic realm=\"x\""));
        }
        seen.is("GET", "/blobs/").then(|| Reply::new(307).header("location", &target))
    });
    let auths = serde_json::json!({ &server.address: { "username": "me", "password": "secret" } });
    let file = serde_json::json!({ "auths": auths }).to_string();
    let environment = Environment { docker_auth_config: Some(file), ..Environment::default() };
    let settings = Settings { slow_after: Duration::ZERO, ..Settings::new(&environment) };
    assert!(read(&server.client(settings).repository(&server.name("app")), &layer, 0) == blob);
    let asked = parts(&elsewhere);
    assert!(asked.len() > 8);
    assert_eq!(parts(&server), asked, "no part but by way of the registry");
    assert!(elsewhere.seen().iter().all(|seen| seen.header("authorization").is_none()));
}

#[test]
fn blobs_side_by_side_share_the_lanes_and_come_whole() {
    let (server, blob) = (Server::right(), noise(SIZE));
    let layers = [server.put_blob(&blob), server.put_blob(&blob[1..]), server.put_blob(&blob[2..])];
    let repository = slow(&server);
    std::thread::scope(|scope| {
        for (start, layer) in layers.iter().enumerate() {
            let (repository, blob) = (&repository, &blob);
            scope.spawn(move || assert!(read(repository, layer, 0) == blob[start..]));
        }
    });
    assert!(!parts(&server).is_empty());
}
