//! The index of a layer that is made here, while its tar passes by: nobody has to read the layer for it.

use super::Indexes;
use super::recording::Recording;
use crate::entry::Parser;
use image_format::Layer;
use std::io;

/// Follows the tar of a layer; take each piece of it by [`WrittenIndex::push`], in order and unaltered.
pub(crate) struct WrittenIndex<'a> {
    parser: Parser,
    /// `None` once something was no tar that we read.
    recording: Option<Recording<'a>>,
}

impl<'a> WrittenIndex<'a> {
    /// To be kept in `indexes`.
    pub(crate) fn new(indexes: &'a Indexes) -> WrittenIndex<'a> {
        WrittenIndex { parser: Parser::default(), recording: Recording::of_new(indexes) }
    }

    /// Takes the next bytes of the tar.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.recording.is_some() && self.follow(bytes).is_err() {
            self.recording = None;
        }
    }

    fn follow(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (count, entry) = self.parser.take(bytes)?;
            if let (Some(entry), Some(recording)) = (entry, &mut self.recording) {
                recording.add(&entry, self.parser.offset());
            }
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// All of the tar has passed, and became `layer`.
    pub(crate) fn keep(self, layer: &Layer) {
        if let Some(recording) = self.recording.filter(|_| self.parser.finish().is_ok()) {
            recording.keep(layer);
        }
    }
}
