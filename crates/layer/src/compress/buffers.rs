//! The buffers of chunks in work, reused, and together never above a budget of bytes.
//!
//! All are made on the writer's own thread and counted by capacity: memory that worker threads allocate and
//! others free stays in glibc's arenas, 170 MiB of it with sixteen threads when it was measured.

/// Lengths are multiples of this, in bytes, so that a buffer serves other chunks of about its size.
const STEP: usize = 256 << 10;

/// A chunk's plain and compressed bytes.
#[derive(Debug)]
pub(crate) struct Buffers {
    pub(crate) plain: Vec<u8>,
    pub(crate) compressed: Vec<u8>,
    /// What both were made for, in bytes.
    lengths: (usize, usize),
}

impl Buffers {
    /// Empty ones with room for so many plain and compressed bytes.
    pub(crate) fn new(plain: usize, compressed: usize) -> Buffers {
        let lengths = (plain, compressed);
        Buffers { plain: Vec::with_capacity(plain), compressed: Vec::with_capacity(compressed), lengths }
    }

    fn bytes(&self) -> usize {
        self.lengths.0 + self.lengths.1
    }

    /// Is there room for so many bytes, and not far more?
    fn serve(&self, (plain, compressed): (usize, usize)) -> bool {
        let fits = |had: usize, wanted: usize| (wanted..=2 * wanted).contains(&had);
        fits(self.lengths.0, plain) && fits(self.lengths.1, compressed)
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        release(&mut self.plain);
        release(&mut self.compressed);
    }
}

/// Frees a big buffer so that glibc gives it back to the system, now and later. Freed at its full size it would
/// raise the size up to which glibc keeps what is freed (mallopt(3), M_MMAP_THRESHOLD), and all buffers behind it
/// would fragment the heap: 30 MiB more with sixteen threads.
pub(crate) fn release(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(4096);
}

/// The room for one chunk's compressed bytes: docs/layer-format.md, "deflate". It is more than zstd asks for.
pub(crate) fn room(length: usize) -> usize {
    length + length / 8 + 1024
}

/// All buffers of one writer or reader.
#[derive(Debug)]
pub(crate) struct Pool {
    /// What a coder takes beside each chunk's buffers, in bytes.
    coder: usize,
    /// How many bytes all buffers and coders may have.
    budget: usize,
    /// Bytes of all buffers given and spare.
    held: usize,
    spare: Vec<Buffers>,
}

impl Pool {
    pub(crate) fn new(coder: usize, budget: usize) -> Pool {
        Pool { coder, budget, held: 0, spare: Vec::new() }
    }

    /// Buffers for a chunk of so many plain and compressed bytes, perhaps with another's content; `None` where that would
    /// exceed the budget: then some that are in use must come back first.
    pub(crate) fn take(&mut self, plain: usize, compressed: usize) -> Option<Buffers> {
        let lengths = (plain.next_multiple_of(STEP), compressed.next_multiple_of(STEP));
        if let Some(at) = self.spare.iter().position(|buffers| buffers.serve(lengths)) {
            return Some(self.spare.swap_remove(at));
        }
        let cost = lengths.0 + lengths.1 + self.coder;
        while self.held > 0 && self.held + cost > self.budget {
            self.held -= self.spare.first()?.bytes() + self.coder;
            self.spare.remove(0);
        }
        self.held += cost;
        Some(Buffers::new(lengths.0, lengths.1))
    }

    /// Takes buffers back.
    pub(crate) fn give(&mut self, buffers: Buffers) {
        self.spare.push(buffers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: usize = 16 << 20;

    #[test]
    fn a_buffer_that_came_back_serves_a_chunk_of_about_its_size_again() {
        let mut pool = Pool::new(0, BUDGET);
        let first = pool.take(1_000_000, 500_000).unwrap();
        let address = first.plain.as_ptr();
        pool.give(first);
        assert_eq!(pool.take(900_000, 300_000).unwrap().plain.as_ptr(), address);
    }

    #[test]
    fn buffers_are_never_above_the_budget_and_one_is_always_given() {
        let mut pool = Pool::new(BUDGET, BUDGET);
        let only = pool.take(4 << 20, 4 << 20).unwrap();
        assert!(pool.take(1, 1).is_none());
        pool.give(only);
        assert!(pool.take(1, 1).is_some());

        let mut pool = Pool::new(0, BUDGET);
        let given: Vec<_> = std::iter::from_fn(|| pool.take(1 << 20, 1 << 20)).collect();
        assert_eq!(given.len(), 8);
        given.into_iter().for_each(|buffers| pool.give(buffers));
        assert!(pool.take(4 << 20, 4 << 20).is_some() && pool.held <= BUDGET);
    }
}
