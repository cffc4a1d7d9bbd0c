//! Reading small bodies, with a limit and a clock.

use crate::transport::reason;
use crate::{Error, Settings};
use bytes::{Bytes, BytesMut};
use reqwest::Response;
use std::time::{Duration, Instant};

/// A body slower than [`LEAST_BYTES`] in this time is as good as none.
const LEAST_TIME: Duration = Duration::from_secs(25);
const LEAST_BYTES: u64 = 24 << 10;
/// How long an error's body may take; its text is only a courtesy.
const ERROR_TIME: Duration = Duration::from_secs(5);

/// Waits for parts of a body and says when that takes too long.
pub(crate) struct Pace {
    read_timeout: Duration,
    waited: Duration,
    bytes: u64,
}

impl Pace {
    pub(crate) fn new(settings: &Settings) -> Pace {
        Pace { read_timeout: settings.read_timeout, waited: Duration::ZERO, bytes: 0 }
    }

    /// The next part; `None` at the end; or why none came.
    pub(crate) async fn next(&mut self, response: &mut Response) -> Result<Option<Bytes>, String> {
        let start = Instant::now();
        let part = match tokio::time::timeout(self.read_timeout, response.chunk()).await {
            Ok(part) => part.map_err(|error| broke(&reason(&error)))?,
            Err(_) => return Err(format!("no byte for {} seconds", self.read_timeout.as_secs())),
        };
        self.waited += start.elapsed();
        self.bytes += part.as_ref().map_or(0, |part| part.len() as u64);
        if self.bytes >= LEAST_BYTES {
            (self.waited, self.bytes) = (Duration::ZERO, 0);
        } else if self.waited > LEAST_TIME {
            let (bytes, seconds) = (self.bytes, self.waited.as_secs());
            return Err(format!("only {bytes} bytes in {seconds} seconds"));
        }
        Ok(part)
    }
}

/// hyper says "end of file before message length reached" and the like; users know connections.
fn broke(reason: &str) -> String {
    let ended = ["end of file", "unexpected eof", "unexpected end", "connection closed"];
    if ended.iter().any(|text| reason.contains(text)) {
        return "the connection ended in the middle".to_owned();
    }
    reason.to_owned()
}

/// The whole body, up to `most` bytes.
pub(crate) async fn read(
    mut response: Response,
    most: usize,
    settings: &Settings,
    object: &str,
    host: &str,
) -> Result<Bytes, Error> {
    let too_long = || Error::integrity(object, format!("an answer longer than {most} bytes"));
    if response.content_length().is_some_and(|length| length > most as u64) {
        return Err(too_long());
    }
    let mut pace = Pace::new(settings);
    let mut body = BytesMut::new();
    while let Some(part) = pace.next(&mut response).await.map_err(|why| Error::unreachable(host, why))? {
        if body.len() + part.len() > most {
            return Err(too_long());
        }
        body.extend_from_slice(&part);
    }
    Ok(body.freeze())
}

/// The beginning of an error's body; whatever goes wrong, what came until then.
pub(crate) async fn read_some(mut response: Response, most: usize) -> Vec<u8> {
    let mut body = Vec::new();
    let reading = async {
        while let Ok(Some(part)) = response.chunk().await {
            let room = most - body.len();
            body.extend_from_slice(&part[..part.len().min(room)]);
            if body.len() == most {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(ERROR_TIME, reading).await;
    body
}
