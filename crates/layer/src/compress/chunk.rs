//! Where a tar stream is cut: by content, so that two versions of a layer share most of their chunks.
//!
//! FastCDC of 2020 in the parameters of docs/layer-format.md, as a scan that can stop and go on: the `fastcdc`
//! crate's own `cut` wants the whole of the next 4 MiB at once. The tests hold the two equal.

use std::borrow::Cow;
use std::sync::LazyLock;

/// No chunk but the last is shorter, in bytes.
pub(crate) const MIN_CHUNK: usize = 262_144;
/// Where the strict mask gives way to the relaxed one, in bytes.
pub(crate) const AVERAGE_CHUNK: usize = 1_048_576;
/// No chunk is longer, in bytes.
pub(crate) const MAX_CHUNK: usize = 4_194_304;

/// The mask before [`AVERAGE_CHUNK`], and after it (`Normalization::Level1`).
const STRICT: u64 = 0x0000_d917_6753_7000;
const RELAXED: u64 = 0x0000_d917_0753_7000;

static GEAR: LazyLock<[u64; 256]> = LazyLock::new(|| {
    let (table, _) = fastcdc::v2020::get_gear_with_seed(0);
    let table: Cow<'static, [u64]> = table;
    table.as_ref().try_into().expect("a gear table has one number a byte")
});

/// Finds the cuts of one stream, chunk after chunk.
#[derive(Debug, Default)]
pub(crate) struct Cutter {
    /// How far the present chunk has been scanned; even.
    position: usize,
    hash: u64,
}

impl Cutter {
    /// The length of the chunk that `bytes` begin with, once that is certain; else `None`: come again with
    /// the same bytes and more behind them. What is left when the stream ends is the last chunk.
    ///
    /// `bytes` are at most [`MAX_CHUNK`] long.
    pub(crate) fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        // The rule for a hit at i looks at nothing behind the pair of i, so a hit found early is final
        // whatever follows; only "no hit" has to wait for 4 MiB or the end.
        let strict_end = bytes.len().min(AVERAGE_CHUNK) & !1;
        let cut = self
            .scan(bytes, strict_end, STRICT)
            .or_else(|| self.scan(bytes, bytes.len() & !1, RELAXED))
            .or_else(|| (bytes.len() == MAX_CHUNK).then_some(MAX_CHUNK));
        if cut.is_some() {
            *self = Cutter::default();
        }
        cut
    }

    /// Goes on to `end`, which is even. Two bytes a step: one shift less in a loop that waits for its hash.
    fn scan(&mut self, bytes: &[u8], end: usize, mask: u64) -> Option<usize> {
        self.position = self.position.max(MIN_CHUNK);
        if end <= self.position {
            return None;
        }
        let gear: &[u64; 256] = &GEAR;
        let mut hash = self.hash;
        for (pair, &[first, second]) in bytes[self.position..end].as_chunks::<2>().0.iter().enumerate() {
            // This is twice the hash after `first`, compared with twice the mask.
            hash = (hash << 2).wrapping_add(gear[usize::from(first)] << 1);
            if hash & (mask << 1) == 0 {
                return Some(self.position + 2 * pair);
            }
            hash = hash.wrapping_add(gear[usize::from(second)]);
            if hash & mask == 0 {
                return Some(self.position + 2 * pair + 1);
            }
        }
        (self.position, self.hash) = (end, hash);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compress::test_data::noise;
    use fastcdc::v2020::{FastCDC, Normalization};
    use proptest::prelude::*;
    use sha2::{Digest as _, Sha256};

    /// docs/layer-format.md, "Cuts", word for word.
    fn cut_in_words(source: &[u8], gear: &[u64; 256]) -> usize {
        let n = source.len();
        if n <= 262_144 {
            return n;
        }
        let n = n.min(4_194_304);
        let c = n.min(1_048_576);
        let mut h: u64 = 0;
        for i in 262_144..(n & !1) {
            h = (h << 1).wrapping_add(gear[usize::from(source[i])]);
            let mask = if i < (c & !1) { 0x0000_d917_6753_7000 } else { 0x0000_d917_0753_7000 };
            if h & mask == 0 {
                return i;
            }
        }
        n
    }

    fn cuts_in_words(source: &[u8]) -> Vec<usize> {
        let mut rest = source;
        let mut cuts = Vec::new();
        while !rest.is_empty() {
            let cut = cut_in_words(rest, &GEAR);
            cuts.push(cut);
            rest = &rest[cut..];
        }
        cuts
    }

    fn cuts_of_the_crate(source: &[u8]) -> Vec<usize> {
        FastCDC::with_level_and_seed(source, MIN_CHUNK, AVERAGE_CHUNK, MAX_CHUNK, Normalization::Level1, 0)
            .map(|chunk| chunk.length)
            .collect()
    }

    fn cuts_streamed(source: &[u8], steps: &[usize]) -> Vec<usize> {
        let (mut start, mut end, mut cuts, mut cutter) = (0, 0, Vec::new(), Cutter::default());
        for step in steps.iter().cycle() {
            if end == source.len() {
                break;
            }
            end = source.len().min(end + step);
            while let Some(cut) = cutter.find(&source[start..end.min(start + MAX_CHUNK)]) {
                cuts.push(cut);
                start += cut;
            }
        }
        if start < source.len() {
            cuts.push(source.len() - start);
        }
        cuts
    }

    #[test]
    fn the_gear_table_is_the_one_of_the_contract() {
        assert_eq!(GEAR[0], 0x3b5d_3c7d_207e_37dc);
        let bytes: Vec<u8> = GEAR.iter().flat_map(|number| number.to_be_bytes()).collect();
        let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, "9df0a720752a7d211fdebaf39bed01610983756fc340a1cfef41052b7356ae73");
    }

    #[test]
    fn the_end_of_a_stream_is_cut_like_the_words_say_around_every_limit() {
        let data = noise(7, MAX_CHUNK + 3);
        for limit in [MIN_CHUNK, AVERAGE_CHUNK, MAX_CHUNK] {
            for length in limit - 3..=limit + 3 {
                let zeros = vec![0; length];
                for source in [&data[..length], &zeros] {
                    assert_eq!(cuts_streamed(source, &[4096]), cuts_in_words(source), "{length}");
                    assert_eq!(cuts_of_the_crate(source), cuts_in_words(source), "{length}");
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn a_stream_is_cut_like_the_whole_whatever_comes_at_a_time(
            seed: u64,
            length in 0usize..14_000_000,
            quiet in 0usize..6_000_000,
            steps in proptest::collection::vec(1usize..700_000, 1..40),
        ) {
            let mut source = noise(seed, length);
            let quiet = quiet.min(length);
            source[..quiet].fill(0);
            let whole = cuts_in_words(&source);
            prop_assert_eq!(&cuts_streamed(&source, &steps), &whole);
            prop_assert_eq!(&cuts_of_the_crate(&source), &whole);
        }
    }
}
