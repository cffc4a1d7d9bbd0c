//! Reading from a registry: what is asked, what is taken, and what each fault ends in.
#![allow(clippy::unwrap_used, reason = "tests")]

mod fixture;

use fixture::{Reply, Seen, Server, noise, part};
use image_format::{Class, Descriptor, Digest, Failure, MediaType, Source};
use ociutils_registry::{Repository, Settings};
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn read(repository: &Repository, descriptor: &Descriptor, from: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    repository.open(descriptor, from)?.read_to_end(&mut bytes).map_err(Failure::from)?;
    Ok(bytes)
}

fn is_layer(seen: &Seen) -> bool {
    seen.is("GET", "/blobs/")
}

const MANIFEST: &[u8] = br#"{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0},"layers":[]}"#;

#[test]
fn a_tag_resolves_by_head_and_is_read_once() {
    let server = Server::right();
    let manifest = server.put_manifest("1", MANIFEST);
    let name = server.name("app:1");
    let repository = server.repository("app:1");
    assert_eq!(repository.resolve(&name).unwrap(), manifest);
    assert_eq!(read(&repository, &manifest, 0).unwrap(), MANIFEST);
    assert_eq!(read(&repository, &manifest, 5).unwrap(), MANIFEST[5..]);
    let asked = server.asked();
    let by_digest = format!("GET /v2/app/manifests/{}", manifest.digest);
    assert_eq!(asked, ["HEAD /v2/app/manifests/1".to_owned(), by_digest]);
}

#[test]
fn a_manifest_is_verified_whichever_way_it_comes() {
    let other = Digest::sha256(b"other");
    let server = Server::with(move |seen| match seen.path.rsplit('/').next() {
        Some("lies") => Some(
            Reply::new(200)
                .header("content-type", MediaType::OciManifest)
                .header("docker-content-digest", other)
                .body(MANIFEST),
        ),
        Some("index") => Some(Reply::new(200).header("content-type", MediaType::OciIndex).body(
            br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json"}"#.to_vec(),
        )),
        Some("html") => Some(Reply::new(200).header("content-type", "text/html").body("<html>")),
        Some("big") => Some(Reply::new(200).body(vec![b' '; (4 << 20) + 1])),
        Some("untyped") => Some(Reply::new(200).body(MANIFEST)),
        Some(text) if text.starts_with("sha256:") => Some(Reply::new(200).body(MANIFEST)),
        _ => None,
    });
    let repository = server.repository("app");
    let class =
        |tag: &str| repository.manifest(&server.name(&format!("app:{tag}"))).map_err(|error| error.class());
    for tag in ["lies", "index", "html", "big"] {
        assert_eq!(class(tag).unwrap_err(), Class::Integrity, "{tag}");
    }
    assert_eq!(class("untyped").unwrap().descriptor.media_type, MediaType::OciManifest);
    let altered = repository.manifest(&other).unwrap_err();
    assert_eq!(altered.class(), Class::Integrity, "{altered}");
    assert_eq!(class("gone").unwrap_err(), Class::NotFound);
}

#[test]
fn a_head_that_names_what_is_not_there_is_a_lie() {
    let other = br#"{"schemaVersion":2,"manifests":[]}"#;
    // with something else under the tag it is a lie, with nothing the image is gone
    for (under_the_tag, class) in [(Some(other), Class::Integrity), (None, Class::NotFound)] {
        let server = Server::with(move |seen| {
            let head = seen.is("HEAD", "/manifests/").then(|| {
                Reply::new(200)
                    .header("content-type", MediaType::OciManifest)
                    .header("docker-content-digest", Digest::sha256(b"d"))
                    .body("x")
            });
            let tag = seen.is("GET", "/manifests/1").then_some(under_the_tag).flatten();
            head.or_else(|| tag.map(|bytes| Reply::new(200).body(*bytes)))
        });
        let repository = server.repository("app");
        let found = repository.resolve(&server.name("app:1")).unwrap();
        let failure = read(&repository, &found, 0).unwrap_err();
        assert_eq!(failure.class(), class, "{failure}");
    }
}

#[test]
fn a_blob_goes_on_where_it_broke_wherever_that_was() {
    let blob = noise(300_000);
    for cut in [0, 1, 8_191, 65_536, 150_000, 299_999] {
        let bytes = blob.clone();
        let server = Server::with(move |seen| {
            (is_layer(seen) && seen.times == 0).then(|| part(seen, &bytes).cut(cut))
        });
        let layer = server.put_blob(&blob);
        assert_eq!(read(&server.repository("app"), &layer, 0).unwrap(), blob, "cut after {cut}");
        let ranges: Vec<_> =
            server.seen().iter().map(|seen| seen.header("range").map(str::to_owned)).collect();
        let again = (cut > 0).then(|| format!("bytes={cut}-"));
        assert_eq!(ranges, [None, again], "cut after {cut}");
    }
}

#[test]
fn a_registry_without_ranges_starts_again_and_nothing_is_appended() {
    let blob = noise(200_000);
    let bytes = blob.clone();
    let server = Server::with(move |seen| {
        let whole = Reply::new(200).body(bytes.clone());
        is_layer(seen).then(|| if seen.times < 2 { whole.cut(90_000) } else { whole })
    });
    let layer = server.put_blob(&blob);
    assert_eq!(read(&server.repository("app"), &layer, 0).unwrap(), blob);
    assert_eq!(read(&server.repository("app"), &layer, 199_990).unwrap(), blob[199_990..]);
}

#[test]
fn a_206_is_taken_only_where_it_is_the_part_that_was_asked_for() {
    let blob = noise(100_000);
    type Answer = fn(&[u8]) -> Reply;
    let answers: [(&str, Answer); 6] = [
        ("from the start", |blob| Reply::new(206).header("content-range", "bytes 0-99999/100000").body(blob)),
        ("another total", |blob| {
            Reply::new(206).header("content-range", "bytes 50000-99999/200000").body(&blob[50_000..])
        }),
        ("no header", |blob| Reply::new(206).body(&blob[50_000..])),
        ("too much", |blob| {
            Reply::new(206)
                .header("content-range", "bytes 50000-100003/100000")
                .body([&blob[50_000..], b"more"].concat())
        }),
        ("416", |_| Reply::error(416, "RANGE_INVALID")),
        ("304", |_| Reply::new(304)),
    ];
    for (what, answer) in answers {
        let bytes = blob.clone();
        let server = Server::with(move |seen| match seen.header("range") {
            Some(_) if is_layer(seen) => Some(answer(&bytes)),
            _ => None,
        });
        let layer = server.put_blob(&blob);
        assert_eq!(read(&server.repository("app"), &layer, 50_000).unwrap(), blob[50_000..], "{what}");
    }
}

#[test]
fn each_fault_of_a_blob_has_its_class() {
    let blob = noise(50_000);
    let cases: [(&str, Reply, Class); 9] = [
        ("shorter", Reply::new(200).body(&blob[..49_000]), Class::Integrity),
        ("longer", Reply::new(200).body([&blob[..], b"more"].concat()), Class::Integrity),
        (
            "longer, unsized",
            Reply { unsized_body: true, ..Reply::new(200).body([&blob[..], b"more"].concat()) },
            Class::Integrity,
        ),
        ("cut each time", Reply::new(200).body(blob.clone()).cut(30_000), Class::Unavailable),
        ("204", Reply::new(204), Class::Unavailable),
        ("403", Reply::error(403, "DENIED"), Class::NotAuthorised),
        ("404", Reply::error(404, "BLOB_UNKNOWN"), Class::NotFound),
        ("418", Reply::error(418, "TEAPOT"), Class::Failed),
        ("503", Reply::error(503, "UNAVAILABLE"), Class::Unavailable),
    ];
    for (what, reply, class) in cases {
        let server = Server::with(move |seen| is_layer(seen).then(|| reply.clone()));
        let layer = server.put_blob(&blob);
        let failure = read(&server.repository("app"), &layer, 0).unwrap_err();
        assert_eq!(failure.class(), class, "{what}: {failure}");
        assert!(server.seen().len() <= 6, "{what}: {} requests", server.seen().len());
    }
}

#[test]
fn a_registry_that_is_busy_is_waited_for_as_it_says() {
    for (after, least) in [("0", 0), ("1", 1_000), ("soon", 0)] {
        let server = Server::with(move |seen| {
            let busy = || Reply::error(429, "TOOMANYREQUESTS").header("retry-after", after);
            (is_layer(seen) && seen.times < 1).then(busy)
        });
        let layer = server.put_blob(b"x");
        let start = Instant::now();
        assert_eq!(read(&server.repository("app"), &layer, 0).unwrap(), b"x");
        assert!(start.elapsed() >= Duration::from_millis(least), "{after}");
    }
    let server = Server::with(|seen| {
        is_layer(seen).then(|| Reply::error(429, "TOOMANYREQUESTS").header("retry-after", "604800"))
    });
    let layer = server.put_blob(b"x");
    let failure = read(&server.repository("app"), &layer, 0).unwrap_err();
    assert_eq!(failure.class(), Class::Unavailable);
    assert!(failure.to_string().contains("7 days"), "{failure}");
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn silence_ends_within_the_patience() {
    let server = Server::with(|seen| {
        if is_layer(seen) {
            std::thread::sleep(Duration::from_secs(5));
        }
        None
    });
    let layer = server.put_blob(b"x");
    let settings = Settings {
        patience: Duration::from_millis(100),
        read_timeout: Duration::from_millis(200),
        ..Settings::default()
    };
    let client = ociutils_registry::Client::new(settings);
    let start = Instant::now();
    let failure = read(&client.repository(&server.name("app")), &layer, 0).unwrap_err();
    assert_eq!(failure.class(), Class::Unavailable);
    assert!(
        failure.to_string().starts_with(&format!("cannot reach {}: no answer", server.address)),
        "{failure}"
    );
    assert!(start.elapsed() < Duration::from_secs(4));
}

#[test]
fn nobody_listening_is_said_plainly() {
    let name = "127.0.0.1:1/app".parse().unwrap();
    let settings = Settings { attempts: 1, ..Settings::default() };
    let failure = ociutils_registry::Client::new(settings).repository(&name).resolve(&name).unwrap_err();
    assert_eq!(failure.to_string(), "cannot reach 127.0.0.1:1: connection refused");
    assert_eq!(failure.class(), Class::Unavailable);
}

#[test]
fn a_redirect_is_followed_without_credentials_and_only_where_it_may_lead() {
    let elsewhere = Arc::new(Server::right());
    let layer = elsewhere.put_blob(b"from the CDN");
    let target = format!(
        "http://{}/v2/cdn/blobs/{}",
        elsewhere.address.replace("127.0.0.1", "localhost"),
        layer.digest
    );
    let server = Server::with(move |seen| match seen.path.rsplit('/').nth(2) {
        _ if !is_layer(seen) => None,
        Some("cdn") => Some(Reply::new(307).header("location", &target)),
        Some("file") => Some(Reply::new(307).header("location", "file:///etc/hostname")),
        Some("away") => Some(Reply::new(307).header("location", "http://registry.example/x")),
        Some("loop") => Some(Reply::new(307).header("location", &seen.path)),
        _ => Some(Reply::new(307)),
    });
    assert_eq!(read(&server.repository("cdn"), &layer, 0).unwrap(), b"from the CDN");
    let seen = elsewhere.seen();
    assert!(
        seen.iter().all(|seen| seen.header("authorization").is_none() && seen.header("referer").is_none())
    );
    for path in ["file", "away", "loop", "nowhere"] {
        let failure = read(&server.repository(path), &layer, 0).unwrap_err();
        assert_eq!(failure.class(), Class::Unavailable, "{path}: {failure}");
    }
}

#[test]
fn a_reader_that_goes_away_closes_the_connection() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    let server = Server::with(move |seen| {
        count.fetch_add(usize::from(is_layer(seen)), Ordering::Relaxed);
        None
    });
    let layer = server.put_blob(&noise(8 << 20));
    let repository = server.repository("app");
    for _ in 0..20 {
        let mut blob = repository.open(&layer, 0).unwrap();
        let mut few = [0; 10];
        blob.read_exact(&mut few).unwrap();
    }
    assert_eq!(sent.load(Ordering::Relaxed), 20);
    assert_eq!(read(&repository, &layer, (8 << 20) - 3).unwrap().len(), 3);
}

#[test]
fn tags_come_in_pages_and_end() {
    let server = Server::with(|seen| {
        let link = |to: &str| Reply::new(200).header("link", format!("<{to}>; rel=\"next\""));
        Some(match (seen.path.split('/').nth(2)?, seen.query.as_str()) {
            ("paged", "n=1000") => link("/v2/paged/tags/list?last=b").body(r#"{"tags":["a","b"]}"#),
            ("paged", _) => Reply::new(200).body(r#"{"tags":["c","../x",null]}"#),
            ("loop", _) => link("/v2/loop/tags/list").body(r#"{"tags":["a"]}"#),
            ("away", _) => link("http://localhost:1/v2/away/tags/list").body(r#"{"tags":["a"]}"#),
            ("null", _) => Reply::new(200).body(r#"{"tags":null}"#),
            ("html", _) => Reply::new(200).body("<html>"),
            _ => return None,
        })
    });
    let tags = |path: &str| server.repository(path).tags();
    let text = |tags: Vec<image_format::Tag>| tags.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(text(tags("paged").unwrap()), ["a", "b", "c"]);
    assert_eq!(text(tags("null").unwrap()), [""; 0]);
    for path in ["loop", "away", "html"] {
        assert_eq!(tags(path).unwrap_err().class(), Class::Unavailable, "{path}");
    }
}

#[test]
fn referrers_come_from_the_api_or_from_the_tag_that_stands_for_it() {
    let subject = Digest::sha256(b"subject");
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{}","digest":"{}","size":1,"artifactType":"x/y"}}]}}"#,
        MediaType::OciManifest,
        Digest::sha256(b"signature")
    );
    let server = Server::with(move |seen| {
        let found = || Reply::new(200).header("content-type", MediaType::OciIndex).body(index.clone());
        let tag = format!("/v2/old/manifests/sha256-{}", subject.hex());
        let api = format!("/v2/new/referrers/{subject}");
        (seen.path == tag || seen.path == api).then(found)
    });
    for path in ["new", "old"] {
        let found = server.repository(path).referrers(&subject).unwrap();
        assert_eq!(found.len(), 1, "{path}");
        assert_eq!(found[0].artifact_type.as_deref(), Some("x/y"));
    }
    assert!(server.repository("none").referrers(&subject).unwrap().is_empty());
}
