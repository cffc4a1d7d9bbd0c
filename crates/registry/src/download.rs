//! One blob on its way: asked for, received, and asked for again from where it broke.

use crate::Error;
use crate::body::Pace;
use crate::content_range::ContentRange;
use crate::pipe::Pipe;
use crate::repository::Shared;
use crate::request::Request;
use crate::retry::Retry;
use crate::transport::Weight;
use bytes::{Buf, Bytes};
use image_format::Descriptor;
use reqwest::header::{HeaderValue, RANGE};
use reqwest::{Method, Response};
use std::io::{self, Read};
use std::sync::Arc;

/// Bigger blobs get a connection of their own.
pub(crate) const HEAVY: u64 = 1 << 20;
/// After this much came, a connection that breaks is not held against the registry.
const PROGRESS: u64 = 1 << 20;

pub(crate) struct Download {
    shared: Arc<Shared>,
    descriptor: Descriptor,
    object: String,
    /// The next byte that the reader wants.
    at: u64,
    /// The registry has shown that it cannot do ranges.
    whole_only: bool,
    pipe: Pipe,
}

/// An answer, and how many of its bytes the reader has already.
struct Part {
    response: Response,
    skip: u64,
}

impl Download {
    /// Asks for the blob and leaves a task behind that receives it.
    pub(crate) async fn start(
        shared: Arc<Shared>,
        descriptor: Descriptor,
        from: u64,
    ) -> Result<PipeReader, Error> {
        let object = format!("{}@{}", shared.locator(), descriptor.digest);
        if from > descriptor.size {
            let size = descriptor.size;
            return Err(Error::integrity(
                &object,
                format!("{size} bytes; byte {from} of them was asked for"),
            ));
        }
        let pipe = Pipe::new();
        let reader = PipeReader { pipe: pipe.clone(), block: Bytes::new() };
        if from == descriptor.size && from > 0 {
            pipe.finish(Ok(()));
            return Ok(reader);
        }
        let mut download = Download { shared, descriptor, object, at: from, whole_only: false, pipe };
        let part = download.ask().await?;
        tokio::spawn(async move {
            let end = download.receive(part).await;
            if let Some(end) = end {
                download.pipe.finish(end.map_err(Into::into));
            }
        });
        Ok(reader)
    }

    fn size(&self) -> u64 {
        self.descriptor.size
    }

    /// Asks for the blob from where the reader is.
    async fn ask(&mut self) -> Result<Part, Error> {
        loop {
            let mut request = self.request().await?;
            let ranged = self.at > 0 && !self.whole_only;
            if ranged {
                let range = format!("bytes={}-", self.at);
                request.headers.insert(
                    RANGE,
                    HeaderValue::try_from(range).unwrap_or(HeaderValue::from_static("bytes=0-")),
                );
            }
            match self.shared.inner.send(&self.shared.host, &request).await {
                Ok(response) => match self.accept(response)? {
                    Some(part) => return Ok(part),
                    None if ranged => self.whole_only = true,
                    None => {
                        return Err(Error::protocol(&self.object, "the registry sends a part of it unasked"));
                    }
                },
                Err(Error::Status { status: 416, .. } | Error::Protocol { .. }) if ranged => {
                    self.whole_only = true;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn request(&self) -> Result<Request, Error> {
        let below = format!("blobs/{}", self.descriptor.digest);
        let mut request = self.shared.request(Method::GET, &below, self.shared.pull(), &self.object).await?;
        request.weight = if self.size() - self.at > HEAVY { Weight::Heavy } else { Weight::Light };
        Ok(request)
    }

    /// Takes a 200, whose first bytes are then skipped, or a 206 that is exactly what was asked for.
    fn accept(&self, response: Response) -> Result<Option<Part>, Error> {
        let length = response.content_length();
        match response.status().as_u16() {
            200 => match length {
                Some(length) if length != self.size() => Err(self.wrong_length(length)),
                _ => Ok(Some(Part { response, skip: self.at })),
            },
            206 => {
                let rest = self.size() - self.at;
                let range = ContentRange::of(response.headers());
                let right = range.is_some_and(|range| range.is_rest(self.at, self.size()));
                if right && length.is_none_or(|length| length == rest) {
                    return Ok(Some(Part { response, skip: 0 }));
                }
                Ok(None)
            }
            status => {
                Err(Error::protocol(&self.object, format!("the registry answered {status} for a blob")))
            }
        }
    }

    fn wrong_length(&self, length: u64) -> Error {
        let expected = self.size();
        Error::integrity(&self.object, format!("the registry has {length} bytes; expected {expected}"))
    }

    /// Receives until the end; `None` where the reader is gone.
    async fn receive(&mut self, first: Part) -> Option<Result<(), Error>> {
        let mut part = first;
        let mut retry = Retry::new(&self.shared.inner.settings);
        let mut mark = self.at;
        loop {
            let why = match self.pump(part).await {
                Pumped::ReaderGone => return None,
                Pumped::End(end) => return Some(end),
                Pumped::Broke(why) => why,
            };
            if self.at - mark >= PROGRESS {
                retry = Retry::new(&self.shared.inner.settings);
                mark = self.at;
            }
            match retry.after(Error::unreachable(&self.shared.host.name, why)) {
                Ok(pause) => tokio::time::sleep(pause).await,
                Err(error) => return Some(Err(error)),
            }
            part = match self.ask().await {
                Ok(part) => part,
                Err(error) => return Some(Err(error)),
            };
        }
    }

    async fn pump(&mut self, part: Part) -> Pumped {
        let Part { mut response, mut skip } = part;
        let mut pace = Pace::new(&self.shared.inner.settings);
        loop {
            let mut bytes = match pace.next(&mut response).await {
                Ok(Some(bytes)) => bytes,
                Ok(None) if self.at == self.size() && skip == 0 => return Pumped::End(Ok(())),
                Ok(None) => return Pumped::Broke("the connection ended in the middle".to_owned()),
                Err(_) if self.at == self.size() => return Pumped::End(Ok(())),
                Err(why) => return Pumped::Broke(why),
            };
            let passed = skip.min(bytes.len() as u64);
            skip -= passed;
            bytes.advance(usize::try_from(passed).unwrap_or(bytes.len()));
            let room = self.size() - self.at;
            let too_long = bytes.len() as u64 > room;
            if too_long {
                bytes.truncate(usize::try_from(room).unwrap_or(bytes.len()));
            }
            self.at += bytes.len() as u64;
            if !bytes.is_empty() && self.pipe.send(bytes).await.is_err() {
                return Pumped::ReaderGone;
            }
            if too_long {
                let problem = format!("more bytes than its descriptor says; expected {}", self.size());
                return Pumped::End(Err(Error::integrity(&self.object, problem)));
            }
        }
    }
}

enum Pumped {
    End(Result<(), Error>),
    Broke(String),
    ReaderGone,
}

/// The reader's end of the pipe.
pub(crate) struct PipeReader {
    pipe: Pipe,
    block: Bytes,
}

impl Read for PipeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.block.is_empty() && !buffer.is_empty() {
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

impl Drop for PipeReader {
    fn drop(&mut self) {
        self.pipe.close();
    }
}
