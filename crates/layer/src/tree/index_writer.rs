//! The index of a layer as it is kept, written entry by entry while somebody reads the layer.

use super::index::Indexed;
use crate::entry::{Entry, TarWriter};
use std::io::{self, ErrorKind, Write};

/// The entries as a tar without content, each behind its length and the place of its content; compressed, with a checksum.
pub(crate) struct IndexWriter {
    index: zstd::stream::write::Encoder<'static, Vec<u8>>,
    most: usize,
}

impl IndexWriter {
    /// An index of no entry yet, which may become so many bytes long.
    pub(crate) fn within(most: usize) -> io::Result<IndexWriter> {
        let mut index = zstd::stream::write::Encoder::new(Vec::new(), 1)?;
        index.include_checksum(true)?;
        Ok(IndexWriter { index, most })
    }

    /// Adds an entry whose content begins at byte `offset` of the layer's tar.
    pub(crate) fn add(&mut self, entry: &Entry, offset: u64) -> io::Result<()> {
        if self.index.get_ref().len() > self.most {
            return Err(io::Error::new(ErrorKind::FileTooLarge, "an index that is too long"));
        }
        let head = TarWriter::<Vec<u8>>::head(entry)?;
        self.index.write_all(&(head.len() as u64).to_le_bytes())?;
        self.index.write_all(&offset.to_le_bytes())?;
        self.index.write_all(&head)
    }

    pub(crate) fn finish(self) -> io::Result<Vec<u8>> {
        let mut index = self.index.finish()?;
        // it may have to wait for its layer to be verified
        index.shrink_to_fit();
        Ok(index)
    }
}

/// The index of these entries.
pub(crate) fn encode(entries: &[Indexed]) -> io::Result<Vec<u8>> {
    let mut index = IndexWriter::within(usize::MAX)?;
    entries.iter().try_for_each(|Indexed { entry, offset }| index.add(entry, *offset))?;
    index.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Kind, Metadata};

    #[test]
    fn an_index_is_given_up_when_it_becomes_too_long() {
        let mut index = IndexWriter::within(100_000).unwrap();
        let mut added = 0_u64;
        let result = loop {
            let path = test_support::noise(added, 200);
            let entry = Entry { path, kind: Kind::Fifo, metadata: Metadata::default() };
            match index.add(&entry, added) {
                Ok(()) if added < 100_000 => added += 1,
                other => break other,
            }
        };
        assert_eq!(result.unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert!((300..3000).contains(&added), "{added}");
    }
}
