//! The bodies of answers: nothing, a few bytes, or a file that is read in pieces while it is sent.

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use image_format::FileRange;
use std::fs::File;
use std::future::Future;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::task::{JoinHandle, spawn_blocking};

/// How much of a file is read at a time, at most and at least.
const PIECE_BYTES: (u64, u64) = (32 << 10, 512 << 10);
/// What all pieces may have together; of each answer two are in memory, one that is sent and one that is read.
const ROOM: u64 = 32 << 20;

/// How many files are being sent: the more, the smaller their pieces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sending(Arc<()>);

impl Sending {
    fn piece(&self) -> u64 {
        let answers = Arc::strong_count(&self.0) as u64;
        (ROOM / (2 * answers)).clamp(PIECE_BYTES.0, PIECE_BYTES.1)
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Body {
    Whole(Bytes),
    File(FilePieces),
}

impl Body {
    /// No bytes.
    pub(crate) fn empty() -> Body {
        Body::Whole(Bytes::new())
    }

    /// These bytes.
    pub(crate) fn whole(bytes: Bytes) -> Body {
        Body::Whole(bytes)
    }

    /// A range of a file. Reading it begins at once.
    pub(crate) fn file(range: FileRange, sending: &Sending) -> Body {
        let mut pieces = FilePieces {
            file: Arc::new(range.file),
            at: range.offset,
            left: range.length,
            reading: None,
            sending: sending.clone(),
        };
        pieces.read_ahead();
        Body::File(pieces)
    }

    #[cfg(test)]
    pub(crate) fn into_whole(self) -> Bytes {
        match self {
            Body::Whole(bytes) => bytes,
            Body::File(_) => Bytes::new(),
        }
    }
}

/// What is left to send of a file.
#[derive(Debug)]
pub(crate) struct FilePieces {
    file: Arc<File>,
    /// Where the piece begins that is to be read next.
    at: u64,
    /// How many bytes have not been given to the client.
    left: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
    sending: Sending,
}

impl FilePieces {
    fn read_ahead(&mut self) {
        let length = self.left.min(self.sending.piece());
        if length == 0 {
            return;
        }
        let (file, at) = (self.file.clone(), self.at);
        self.reading = Some(spawn_blocking(move || {
            let mut piece = vec![0; usize::try_from(length).unwrap_or(0)];
            file.read_exact_at(&mut piece, at)?;
            Ok(Bytes::from(piece))
        }));
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let read = match Pin::new(reading).poll(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(read) => read.map_err(io::Error::other).flatten(),
        };
        self.reading = None;
        if let Ok(piece) = &read {
            self.at += piece.len() as u64;
            self.left -= piece.len() as u64;
            self.read_ahead();
        }
        Poll::Ready(Some(read))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Body::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Body::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Body::File(pieces) => {
                pieces.poll_piece(context).map(|piece| piece.map(|read| read.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Whole(bytes) => bytes.is_empty(),
            Body::File(pieces) => pieces.left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Body::Whole(bytes) => bytes.len() as u64,
            Body::File(pieces) => pieces.left,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_answers_have_as_much_memory_as_thirty() {
        let sending = Sending::default();
        for (answers, piece) in [(1, 512 << 10), (31, 512 << 10), (63, 256 << 10), (1023, 32 << 10)] {
            let held = vec![sending.clone(); answers];
            assert_eq!(sending.piece(), piece, "{answers}");
            drop(held);
        }
    }
}
