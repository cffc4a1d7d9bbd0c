//! A docker-registry of a test's own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::{Peers, Running, Scratch};

/// A docker-registry on a free port of 127.0.0.1, empty at first; ended by its process id when the value is dropped.
pub struct PeerRegistry {
    address: SocketAddr,
    /// before the directory: fields are dropped in this order
    _process: Running,
    _scratch: Scratch,
}

/// Another process may take the free port before the registry does: then one more is tried.
const PORTS_TRIED: usize = 5;
/// How long one start may take on a machine under load.
const START: Duration = Duration::from_secs(60);

impl Peers {
    /// Starts a docker-registry.
    pub fn registry(&self) -> PeerRegistry {
        (0..PORTS_TRIED).find_map(|_| self.try_registry()).expect("a docker-registry starts")
    }

    fn try_registry(&self) -> Option<PeerRegistry> {
        let address = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");
        let scratch = self.scratch();
        let data = scratch.inside("data");
        let config = format!(
            "version: 0.1\nlog: {{level: warn}}\nhttp: {{addr: \"{address}\"}}\n\
             storage: {{delete: {{enabled: true}}, filesystem: {{rootdirectory: {data}}}}}\n"
        );
        std::fs::write(scratch.join("config.yml"), config).expect("the scratch directory can be written");
        // script, chroot and env replace one another, so the process that is spawned becomes the registry
        let mut process = self.exec(["docker-registry", "serve", &scratch.inside("config.yml")]).spawn();
        answers(address, &mut process).then_some(PeerRegistry {
            address,
            _process: process,
            _scratch: scratch,
        })
    }
}

impl PeerRegistry {
    /// `127.0.0.1:PORT`: what stands before the `/` of a reference.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// A reference in it: `registry.reference("app:1")` is `127.0.0.1:PORT/app:1`.
    pub fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }
}

/// Waits for its first answer; false when it has ended instead.
fn answers(address: SocketAddr, process: &mut Running) -> bool {
    let end = Instant::now() + START;
    while process.is_running() && Instant::now() < end {
        if get(address, "/v2/").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

/// The answer to one GET, headers and all.
fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(START))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
