//! The bodies of requests, in bounded memory, and with an end to patience.

use crate::error::{ApiError, Code};
use crate::service::blocking;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::Incoming;
use std::io::{self, Write};
use std::time::Duration;
use tokio::sync::mpsc;

/// How many pieces, of up to some 400 KiB each, may wait for the disk.
const PIECES_AHEAD: usize = 4;

/// A body that arrives. It fails when no byte comes for too long.
#[derive(Debug)]
pub(crate) struct Arriving {
    body: Incoming,
    patience: Duration,
}

impl Arriving {
    pub(crate) fn new(body: Incoming, patience: Duration) -> Arriving {
        Arriving { body, patience }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            let frame = tokio::time::timeout(self.patience, self.body.frame()).await.map_err(|_| {
                let seconds = self.patience.as_secs();
                ApiError::new(Code::SizeInvalid, format_args!("no byte came for {seconds} seconds"))
                    .with_status(StatusCode::REQUEST_TIMEOUT)
            })?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => {
                    return Err(ApiError::new(
                        Code::SizeInvalid,
                        format_args!("the body broke off: {error}"),
                    ));
                }
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data() {
                        return Ok(Some(piece));
                    }
                }
            }
        }
    }

    /// The whole body, if it has at most `most` bytes.
    ///
    /// # Errors
    /// 413 where it has more; it broke off.
    pub(crate) async fn whole(mut self, most: u64) -> Result<Vec<u8>, ApiError> {
        let mut whole = Vec::new();
        while let Some(piece) = self.next().await? {
            if (whole.len() + piece.len()) as u64 > most {
                let message = format!("the body is too large; expected at most {most} bytes");
                return Err(
                    ApiError::new(Code::SizeInvalid, message).with_status(StatusCode::PAYLOAD_TOO_LARGE)
                );
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }

    /// Writes the body as it comes, on the blocking pool, and gives the writer back with what came of it. Whatever
    /// arrived before a failure has been written.
    pub(crate) async fn write_to<W: Write + Send + 'static>(
        mut self,
        mut writer: W,
    ) -> Result<(W, Result<(), ApiError>), ApiError> {
        let (sender, mut pieces) = mpsc::channel::<Bytes>(PIECES_AHEAD);
        let writing = tokio::spawn(blocking(move || {
            let mut result: io::Result<()> = Ok(());
            while let Some(piece) = pieces.blocking_recv() {
                result = writer.write_all(&piece);
                if result.is_err() {
                    break;
                }
            }
            Ok((writer, result))
        }));
        let arrived = loop {
            match self.next().await {
                Ok(Some(piece)) => {
                    // the writer has ended early: it says why
                    if sender.send(piece).await.is_err() {
                        break Ok(());
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        drop(sender);
        let (writer, written) = writing.await.map_err(ApiError::internal)??;
        let written = written.map_err(|error| ApiError::internal(format_args!("writing an upload: {error}")));
        Ok((writer, written.and(arrived)))
    }
}
