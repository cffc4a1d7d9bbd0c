//! A registry in this process: it keeps what it is sent, writes down what it is asked, and fails where a test wants it to.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use crate::{BuiltImage, digest_of};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A request, as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `GET`, `HEAD`, …
    pub method: String,
    /// The path and, after `?`, the query, as they were written.
    pub target: String,
    /// How many requests of this method and path came before.
    pub nth: usize,
    /// What was sent with it.
    pub body: Vec<u8>,
    headers: Vec<(String, String)>,
}

impl Asked {
    /// A header, whatever its case; empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    /// The path without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Is it of this method, and does its target hold this text?
    pub fn is(&self, method: &str, part: &str) -> bool {
        self.method == method && self.target.contains(part)
    }

    /// A parameter of the query, its escapes of `:` and `/` undone; empty where it is missing.
    pub fn query(&self, name: &str) -> String {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        value.unwrap_or_default().replace("%3A", ":").replace("%2F", "/").replace("%2C", ",")
    }
}

/// What is answered to a request.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    cut: Option<usize>,
    /// The method and target of which this is the usual answer.
    usual: Option<(String, String)>,
}

impl Answer {
    /// A status without headers and body.
    pub fn new(status: u16) -> Answer {
        Answer { status, headers: Vec::new(), body: Vec::new(), cut: None, usual: None }
    }

    /// One more header.
    pub fn header(mut self, name: &str, value: impl AsRef<str>) -> Answer {
        self.headers.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// A body.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Answer {
        self.body = body.as_ref().to_vec();
        self
    }

    /// What the registry answers to a request of this method and target.
    pub fn as_usual_for(method: &str, target: &str) -> Answer {
        let usual = Some((method.to_owned(), target.to_owned()));
        Answer { usual, ..Answer::new(0) }
    }

    /// The connection ends after this many bytes of the body, whose length was announced in full.
    pub fn cut_after(mut self, bytes: usize) -> Answer {
        self.cut = Some(bytes);
        self
    }
}

/// Where a test steps in: `None` leaves the request to the registry.
type Rule = dyn Fn(&Asked) -> Option<Answer> + Send + Sync;

#[derive(Default)]
struct State {
    blobs: BTreeMap<(String, String), Vec<u8>>,
    manifests: BTreeMap<(String, String), (String, Vec<u8>)>,
    uploads: HashMap<String, Vec<u8>>,
    asked: Vec<Asked>,
    /// Bytes of blobs that went out.
    sent: usize,
}

struct Shared {
    state: Mutex<State>,
    rule: Box<Rule>,
    stop: AtomicBool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// A registry on a free port of loopback, over http; it ends with the value.
pub struct FakeRegistry {
    host: String,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

impl Default for FakeRegistry {
    fn default() -> FakeRegistry {
        FakeRegistry::new()
    }
}

impl FakeRegistry {
    /// One that does everything right.
    pub fn new() -> FakeRegistry {
        FakeRegistry::with(|_| None)
    }

    /// One that answers as `rule` says, and does everything else right.
    pub fn with(rule: impl Fn(&Asked) -> Option<Answer> + Send + Sync + 'static) -> FakeRegistry {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let host = listener.local_addr().expect("it is bound").to_string();
        let shared =
            Arc::new(Shared { state: Mutex::default(), rule: Box::new(rule), stop: AtomicBool::new(false) });
        let listening = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || listen(&listener, &shared))
        };
        FakeRegistry { host, shared, listening: Some(listening) }
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `127.0.0.1:PORT/NAME`.
    pub fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.host)
    }

    /// Holds this image under a tag.
    pub fn hold(&self, repository: &str, tag: &str, image: &BuiltImage) {
        for (digest, bytes) in image.blobs.iter().filter(|(digest, _)| **digest != image.digest) {
            assert_eq!(&self.hold_blob(repository, bytes), digest);
        }
        let kind = image.descriptor["mediaType"].as_str().unwrap_or(MANIFEST);
        self.hold_manifest(repository, tag, kind, &image.blobs[&image.digest]);
    }

    /// Holds a blob, and returns its digest.
    pub fn hold_blob(&self, repository: &str, bytes: &[u8]) -> String {
        let digest = digest_of(bytes);
        self.shared.state().blobs.insert((repository.to_owned(), digest.clone()), bytes.to_vec());
        digest
    }

    /// Holds a manifest or index under a tag and its digest, which it returns.
    pub fn hold_manifest(&self, repository: &str, tag: &str, kind: &str, bytes: &[u8]) -> String {
        let digest = digest_of(bytes);
        self.shared.state().keep(repository, tag, kind, bytes);
        digest
    }

    /// The manifest that a tag or digest leads to.
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<Vec<u8>> {
        let state = self.shared.state();
        let found = state.manifests.get(&(repository.to_owned(), reference.to_owned()));
        found.map(|(_, bytes)| bytes.clone())
    }

    /// The digests of a repository's blobs, sorted.
    pub fn blobs(&self, repository: &str) -> Vec<String> {
        let state = self.shared.state();
        state.blobs.keys().filter(|(of, _)| of == repository).map(|(_, digest)| digest.clone()).collect()
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.state().asked.clone()
    }

    /// How many requests of this method had this in their target.
    pub fn count(&self, method: &str, part: &str) -> usize {
        self.shared.state().asked.iter().filter(|asked| asked.is(method, part)).count()
    }

    /// How many bytes of blobs went out.
    pub fn bytes_sent(&self) -> usize {
        self.shared.state().sent
    }

    /// Forgets the requests so far, not what it holds.
    pub fn forget_requests(&self) {
        let mut state = self.shared.state();
        state.asked.clear();
        state.sent = 0;
    }
}

impl Drop for FakeRegistry {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // wakes the listener
        drop(TcpStream::connect(&self.host));
        if let Some(listening) = self.listening.take() {
            drop(listening.join());
        }
    }
}

fn listen(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        std::thread::spawn(move || drop(serve(&stream, &shared)));
    }
}

/// One request a connection.
fn serve(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let Some(mut asked) = read_request(&mut reader)? else { return Ok(()) };
    {
        let mut state = shared.state();
        let same = |other: &&Asked| other.method == asked.method && other.path() == asked.path();
        asked.nth = state.asked.iter().filter(same).count();
        state.asked.push(asked.clone());
    }
    let answer = match (shared.rule)(&asked) {
        Some(Answer { usual: Some((method, target)), cut, .. }) => {
            let asked = Asked { method, target, ..asked.clone() };
            Answer { cut, ..shared.state().answer(&asked) }
        }
        Some(answer) => answer,
        None => shared.state().answer(&asked),
    };
    let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !answer.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
        head.push_str(&format!("Content-Length: {}\r\n", answer.body.len()));
    }
    head.push_str("\r\n");
    let mut stream = stream;
    stream.write_all(head.as_bytes())?;
    if asked.method != "HEAD" {
        let body = &answer.body[..answer.cut.unwrap_or(answer.body.len()).min(answer.body.len())];
        if asked.path().contains("/blobs/sha256:") {
            shared.state().sent += body.len();
        }
        stream.write_all(body)?;
    }
    Ok(())
}

fn read_request(reader: &mut impl BufRead) -> std::io::Result<Option<Asked>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(ToOwned::to_owned);
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_owned(), value.to_owned()));
    }
    let mut asked = Asked { method, target, nth: 0, body: Vec::new(), headers };
    if asked.header("transfer-encoding") == "chunked" {
        asked.body = read_chunks(reader)?;
    } else {
        let length = asked.header("content-length").parse().unwrap_or(0);
        asked.body = vec![0; length];
        reader.read_exact(&mut asked.body)?;
    }
    Ok(Some(asked))
}

fn read_chunks(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
        let mut chunk = vec![0; length];
        reader.read_exact(&mut chunk)?;
        body.extend(chunk);
        reader.read_line(&mut line)?;
        if length == 0 {
            return Ok(body);
        }
    }
}

fn error(status: u16, code: &str) -> Answer {
    let body = format!(r#"{{"errors":[{{"code":"{code}","message":"no"}}]}}"#);
    Answer::new(status).header("Content-Type", "application/json").body(body)
}

impl State {
    fn keep(&mut self, repository: &str, reference: &str, kind: &str, bytes: &[u8]) {
        for reference in [reference.to_owned(), digest_of(bytes)] {
            self.manifests.insert((repository.to_owned(), reference), (kind.to_owned(), bytes.to_vec()));
        }
    }

    fn answer(&mut self, asked: &Asked) -> Answer {
        let path = asked.path().strip_prefix("/v2/").unwrap_or_default().to_owned();
        if path.is_empty() {
            return Answer::new(200);
        }
        if let Some((repository, upload)) = path.split_once("/blobs/uploads/") {
            return self.upload(asked, repository, upload);
        }
        if let Some((repository, digest)) = path.split_once("/blobs/") {
            return self.blob(asked, repository, digest);
        }
        match path.split_once("/manifests/") {
            Some((repository, reference)) if asked.method == "PUT" => {
                self.keep(repository, reference, asked.header("content-type"), &asked.body);
                Answer::new(201).header("Docker-Content-Digest", digest_of(&asked.body))
            }
            Some((repository, reference)) => {
                match self.manifests.get(&(repository.to_owned(), reference.to_owned())) {
                    Some((kind, bytes)) => Answer::new(200)
                        .header("Content-Type", kind)
                        .header("Docker-Content-Digest", digest_of(bytes))
                        .body(bytes),
                    None => error(404, "MANIFEST_UNKNOWN"),
                }
            }
            None => error(404, "NAME_UNKNOWN"),
        }
    }

    fn blob(&self, asked: &Asked, repository: &str, digest: &str) -> Answer {
        let Some(bytes) = self.blobs.get(&(repository.to_owned(), digest.to_owned())) else {
            return error(404, "BLOB_UNKNOWN");
        };
        let from = asked.header("range").strip_prefix("bytes=").and_then(|range| range.strip_suffix('-'));
        match from.and_then(|from| from.parse::<usize>().ok()) {
            Some(from) if from < bytes.len() => Answer::new(206)
                .header("Content-Range", format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len()))
                .body(&bytes[from..]),
            _ => Answer::new(200).body(bytes),
        }
    }

    fn upload(&mut self, asked: &Asked, repository: &str, upload: &str) -> Answer {
        match asked.method.as_str() {
            "POST" => {
                let mounted = (asked.query("from"), asked.query("mount"));
                if let Some(bytes) = self.blobs.get(&mounted).cloned() {
                    self.blobs.insert((repository.to_owned(), mounted.1), bytes);
                    return Answer::new(201);
                }
                let upload = format!("u{}", self.uploads.len());
                self.uploads.insert(upload.clone(), Vec::new());
                Answer::new(202)
                    .header("Location", format!("/v2/{repository}/blobs/uploads/{upload}?state=x"))
            }
            "PATCH" => {
                let Some(bytes) = self.uploads.get_mut(upload) else {
                    return error(404, "BLOB_UPLOAD_UNKNOWN");
                };
                bytes.extend_from_slice(&asked.body);
                Answer::new(202)
                    .header("Location", format!("/v2/{repository}/blobs/uploads/{upload}?state=y"))
                    .header("Range", format!("0-{}", bytes.len().max(1) - 1))
            }
            "PUT" => {
                let Some(bytes) = self.uploads.get(upload) else { return error(404, "BLOB_UPLOAD_UNKNOWN") };
                let (whole, digest) = ([&bytes[..], &asked.body].concat(), asked.query("digest"));
                if digest_of(&whole) != digest {
                    return error(400, "DIGEST_INVALID");
                }
                self.blobs.insert((repository.to_owned(), digest), whole);
                Answer::new(201)
            }
            _ => error(405, "UNSUPPORTED"),
        }
    }
}
