//! A blob on its way from a registry to a reader: gone on with where a connection broke.

use crate::auth::Scope;
use crate::body::Pace;
use crate::client::Inner;
use crate::content_range::ContentRange;
use crate::host::Host;
use crate::pipe::{Closed, Pipe};
use crate::request::Request;
use crate::retry::Retry;
use crate::transport::Weight;
use crate::{Error, runtime};
use bytes::{Buf, Bytes};
use image_format::{Blob, Digest, Failure};
use reqwest::header::{HeaderValue, RANGE};
use reqwest::{Method, Response, StatusCode};
use std::io::{self, Read};
use std::sync::Arc;

/// Smaller blobs may share a connection with others.
const HEAVY_BYTES: u64 = 1 << 20;
/// A connection that brought this much has done something, so that the next attempt is a first one again.
const PROGRESS_BYTES: u64 = 64 << 10;

/// What is fetched.
pub(crate) struct Download {
    pub(crate) client: Arc<Inner>,
    pub(crate) host: Arc<Host>,
    pub(crate) repository: String,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    /// The first byte that is wanted.
    pub(crate) from: u64,
}

/// How one connection ended.
enum Ended {
    /// Every byte has been handed on.
    Whole,
    /// The reader is gone.
    Unwanted,
    Broken(Error),
}

impl Download {
    /// Starts the download; its bytes are read from the blob.
    ///
    /// # Errors
    /// The network thread cannot be started.
    pub(crate) fn start(self) -> Result<Blob, Error> {
        let pipe = Pipe::new();
        let sender = pipe.clone();
        runtime::handle()?.spawn(async move {
            let result = self.run(&sender).await;
            sender.finish(result.map_err(Failure::from));
        });
        Ok(Blob::from_reader(Reader { pipe, block: Bytes::new() }))
    }

    async fn run(mut self, pipe: &Pipe) -> Result<(), Error> {
        let mut retry = Retry::new(&self.client.settings);
        let mut ranges = true;
        loop {
            let begun = self.from;
            let error = match self.connection(pipe, &mut ranges).await? {
                Ended::Whole | Ended::Unwanted => return Ok(()),
                Ended::Broken(error) => error,
            };
            if self.from - begun >= PROGRESS_BYTES {
                retry = Retry::new(&self.client.settings);
            }
            tokio::time::sleep(retry.after(error)?).await;
        }
    }

    /// One request; hands on what it brings that is new.
    async fn connection(&mut self, pipe: &Pipe, ranges: &mut bool) -> Result<Ended, Error> {
        let response = match self.request(*ranges).await {
            // the range is right, so what refuses it does not know ranges
            Err(error) if error.status() == Some(416) && *ranges && self.from > 0 => {
                *ranges = false;
                return Ok(Ended::Broken(error));
            }
            result => result?,
        };
        let skip = match self.begins_at(&response)? {
            Some(first) => self.from - first,
            None => {
                *ranges = false;
                let problem = "the registry sent another part of the blob than it was asked for";
                return Ok(Ended::Broken(Error::protocol(&self.object(), problem)));
            }
        };
        self.hand_on(response, skip, pipe).await
    }

    async fn request(&self, ranges: bool) -> Result<Response, Error> {
        let path = format!("{}/blobs/{}", self.repository, self.digest);
        let url = self.client.url(&self.host, &path).await?;
        let scope = Scope::new(&self.repository, "pull");
        let mut request = Request::new(Method::GET, url, scope, &self.object());
        request.weight = if self.size >= HEAVY_BYTES { Weight::Heavy } else { Weight::Light };
        if ranges && self.from > 0 {
            let range = HeaderValue::from_str(&format!("bytes={}-", self.from));
            request.headers.extend(range.ok().map(|range| (RANGE, range)));
        }
        self.client.send(&self.host, &request).await
    }

    /// Where the answer's first byte lies in the blob; `None` where it is no part that can be used.
    fn begins_at(&self, response: &Response) -> Result<Option<u64>, Error> {
        let length = response.content_length();
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let range = ContentRange::of(response.headers());
                let right = range.is_some_and(|range| range.is_rest(self.from, self.size))
                    && length.is_none_or(|length| length == self.size - self.from);
                Ok(right.then_some(self.from))
            }
            StatusCode::OK if length.is_some_and(|length| length != self.size) => {
                let (found, size) = (length.unwrap_or_default(), self.size);
                Err(Error::integrity(&self.object(), format!("{found} bytes; its descriptor says {size}")))
            }
            StatusCode::OK => Ok(Some(0)),
            status => {
                Err(Error::protocol(&self.object(), format!("the registry answered {}", status.as_u16())))
            }
        }
    }

    async fn hand_on(&mut self, mut response: Response, mut skip: u64, pipe: &Pipe) -> Result<Ended, Error> {
        let mut pace = Pace::new(&self.client.settings);
        loop {
            let mut block = match pace.next(&mut response).await {
                Ok(Some(block)) => block,
                Ok(None) if self.from == self.size => return Ok(Ended::Whole),
                Ok(None) => {
                    let reason = "the connection ended in the middle";
                    return Ok(Ended::Broken(Error::unreachable(&self.host.name, reason)));
                }
                Err(reason) => return Ok(Ended::Broken(Error::unreachable(&self.host.name, reason))),
            };
            let skipped = skip.min(block.len() as u64);
            block.advance(usize::try_from(skipped).unwrap_or(block.len()));
            skip -= skipped;
            if block.is_empty() {
                continue;
            }
            self.from += block.len() as u64;
            if self.from > self.size {
                let size = self.size;
                let problem = format!("more bytes than its descriptor says; expected {size}");
                return Err(Error::integrity(&self.object(), problem));
            }
            if let Err(Closed) = pipe.send(block).await {
                return Ok(Ended::Unwanted);
            }
        }
    }

    fn object(&self) -> String {
        format!("{}/{}@{}", self.host.name, self.repository, self.digest)
    }
}

/// Reads what the network thread hands on.
struct Reader {
    pipe: Pipe,
    block: Bytes,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.block.is_empty() {
            match self.pipe.receive()? {
                Some(block) => self.block = block,
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.block.len());
        self.block.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.pipe.close();
    }
}
