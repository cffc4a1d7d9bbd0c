//! An archive into a sink, in one pass: every entry goes where it will stay, and gets its name only when all of the
//! archive has been read and a manifest refers to it.

use crate::docker_rows::MANIFEST_JSON;
use crate::index_rows::{INDEX_JSON, OCI_LAYOUT};
use crate::part::{Part, Stored, Storing};
use crate::received::Received;
use crate::wanted::{Role, Wanted};
use image_format::{Class, Digest, Failure, MAX_CONFIG_BYTES, Observer, Offer, Sink, Stream};
use layer::{Compression, Threads, of_stream, read_full};
use std::collections::HashMap;
use std::io::Read;
use std::sync::Mutex;

/// The names that pre-1.10 docker gave its images.
pub(crate) const REPOSITORIES: &str = "repositories";
/// The most bytes of `index.json`, `manifest.json` and `repositories` that are read.
pub(crate) const MAX_LIST_BYTES: u64 = 4 << 20;
/// Blobs up to this size are held in memory: manifests, configs, and whatever else is small.
const SMALL: u64 = 64 << 10;
/// What is held in memory at most; what comes then waits in the sink, however small it is.
const MAX_HELD: u64 = 12 << 20;
/// What names, links and the table of entries may take.
const MAX_NAMES: usize = 8 << 20;
/// What an entry costs besides its names.
const ENTRY: usize = 256;
/// How many blobs wait in the sink at most: each is an open file.
const MAX_WAITING: usize = 16_384;

/// How an archive is received.
#[derive(Clone, Copy)]
pub struct ReceiveOptions<'a> {
    /// How plain layers are compressed; `None` keeps them, and with them the archive's digests.
    pub compression: Option<Compression>,
    /// How many threads compress.
    pub threads: Threads,
    /// Hears how many bytes came, and may stop everything.
    pub observer: &'a dyn Observer,
}

/// Reads `stream` to its end.
///
/// # Errors
/// The archive is broken, an entry is not what its name says, the sink cannot take it.
pub fn receive<'a>(
    stream: &mut dyn Stream,
    sink: &'a dyn Sink,
    options: ReceiveOptions<'a>,
) -> Result<Received<'a>, Failure> {
    let ReceiveOptions { compression, threads, observer } = options;
    let storing = Storing { sink, compression, threads, observer };
    let mut intake = Intake {
        storing,
        wanted: Wanted::default(),
        parts: HashMap::new(),
        links: HashMap::new(),
        held: 0,
        names: 0,
        waiting: 0,
    };
    while let Some((offer, content)) = stream.next()? {
        intake.take(offer, content)?;
    }
    let mut names = HashMap::with_capacity(intake.parts.len());
    for (name, part) in &intake.parts {
        names.insert(part.blob(), name.clone());
        names.insert(part.digest, name.clone());
    }
    let parts = intake.parts.into_iter().map(|(name, part)| (name, Mutex::new(part))).collect();
    Ok(Received { storing, parts, links: intake.links, names: Mutex::new(names), made: HashMap::new() })
}

struct Intake<'a> {
    storing: Storing<'a>,
    wanted: Wanted,
    parts: HashMap<String, Part>,
    links: HashMap<String, String>,
    /// Bytes of contents in memory.
    held: u64,
    /// Bytes of names.
    names: usize,
    waiting: usize,
}

impl Intake<'_> {
    fn take(&mut self, offer: Offer, content: &mut (dyn Read + Send)) -> Result<(), Failure> {
        let link = offer.link.as_ref().map_or(0, String::len);
        self.names += ENTRY + 2 * offer.name.len() + link;
        if self.names > MAX_NAMES {
            let message =
                format!("more entries than fit in {MAX_NAMES} bytes; an archive of images has fewer");
            return Err(Failure::new(Class::Integrity, message));
        }
        if let Some(target) = offer.link {
            // what stood there before is not there any more
            self.parts.remove(&offer.name);
            self.links.insert(offer.name, target);
            return Ok(());
        }
        let role = offer.digest.map_or(Role::Unknown, |digest| self.wanted.role(&digest));
        if role == Role::Nothing {
            return Ok(());
        }
        let part = self.part(&offer, role, content).map_err(|failure| at(failure, &offer.name))?;
        if let Some(claimed) = offer.digest.filter(|claimed| *claimed != part.digest) {
            let message = format!("{claimed}: the content's digest is {}", part.digest);
            return Err(at(Failure::new(Class::Integrity, message), &offer.name));
        }
        if let Stored::Memory(bytes) = &part.stored {
            match &*offer.name {
                INDEX_JSON => self.wanted.index(bytes),
                _ => self.wanted.document(&part.digest, bytes),
            }
        }
        self.links.remove(&offer.name);
        self.parts.insert(offer.name, part);
        Ok(())
    }

    fn part(&mut self, offer: &Offer, role: Role, content: &mut (dyn Read + Send)) -> Result<Part, Failure> {
        let lists = [OCI_LAYOUT, INDEX_JSON, MANIFEST_JSON, REPOSITORIES];
        if lists.contains(&&*offer.name) {
            if offer.size > MAX_LIST_BYTES {
                let size = offer.size;
                let message = format!("{size} bytes; at most {MAX_LIST_BYTES} are read");
                return Err(Failure::new(Class::Integrity, message));
            }
            return self.hold(offer, content);
        }
        if offer.size <= SMALL && self.held + offer.size <= MAX_HELD {
            return self.hold(offer, content);
        }
        let mut start = [0];
        let count = read_full(content, &mut start).map_err(of_stream)?;
        let mut whole = start[..count].chain(content);
        let fits = offer.size <= MAX_CONFIG_BYTES && self.held + offer.size <= MAX_HELD;
        if fits && start == *b"{" && role != Role::PlainLayer {
            return self.hold(offer, &mut whole);
        }
        self.waiting += 1;
        if self.waiting > MAX_WAITING {
            let message = format!("more than {MAX_WAITING} blobs that are not small");
            return Err(Failure::new(Class::Integrity, message));
        }
        let is_layer = match role {
            Role::PlainLayer => Some(true),
            Role::Verbatim => Some(false),
            Role::Unknown | Role::Nothing => None,
        };
        self.storing.store(&mut whole, offer.size, offer.digest, is_layer)
    }

    fn hold(&mut self, offer: &Offer, content: &mut (dyn Read + Send)) -> Result<Part, Failure> {
        let mut bytes = Vec::with_capacity(usize::try_from(offer.size).unwrap_or(0));
        content.read_to_end(&mut bytes).map_err(of_stream)?;
        self.held += offer.size;
        self.storing.observer.advance(offer.size)?;
        let algorithm = offer.digest.map(|digest| digest.algorithm()).unwrap_or_default();
        let digest = Digest::of(algorithm, &bytes);
        Ok(Part::new(offer.size, digest, Stored::Memory(bytes)))
    }
}

/// A failure of an entry; what a signal or the machine did is not the entry's.
fn at(failure: Failure, entry: &str) -> Failure {
    match failure.class() {
        Class::Integrity => failure.at(entry),
        _ => failure,
    }
}
