//! The rows of `index.json` at one moment.

use crate::Error;
use crate::index_file::IndexFile;
use crate::row_head::Head;
use image_format::{Claim, Descriptor, Digest, ImageName, Rank};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// From this many look-ups on, one table of all claims is cheaper than a scan for each.
const SCANS: usize = 8;

/// One row of `index.json`.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Its place in the list.
    pub position: usize,
    /// Its JSON.
    pub json: &'a str,
}

impl Row<'_> {
    /// The row as a descriptor; `None` where it is none (such rows are kept, and `oci-fsck` shows them).
    pub fn descriptor(&self) -> Option<Descriptor> {
        serde_json::from_str(self.json).ok()
    }

    pub(crate) fn head(&self) -> Option<Head<'_>> {
        serde_json::from_str(self.json).ok()
    }

    /// The digest, if it is one that is known here.
    pub fn digest(&self) -> Option<Digest> {
        self.head()?.digest.parse().ok()
    }

    /// What tells the row from those that claim the same name: its own tag, or else that name.
    pub(crate) fn own_name(&self) -> Option<Claim> {
        let head = self.head()?;
        let own_tag = head.own_tag().map(|tag| Claim::Verbatim(tag.to_owned()));
        own_tag.or_else(|| head.claim().map(|(claim, _)| claim))
    }

    /// The name that the row claims, and how strongly.
    pub fn claim(&self) -> Option<(Claim, Rank)> {
        self.head()?.claim()
    }
}

/// A row that is an image, with the name that it holds.
#[derive(Clone, Debug)]
pub struct Image {
    /// The name, where the row's claim to it is the strongest.
    pub name: Option<Claim>,
    /// The manifest or index.
    pub descriptor: Descriptor,
    /// The row's place in `index.json`.
    pub position: usize,
}

/// `index.json` as it was when it was read.
#[derive(Debug, Default)]
pub struct Snapshot {
    index: IndexFile,
    lookups: AtomicUsize,
    table: OnceLock<Table>,
}

/// Every claim and every digest, found once.
#[derive(Debug, Default)]
struct Table {
    /// All rows that claim a name, the winner last.
    claims: HashMap<Claim, Vec<usize>>,
    digests: HashMap<Digest, Vec<usize>>,
    /// The rows without a name that are no referrers.
    unnamed: HashMap<Digest, Vec<usize>>,
    /// The rows that have this tag besides the name that they claim.
    own_tags: HashMap<String, Vec<usize>>,
}

impl Snapshot {
    pub(crate) fn new(index: IndexFile) -> Snapshot {
        Snapshot { index, ..Snapshot::default() }
    }

    /// The rows in the text of an `index.json`: for the fuzzer, who has no directory.
    #[doc(hidden)]
    pub fn parse(text: String) -> Result<Snapshot, String> {
        IndexFile::parse(text).map(Snapshot::new)
    }

    /// The text that is written where no row changes.
    #[doc(hidden)]
    pub fn to_json(&self) -> String {
        String::from_utf8_lossy(&self.index.with_rows(self.index.rows())).into_owned()
    }

    pub(crate) fn index(&self) -> &IndexFile {
        &self.index
    }

    /// All rows, in order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.index.rows().enumerate().map(|(position, json)| Row { position, json })
    }

    /// The rows that may hold this text; see [`IndexFile::rows_with`].
    fn rows_with(&self, needle: &str) -> impl Iterator<Item = Row<'_>> {
        self.index.rows_with(needle).into_iter().map(|position| self.row(position))
    }

    /// The row at `position`.
    pub fn row(&self, position: usize) -> Row<'_> {
        Row { position, json: self.index.row(position) }
    }

    /// The row that holds `claim`; for a text that none claims, the last that has it as a tag of its own.
    pub fn find(&self, claim: &Claim) -> Option<Row<'_>> {
        let claimants = self.claimants(claim);
        let found = claimants.last().copied().or_else(|| self.tagged(claim).last().copied());
        found.map(|position| self.row(position))
    }

    /// The positions of the rows that have this text as a tag besides the name that they claim.
    pub(crate) fn tagged(&self, claim: &Claim) -> Cow<'_, [usize]> {
        let Claim::Verbatim(tag) = claim else { return Cow::Borrowed(&[]) };
        if self.wants_table() {
            return found(self.table().own_tags.get(tag));
        }
        self.rows_with(tag)
            .filter(|row| row.head().is_some_and(|head| head.own_tag() == Some(tag)))
            .map(|row| row.position)
            .collect()
    }

    /// The rows that hold a name whose tag they have as a bare `ref.name` too, where it is this one: skopeo and umoci
    /// find an image by that alone.
    pub(crate) fn with_short_tag(&self, tag: &str) -> Vec<(Claim, Row<'_>)> {
        let holds = |row: &Row<'_>, claim: &Claim| self.claimants(claim).last() == Some(&row.position);
        self.rows_with(tag)
            .filter(|row| row.head().is_some_and(|head| head.short_tag() == Some(tag)))
            .filter_map(|row| Some((row.claim()?.0, row)))
            .filter(|(claim, row)| holds(row, claim))
            .collect()
    }

    /// The positions of all rows that claim `claim`, the one that holds it last.
    pub(crate) fn claimants(&self, claim: &Claim) -> Cow<'_, [usize]> {
        if self.wants_table() {
            return found(self.table().claims.get(claim));
        }
        let needle = needle(claim);
        let mut found: Vec<(Rank, usize)> = self
            .rows_with(&needle)
            .filter_map(|row| {
                let (theirs, rank) = row.claim()?;
                (theirs == *claim).then_some((rank, row.position))
            })
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, position)| position).collect()
    }

    /// The positions of all rows with this digest.
    pub(crate) fn with_digest(&self, digest: &Digest) -> Cow<'_, [usize]> {
        if self.wants_table() {
            return found(self.table().digests.get(digest));
        }
        let hex = digest.hex();
        self.rows_with(&hex)
            .filter(|row| row.digest().as_ref() == Some(digest))
            .map(|row| row.position)
            .collect()
    }

    /// The positions of the rows that hold this digest as an image without a name.
    pub(crate) fn unnamed(&self, digest: &Digest) -> Cow<'_, [usize]> {
        if self.wants_table() {
            return found(self.table().unnamed.get(digest));
        }
        let unnamed = |position: &usize| self.row(*position).head().is_some_and(|head| head.is_unnamed());
        self.with_digest(digest).iter().copied().filter(unnamed).collect()
    }

    fn wants_table(&self) -> bool {
        self.table.get().is_some() || self.lookups.fetch_add(1, Ordering::Relaxed) >= SCANS
    }

    fn table(&self) -> &Table {
        self.table.get_or_init(|| {
            let mut claims: HashMap<Claim, Vec<(Rank, usize)>> = HashMap::new();
            let mut table = Table::default();
            for row in self.rows() {
                let Some(head) = row.head() else { continue };
                if let Ok(digest) = head.digest.parse() {
                    if head.is_unnamed() {
                        table.unnamed.entry(digest).or_default().push(row.position);
                    }
                    table.digests.entry(digest).or_default().push(row.position);
                }
                if let Some((claim, rank)) = head.claim() {
                    claims.entry(claim).or_default().push((rank, row.position));
                }
                if let Some(tag) = head.own_tag() {
                    table.own_tags.entry(tag.to_owned()).or_default().push(row.position);
                }
            }
            let sorted = |mut list: Vec<(Rank, usize)>| {
                list.sort_unstable();
                list.into_iter().map(|(_, position)| position).collect()
            };
            table.claims = claims.into_iter().map(|(claim, list)| (claim, sorted(list))).collect();
            table
        })
    }

    /// All images in the order of their rows; a name goes to the row that holds it, a row that lost its claim
    /// has its own tag or is an image without a name. Referrers and rows that are no descriptors are left out.
    pub fn images(&self) -> Vec<Image> {
        let holders = &self.table().claims;
        self.rows()
            .filter_map(|row| {
                let head = row.head()?;
                if head.annotations.subject.is_some() {
                    return None;
                }
                let holds =
                    |claim: &Claim| holders.get(claim).and_then(|rows| rows.last()) == Some(&row.position);
                let own_tag = || {
                    let tag = Claim::Verbatim(head.own_tag()?.to_owned());
                    (self.find(&tag)?.position == row.position).then_some(tag)
                };
                let name = head.claim().map(|(claim, _)| claim).filter(holds).or_else(own_tag);
                Some(Image { name, descriptor: row.descriptor()?, position: row.position })
            })
            .collect()
    }

    /// The positions of the rows that are no descriptors: they are kept, but nobody knows what they mean.
    pub fn broken_rows(&self) -> Vec<usize> {
        self.rows().filter(|row| row.descriptor().is_none()).map(|row| row.position).collect()
    }

    /// The tags of `name`'s repository, for a message that says what there is.
    pub(crate) fn tags_of(&self, name: &ImageName) -> Vec<String> {
        let mut tags: BTreeSet<String> = BTreeSet::new();
        for claim in self.table().claims.keys() {
            if let Claim::Name(other) = claim
                && other.locator() == name.locator()
            {
                tags.extend(other.tag().map(ToString::to_string));
            }
        }
        tags.into_iter().collect()
    }

    /// The only image, for `oci:DIR` without a name.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub fn only_image(&self) -> Result<Image, Error> {
        let mut images = self.images();
        match images.len() {
            1 => Ok(images.remove(0)),
            0 => Err(Error::NoImage("the layout holds no image".to_owned())),
            count => {
                Err(Error::NoImage(format!("the layout holds {count} images; expected a name behind it")))
            }
        }
    }
}

fn found(positions: Option<&Vec<usize>>) -> Cow<'_, [usize]> {
    positions.map_or(Cow::Borrowed(&[]), |positions| Cow::Borrowed(positions.as_slice()))
}

/// What stands in every row that makes this claim, unless the row has an escape, which may spell anything: a name's
/// last component and, unless it is `latest`, which may be left out, its tag.
fn needle(claim: &Claim) -> String {
    match claim {
        Claim::Verbatim(text) => text.clone(),
        Claim::Name(name) => {
            let path = name.repository().as_str();
            let last = path.rsplit('/').next().unwrap_or(path);
            match name.tag().map_or("latest", |tag| tag.as_str()) {
                "latest" => last.to_owned(),
                tag => format!("{last}:{tag}"),
            }
        }
    }
}

#[cfg(test)]
mod tests;
