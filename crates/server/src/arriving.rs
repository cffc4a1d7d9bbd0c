//! The bodies of requests, in bounded memory, and with an end to patience.

use crate::documents::{Documents, Share};
use crate::error::{ApiError, Code};
use crate::service::blocking;
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::Incoming;
use image_format::Failure;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// How many pieces of one body, of up to some 400 KiB each, may wait for the disk.
const PIECES_AHEAD: usize = 4;

/// A body that arrives. It fails when no byte comes for too long.
#[derive(Debug)]
pub(crate) struct Arriving {
    body: Incoming,
    patience: Duration,
    room: Arc<Semaphore>,
}

impl Arriving {
    /// `room` has as many permits as bytes may wait for the disk, of all bodies together.
    pub(crate) fn new(body: Incoming, patience: Duration, room: Arc<Semaphore>) -> Arriving {
        Arriving { body, patience, room }
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

    /// Reads up to `most` bytes for nobody: a connection that ends with bytes unread is reset, and the client never sees
    /// why its body was refused.
    async fn let_pass(&mut self, most: usize) {
        let mut passed = 0;
        while passed < most
            && let Ok(Some(piece)) = self.next().await
        {
            passed += piece.len();
        }
    }

    /// The whole body, if it has at most `most` bytes, and its share of the room for documents.
    ///
    /// # Errors
    /// 413 where it has more; it broke off.
    pub(crate) async fn whole(
        mut self,
        most: u64,
        documents: &Documents,
    ) -> Result<(Vec<u8>, Share), ApiError> {
        let too_large = || {
            let message = format!("the body is too large; expected at most {most} bytes");
            ApiError::new(Code::SizeInvalid, message).with_status(StatusCode::PAYLOAD_TOO_LARGE)
        };
        // what does not say its length may be as long as it may be
        let length = self.body.size_hint().upper().unwrap_or(most);
        if length > most {
            return Err(too_large());
        }
        let share = documents.room(length).await?;
        let mut whole = Vec::new();
        while let Some(piece) = self.next().await? {
            if (whole.len() + piece.len()) as u64 > length {
                return Err(too_large());
            }
            whole.extend_from_slice(&piece);
        }
        Ok((whole, share))
    }

    /// Hands the body, as it comes, to `work` on the blocking pool, and returns what that does.
    ///
    /// # Errors
    /// What `work` returns; that the body broke off, it hears from its [`BodyPieces`].
    pub(crate) async fn feed<T: Send + 'static>(
        mut self,
        work: impl FnOnce(BodyPieces) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
        let room = self.room.clone();
        let working = tokio::spawn(blocking(move || work(BodyPieces(pieces))));
        loop {
            let piece = match self.next().await.transpose() {
                None => break,
                Some(Err(error)) => Err(error),
                Some(Ok(piece)) => {
                    let weight = u32::try_from(piece.len()).unwrap_or(u32::MAX).min(ROOM);
                    let permit = room.clone().acquire_many_owned(weight).await.map_err(ApiError::internal)?;
                    Ok((piece, permit))
                }
            };
            let last = piece.is_err();
            // whoever does not want the rest says why
            let refused = sender.send(piece).await.is_err();
            if refused {
                self.let_pass(PASSED).await;
            }
            if refused || last {
                break;
            }
        }
        drop(sender);
        working.await.map_err(ApiError::internal)?
    }
}

/// How much of a body that is refused is read all the same.
const PASSED: usize = 16 << 20;

/// How many bytes of all bodies may wait for the disk.
pub(crate) const ROOM: u32 = 32 << 20;

type Piece = Result<(Bytes, OwnedSemaphorePermit), ApiError>;

/// The pieces of a body, for a thread that may wait for them.
pub(crate) struct BodyPieces(mpsc::Receiver<Piece>);

impl BodyPieces {
    /// Writes all that comes. Whatever arrived before a failure has been written.
    ///
    /// # Errors
    /// The body broke off, or the writer takes no more.
    pub(crate) fn write_to(&mut self, writer: &mut impl Write) -> Result<(), ApiError> {
        while let Some(piece) = self.0.blocking_recv() {
            let (bytes, _permit) = piece?;
            writer.write_all(&bytes).map_err(Failure::from)?;
        }
        Ok(())
    }
}
