//! The one runtime of this process, on a thread of its own; everything asynchronous runs there.

use crate::Error;
use std::future::Future;
use std::sync::OnceLock;
use tokio::runtime::{Builder, Handle};

static HANDLE: OnceLock<Result<Handle, String>> = OnceLock::new();

/// The runtime, started by the first who asks.
pub(crate) fn handle() -> Result<&'static Handle, Error> {
    HANDLE
        .get_or_init(|| start().map_err(|error| format!("cannot start the network thread: {error}")))
        .as_ref()
        .map_err(|text| Error::Failed(text.clone()))
}

fn start() -> std::io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new()
        .name("registry".to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    Ok(handle)
}

/// Runs `future` there and waits for it. Never called on that thread itself.
pub(crate) fn wait<T: Send + 'static>(
    future: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    handle()?.spawn(async move {
        // a receiver that is gone has no use for the result
        let _ = sender.send(future.await);
    });
    receiver.blocking_recv().unwrap_or_else(|_| Err(Error::Failed("the network thread ended".to_owned())))
}
