//! The server: connections, their limits, and its end.

use crate::answer::answer;
use crate::service::{Service, blocking};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use image_format::{Class, Failure};
use layout::{Layout, Stop};
use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// How often the wish to stop is looked for.
const TICK: Duration = Duration::from_millis(100);
/// What a connection may keep of a request's head.
const HEAD_BYTES: usize = 512 << 10;
const HEADERS: usize = 100;

/// Where the access log goes, a line at a time.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// How a server works.
#[derive(Clone)]
pub struct Settings {
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// Gets a line for each request.
    pub log: Option<Log>,
    /// Gets a line for each request that failed for a reason of our own: a full disk, say.
    pub errors: Option<Log>,
    /// How long it waits for the next byte, of a request's head or body or of a client that reads.
    pub patience: Duration,
    /// How long requests in flight may take after the wish to stop.
    pub farewell: Duration,
    /// How many connections it serves at a time; others wait.
    pub connections: usize,
    /// How long one lease is used (see the crate's README).
    pub lease: Duration,
}

impl Settings {
    /// The usual ones.
    pub fn new(address: SocketAddr) -> Settings {
        Settings {
            address,
            log: None,
            errors: None,
            patience: Duration::from_secs(60),
            farewell: Duration::from_secs(10),
            connections: 1024,
            lease: Duration::from_secs(300),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A registry that listens, and serves once [`Server::run`] is called.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    service: Arc<Service>,
}

impl Server {
    /// Begins to listen.
    ///
    /// # Errors
    /// The address cannot be had ([`Class::Conflict`] where somebody else has it).
    pub fn bind(layout: Layout, settings: Settings) -> Result<Server, Failure> {
        let bound = TcpListener::bind(settings.address).and_then(|listener| {
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        });
        let (listener, address) = bound.map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                Failure::new(Class::Conflict, format_args!("{}: address already in use", settings.address))
            }
            _ => Failure::io(settings.address, error),
        })?;
        // what a client has begun goes on to its end
        let layout = layout.stopped_by(Stop::default());
        Ok(Server { listener, address, service: Arc::new(Service::new(layout, settings)) })
    }

    /// Where it listens, with the port that it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` says so, then lets requests in flight end, for a while.
    ///
    /// # Errors
    /// The system has no threads or no events for it.
    pub fn run(self, stop: &dyn Fn() -> bool) -> Result<(), Failure> {
        let connections = self.service.settings.connections;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .max_blocking_threads(connections + 64)
            .build()
            .map_err(Failure::from)?;
        let result = runtime.block_on(self.accept(stop));
        // what still runs on the blocking pool belongs to requests that were cut off
        runtime.shutdown_background();
        result
    }

    async fn accept(self, stop: &dyn Fn() -> bool) -> Result<(), Failure> {
        let listener = tokio::net::TcpListener::from_std(self.listener).map_err(Failure::from)?;
        let (graceful, slots) =
            (GracefulShutdown::new(), Arc::new(Semaphore::new(self.service.settings.connections)));
        tokio::spawn(keep_house(self.service.clone()));
        while !stop() {
            let Ok(Ok(slot)) = tokio::time::timeout(TICK, slots.clone().acquire_owned()).await else {
                continue;
            };
            match tokio::time::timeout(TICK, listener.accept()).await {
                Ok(Ok((stream, peer))) => {
                    let connection = connection(&self.service, stream, peer);
                    let watched = graceful.watch(connection);
                    tokio::spawn(async move {
                        // a client that breaks off is no concern of ours
                        let _ = watched.await;
                        drop(slot);
                    });
                }
                // no descriptors are left, say: connections that end free some
                Ok(Err(_)) => tokio::time::sleep(TICK).await,
                Err(_) => {}
            }
        }
        drop(listener);
        let _ = tokio::time::timeout(self.service.settings.farewell, graceful.shutdown()).await;
        let service = self.service;
        blocking(move || {
            service.leases.release();
            Ok(())
        })
        .await
        .map_err(|error| Failure::new(Class::Failed, error))
    }
}

/// Lets old leases go, and sweeps what clients that broke off have left.
async fn keep_house(service: Arc<Service>) {
    loop {
        let expiring = service.clone();
        // it fails only where the server ends
        let _ = blocking(move || {
            expiring.leases.expire();
            // a layout that cannot be written takes no uploads either
            let _ = expiring.layout.sweep_unfinished();
            Ok(())
        })
        .await;
        tokio::time::sleep(service.leases.pause()).await;
    }
}

fn connection(
    service: &Arc<Service>,
    stream: TcpStream,
    peer: SocketAddr,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + use<> {
    let _ = stream.set_nodelay(true);
    let patience = service.settings.patience;
    let service = service.clone();
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(
            TokioIo::new(crate::patience::Patient::new(stream, patience)),
            service_fn(move |request| answer(service.clone(), peer, request)),
        )
}
