//! The table of chunks behind a compressed layer, written. docs/layer-format.md; [`crate::compress::table`] reads it.

use crate::compress::table::{
    CHUNK_LENGTH, CHUNKS_MAGIC, CHUNKS_PER_MEMBER, Chunk, GZIP_EMPTY_END, GZIP_TABLE_HEAD, LAST_MAGIC,
    LAST_PAYLOAD, SKIPPABLE, SUBFIELD, TableForm,
};

/// Gathers the chunks of a layer; gives the bytes that stand behind its data.
#[derive(Debug)]
pub(crate) struct TableWriter {
    form: TableForm,
    encoder: u16,
    chunks: Vec<Chunk>,
}

impl TableWriter {
    pub(crate) fn new(form: TableForm, encoder: u16) -> TableWriter {
        TableWriter { form, encoder, chunks: Vec::new() }
    }

    pub(crate) fn push(&mut self, chunk: Chunk) {
        self.chunks.push(chunk);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// The table; `offset` is the length of all before it, `plain_size` that of the tar. `None` where there are
    /// more chunks than the form can count (4 PiB of tar).
    pub(crate) fn finish(self, offset: u64, plain_size: u64) -> Option<Vec<u8>> {
        let mut table = Vec::new();
        for chunks in self.chunks.chunks(CHUNKS_PER_MEMBER) {
            self.wrap(&chunks_payload(chunks), &mut table);
        }
        let mut last = Vec::with_capacity(LAST_PAYLOAD);
        last.extend_from_slice(&LAST_MAGIC);
        last.extend_from_slice(&self.encoder.to_le_bytes());
        last.extend_from_slice(&u32::try_from(self.chunks.len()).ok()?.to_le_bytes());
        last.extend_from_slice(&offset.to_le_bytes());
        last.extend_from_slice(&plain_size.to_le_bytes());
        self.wrap(&last, &mut table);
        Some(table)
    }

    /// Appends one member or frame with this payload.
    fn wrap(&self, payload: &[u8], table: &mut Vec<u8>) {
        let length = u16::try_from(payload.len()).expect("a payload is 8,164 bytes at most");
        match self.form {
            TableForm::Gzip => {
                table.extend_from_slice(&GZIP_TABLE_HEAD);
                table.extend_from_slice(&(length + 4).to_le_bytes());
                table.extend_from_slice(&SUBFIELD);
                table.extend_from_slice(&length.to_le_bytes());
                table.extend_from_slice(payload);
                table.extend_from_slice(&GZIP_EMPTY_END);
            }
            TableForm::Zstd => {
                table.extend_from_slice(&SKIPPABLE);
                table.extend_from_slice(&u32::from(length).to_le_bytes());
                table.extend_from_slice(payload);
            }
        }
    }
}

fn chunks_payload(chunks: &[Chunk]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(4 + CHUNK_LENGTH * chunks.len());
    payload.extend_from_slice(&CHUNKS_MAGIC);
    payload.extend_from_slice(&u16::try_from(chunks.len()).expect("340 at most").to_le_bytes());
    for chunk in chunks {
        payload.extend_from_slice(&chunk.compressed.to_le_bytes());
        payload.extend_from_slice(&chunk.plain.to_le_bytes());
        payload.extend_from_slice(&chunk.xxh3.to_be_bytes());
    }
    payload
}
