//! Repositories and their tags, found once for every state of the index.

use crate::name::{RepositoryName, is_out_of_reach};
use image_format::{Claim, Descriptor, Digest, ImageName, MediaType, Place, Tag, Walk, parts};
use layout::{Latest, Layout, Snapshot};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What the index says, by repository.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    /// By `HOST/REPOSITORY`; one that holds only manifests without a tag is here too.
    repositories: BTreeMap<String, Held>,
    /// Repositories that no path can say, by their path, in the order of their rows.
    out_of_reach: HashMap<String, Vec<String>>,
    types: HashMap<Digest, MediaType>,
    /// Rows without any name, which are in every repository as far as anybody can tell.
    nameless: HashSet<Digest>,
}

/// What one repository holds.
#[derive(Debug, Default)]
struct Held {
    tags: BTreeMap<String, Entry>,
    untagged: Vec<Descriptor>,
    /// What its indexes name, once somebody has asked for a manifest without a row.
    below: OnceLock<HashSet<Digest>>,
}

/// How many manifests below the indexes of one repository are remembered.
const MOST_BELOW: usize = 1 << 20;

impl Held {
    /// All that the indexes name, at any depth. An index that cannot be read has no manifests for us; what nests too
    /// deep is not looked into, nor are more than [`MOST_BELOW`].
    fn below(&self, layout: &Layout) -> &HashSet<Digest> {
        self.below.get_or_init(|| {
            let (mut walk, mut below) = (Walk::default(), HashSet::new());
            let mut visitor = |place: Place<'_>| {
                if place.parent.is_some() && below.len() < MOST_BELOW {
                    below.insert(place.descriptor.digest);
                }
                let follow = place.descriptor.media_type.is_index() && below.len() < MOST_BELOW;
                Ok(if follow { parts(layout, place.descriptor).unwrap_or_default() } else { Vec::new() })
            };
            for index in self.descriptors().filter(|held| held.media_type.is_index()) {
                let _ = walk.from(index, &mut visitor);
            }
            below
        })
    }

    fn descriptors(&self) -> impl Iterator<Item = &Descriptor> {
        self.tags.values().map(|entry| &entry.descriptor).chain(&self.untagged)
    }
}

/// A tag.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Its whole name in the layout.
    pub(crate) name: ImageName,
    /// The manifest or index.
    pub(crate) descriptor: Descriptor,
}

impl Catalog {
    fn of(snapshot: &Snapshot) -> Catalog {
        let mut catalog = Catalog::default();
        for image in snapshot.images() {
            let descriptor = image.descriptor;
            catalog.types.insert(descriptor.digest, descriptor.media_type.clone());
            match image.name {
                Some(Claim::Name(name)) => catalog.add(name, descriptor),
                Some(Claim::Verbatim(_)) => {}
                None => catalog.add_untagged(descriptor),
            }
        }
        catalog
    }

    fn add(&mut self, name: ImageName, descriptor: Descriptor) {
        let locator = name.locator();
        if is_out_of_reach(&name) {
            let same_path = self.out_of_reach.entry(name.repository().to_string()).or_default();
            same_path.retain(|other| *other != locator);
            same_path.push(locator.clone());
        }
        let tag = name.tag().map(ToString::to_string).unwrap_or_default();
        let held = self.repositories.entry(locator).or_default();
        held.tags.insert(tag, Entry { name, descriptor });
    }

    fn add_untagged(&mut self, descriptor: Descriptor) {
        match descriptor.pinned_name() {
            Some(name) => self.repositories.entry(name.locator()).or_default().untagged.push(descriptor),
            None => drop(self.nameless.insert(descriptor.digest)),
        }
    }

    /// The repositories that answer at this path: the one that it names, or if there is none those that no path can
    /// name, the later rows first.
    fn answering(&self, name: &RepositoryName) -> impl Iterator<Item = &Held> + use<'_> {
        let own = self.repositories.get(&name.locator());
        let others = name.bare().filter(|_| own.is_none()).and_then(|path| self.out_of_reach.get(path));
        let others = others.into_iter().flatten().rev().filter_map(|other| self.repositories.get(other));
        own.into_iter().chain(others)
    }

    /// What a tag leads to.
    pub(crate) fn find(&self, name: &RepositoryName, tag: &Tag) -> Option<&Entry> {
        self.answering(name).find_map(|held| held.tags.get(tag.as_str()))
    }

    /// The tags in their order; `None` where there is no such repository.
    pub(crate) fn tags(&self, name: &RepositoryName) -> Option<BTreeSet<&str>> {
        let mut found = None;
        for held in self.answering(name) {
            found.get_or_insert_with(BTreeSet::new).extend(held.tags.keys().map(String::as_str));
        }
        found
    }

    /// Has the repository a row of this digest?
    pub(crate) fn holds(&self, name: &RepositoryName, digest: &Digest) -> bool {
        self.nameless.contains(digest)
            || self.answering(name).flat_map(Held::descriptors).any(|held| held.digest == *digest)
    }

    /// Does one of the repository's indexes name the manifest?
    pub(crate) fn names_below(&self, name: &RepositoryName, digest: &Digest, layout: &Layout) -> bool {
        self.answering(name).any(|held| held.below(layout).contains(digest))
    }

    /// What a row says that the manifest is.
    pub(crate) fn media_type(&self, digest: &Digest) -> Option<&MediaType> {
        self.types.get(digest)
    }
}

/// The catalog of a layout as it is now.
#[derive(Debug)]
pub(crate) struct Catalogs {
    latest: Latest,
    known: Mutex<Option<(Arc<Snapshot>, Arc<Catalog>)>>,
}

impl Catalogs {
    pub(crate) fn new(layout: Layout) -> Catalogs {
        Catalogs { latest: Latest::new(layout), known: Mutex::default() }
    }

    /// # Errors
    /// The index cannot be read.
    pub(crate) fn now(&self) -> Result<Arc<Catalog>, layout::Error> {
        let snapshot = self.latest.snapshot()?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, catalog)) = &*known
            && Arc::ptr_eq(of, &snapshot)
        {
            return Ok(catalog.clone());
        }
        let catalog = Arc::new(Catalog::of(&snapshot));
        *known = Some((snapshot, catalog.clone()));
        Ok(catalog)
    }
}
