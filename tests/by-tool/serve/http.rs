//! HTTP, raw: what a client sends is exactly what a test writes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// What a server answered.
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// A header, whatever its case; empty where it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{}: {e}", self.text()))
    }

    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Response {
        assert_eq!(self.status, status, "{:?}\n{}", self.headers, self.text());
        self
    }

    /// It is an error of the specification's form with this code.
    #[track_caller]
    pub(crate) fn fails(self, status: u16, code: &str) -> Response {
        let response = self.is(status);
        assert_eq!(response.header("content-type"), "application/json");
        assert_eq!(response.json()["errors"][0]["code"], code, "{}", response.text());
        assert!(response.json()["errors"][0]["message"].is_string());
        response
    }
}

/// Sends bytes, and reads one answer to its end.
pub(crate) fn exchange(address: &str, request: &[u8], head: bool) -> Response {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(120))).expect("a timeout");
    // a server may refuse a body before it has read all of it
    drop(stream.write_all(request));
    read_response(&mut stream, head)
}

pub(crate) fn read_response(stream: &mut TcpStream, head: bool) -> Response {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => bytes.push(byte[0]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            other => panic!("no answer: {other:?} after {:?}", String::from_utf8_lossy(&bytes)),
        }
    };
    let text = String::from_utf8(bytes[..end].to_vec()).expect("headers are text");
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status line");
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut response = Response { status, headers, body: Vec::new() };
    if !head {
        let length = response.header("content-length").parse().unwrap_or(0);
        response.body = vec![0; length];
        stream.read_exact(&mut response.body).expect("the whole body");
    }
    response
}
