//! A request whose body is written by a thread that may wait.

use crate::pipe::{Pipe, Refused};
use crate::repository::Shared;
use crate::upload::{Opened, PipeBody, answer_time};
use crate::writer::object;
use crate::{Error, runtime};
use bytes::Bytes;
use image_format::Expected;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;
use tokio::task::AbortHandle;

/// How long a registry may take nothing.
const STALL: Duration = Duration::from_secs(45);

/// A request whose body comes out of a pipe.
pub(crate) struct Piped {
    pipe: Pipe,
    end: Receiver<Result<Option<Opened>, Error>>,
    task: AbortHandle,
}

impl Piped {
    /// Begins the request, into an upload that is open.
    pub(crate) fn start(shared: &Arc<Shared>, expected: &Expected, opened: Opened) -> Result<Piped, Error> {
        let pipe = Pipe::new();
        let (sender, end) = sync_channel(1);
        let body = PipeBody::payload(pipe.clone(), expected.size());
        let object = object(shared, expected);
        let (shared, expected) = (shared.clone(), expected.clone());
        let task = runtime::handle()?.spawn(async move {
            let result = match &expected {
                Expected::Descriptor(descriptor) => {
                    shared.put_blob(&opened, descriptor, body).await.map(|()| None)
                }
                Expected::Algorithm(_) => shared.patch_stream(&opened, &object, body).await.map(Some),
            };
            // a writer that is gone has no use for it
            let _ = sender.send(result);
        });
        Ok(Piped { pipe, end, task: task.abort_handle() })
    }

    /// Gives it a block.
    pub(crate) fn give(&self, shared: &Shared, block: Bytes) -> Result<(), Error> {
        self.pipe.give(block, STALL).map_err(|refused| self.failed(refused, shared))
    }

    /// Why the request takes no more.
    fn failed(&self, refused: Refused, shared: &Shared) -> Error {
        let host = &shared.host.name;
        if refused == Refused::Stalled {
            self.task.abort();
            let reason = format!("it took no byte of an upload for {} seconds", STALL.as_secs());
            return Error::unreachable(host, reason);
        }
        match self.end.recv_timeout(answer_time(0)) {
            Ok(Err(error)) => error,
            _ => Error::unreachable(host, "the upload ended in the middle"),
        }
    }

    /// The body is whole: waits for the answer, and returns the upload where that is still open.
    pub(crate) fn finish(self, shared: &Shared, size: u64) -> Result<Option<Opened>, Error> {
        self.pipe.finish(Ok(()));
        if let Err(Refused::Stalled) = self.pipe.drain(STALL) {
            return Err(self.failed(Refused::Stalled, shared));
        }
        let patience = answer_time(size);
        self.end.recv_timeout(patience).unwrap_or_else(|_| {
            let reason = format!("no answer to an upload for {} seconds", patience.as_secs());
            Err(Error::unreachable(&shared.host.name, reason))
        })
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        self.pipe.close();
        self.task.abort();
    }
}
