//! One blob on its way: asked for, received, and asked for again from where it broke.

use crate::Error;
use crate::ahead::{self, Ahead, Fault};
use crate::body::Pace;
use crate::content_range::ContentRange;
use crate::lanes::{Gauge, Lanes};
use crate::pipe::{Closed, Pipe};
use crate::pipe_reader::PipeReader;
use crate::repository::Shared;
use crate::retry::Retry;
use crate::transport::Weight;
use bytes::{Buf, Bytes};
use image_format::Descriptor;
use reqwest::Response;
use reqwest::header::{ACCEPT_RANGES, RANGE};
use std::sync::Arc;
use std::time::Instant;

/// Bigger blobs get a connection of their own.
pub(crate) const HEAVY: u64 = 1 << 20;
/// After this much came, a connection that breaks is not held against the registry.
const PROGRESS: u64 = 1 << 20;
/// A blob of which more is left comes over several connections where one is slow.
const BIG: u64 = 16 << 20;

pub(crate) struct Download {
    shared: Arc<Shared>,
    descriptor: Descriptor,
    object: String,
    /// The next byte that the reader wants.
    at: u64,
    /// The registry has shown that it cannot do ranges.
    whole_only: bool,
    /// Parts may be asked for.
    parts: bool,
    pipe: Pipe,
}

/// An answer that goes on to the end of the blob.
struct Stream {
    response: Response,
    /// How many of its bytes the reader has already.
    skip: u64,
    /// What has come of it, and is not sent on yet.
    rest: Bytes,
}

impl Stream {
    fn new(response: Response, skip: u64) -> Stream {
        Stream { response, skip, rest: Bytes::new() }
    }

    /// The next bytes that the reader does not have; `None` at the end; or why none came.
    async fn next(&mut self, pace: &mut Pace, lanes: &Lanes) -> Result<Option<Bytes>, String> {
        if !self.rest.is_empty() {
            return Ok(Some(std::mem::take(&mut self.rest)));
        }
        let Some(mut bytes) = pace.next(&mut self.response).await? else { return Ok(None) };
        lanes.count(bytes.len());
        let passed = self.skip.min(bytes.len() as u64);
        self.skip -= passed;
        bytes.advance(usize::try_from(passed).unwrap_or(bytes.len()));
        Ok(Some(bytes))
    }
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
        let reader = PipeReader::new(pipe.clone());
        if from == descriptor.size && from > 0 {
            pipe.finish(Ok(()));
            return Ok(reader);
        }
        let mut download =
            Download { shared, descriptor, object, at: from, whole_only: false, parts: true, pipe };
        let stream = download.ask().await?;
        let task_end = download.pipe.task_end();
        tokio::spawn(async move {
            let _task_end = task_end;
            let end = download.receive(stream).await;
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
    async fn ask(&mut self) -> Result<Stream, Error> {
        loop {
            let mut request = self.shared.blob_request(&self.descriptor).await?;
            request.weight = if self.size() - self.at > HEAVY { Weight::Heavy } else { Weight::Light };
            let ranged = self.at > 0 && !self.whole_only;
            if ranged {
                request.headers.insert(RANGE, ahead::range(self.at, None));
            }
            match self.shared.inner.send(&self.shared.host, &request).await {
                Ok(response) => match self.accept(response)? {
                    Some(stream) => return Ok(stream),
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

    /// Takes a 200, whose first bytes are then skipped, or a 206 that is exactly what was asked for.
    fn accept(&mut self, response: Response) -> Result<Option<Stream>, Error> {
        let length = response.content_length();
        match response.status().as_u16() {
            200 => {
                if let Some(length) = length.filter(|length| *length != self.size()) {
                    return Err(self.wrong_length(length));
                }
                let none = response.headers().get(ACCEPT_RANGES).is_some_and(|value| value == "none");
                self.parts &= self.at == 0 && !none;
                Ok(Some(Stream::new(response, self.at)))
            }
            206 => {
                let rest = self.at..self.size();
                let range = ContentRange::of(response.headers());
                let right = range.is_some_and(|range| range.is(&rest, self.size()))
                    && length.is_none_or(|length| length == rest.end - rest.start);
                Ok(right.then(|| Stream::new(response, 0)))
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
    async fn receive(&mut self, first: Stream) -> Option<Result<(), Error>> {
        let mut stream = first;
        let mut retry = Retry::new(&self.shared.inner.settings);
        let mut mark = self.at;
        loop {
            let why = match self.pump(stream).await {
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
            stream = match self.ask().await {
                Ok(stream) => stream,
                Err(error) => return Some(Err(error)),
            };
        }
    }

    /// Passes on what one connection brings, to its end or to where parts go on.
    async fn pump(&mut self, mut stream: Stream) -> Pumped {
        let inner = Arc::clone(&self.shared.inner);
        let (mut pace, mut gauge) = (Pace::new(&inner.settings), Gauge::new(&inner.lanes));
        let mut ahead: Option<Ahead> = None;
        loop {
            if let Some(mut parts) = ahead.take_if(|ahead| ahead.begins_at() == self.at) {
                match parts.proven().await {
                    Ok(()) => {
                        drop(stream);
                        return self.drain(parts).await;
                    }
                    Err(_) => self.parts = false,
                }
            }
            let mut bytes = match stream.next(&mut pace, &inner.lanes).await {
                Ok(Some(bytes)) => bytes,
                Ok(None) if self.at == self.size() && stream.skip == 0 => return Pumped::End(Ok(())),
                Ok(None) => return Pumped::Broke("the connection ended in the middle".to_owned()),
                Err(_) if self.at == self.size() => return Pumped::End(Ok(())),
                Err(why) => return Pumped::Broke(why),
            };
            let end = ahead.as_ref().map_or(self.size(), Ahead::begins_at);
            let room = usize::try_from(end - self.at).unwrap_or(usize::MAX);
            if bytes.len() > room {
                stream.rest = bytes.split_off(room);
            }
            let asked = Instant::now();
            if self.give(bytes).await.is_err() {
                return Pumped::ReaderGone;
            }
            gauge.held_up(asked.elapsed());
            if !stream.rest.is_empty() && end == self.size() {
                let problem = format!("more bytes than its descriptor says; expected {}", self.size());
                return Pumped::End(Err(Error::integrity(&self.object, problem)));
            }
            if self.parts
                && ahead.is_none()
                && self.size() - self.at > BIG
                && gauge.found_slow(&inner.lanes, &inner.settings)
            {
                ahead = Ahead::start(&self.shared, &self.descriptor, self.at + ahead::PART);
            }
        }
    }

    /// Passes on what comes in parts. Those behind one that fails are dropped.
    async fn drain(&mut self, mut ahead: Ahead) -> Pumped {
        while let Some(block) = ahead.next().await {
            let bytes = match block {
                Ok(bytes) => bytes,
                Err(fault) => {
                    self.parts &= !matches!(fault, Fault::NoRanges);
                    return Pumped::Broke(fault.to_string());
                }
            };
            if self.give(bytes).await.is_err() {
                return Pumped::ReaderGone;
            }
        }
        Pumped::End(Ok(()))
    }

    async fn give(&mut self, bytes: Bytes) -> Result<(), Closed> {
        self.at += bytes.len() as u64;
        if bytes.is_empty() { Ok(()) } else { self.pipe.send(bytes).await }
    }
}

enum Pumped {
    End(Result<(), Error>),
    Broke(String),
    ReaderGone,
}
