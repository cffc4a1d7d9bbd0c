//! The buffers of chunks in work, reused, and together never above a budget of bytes.
//!
//! All are made on the writer's own thread and counted by capacity: memory that worker threads allocate and
//! others free stays in glibc's arenas, 170 MiB of it with sixteen threads when it was measured.

/// Bytes of all buffers, in use and spare, and of the encoders that run. With the 10 MiB that glibc keeps for the
/// threads, and the rest of a tool, this stays under 40 MiB with any number of threads.
const BUDGET: usize = 16 << 20;
/// Lengths are multiples of this, in bytes, so that a buffer serves other chunks of about its size.
const STEP: usize = 256 << 10;

/// A chunk's plain bytes, and room for what comes of them.
#[derive(Debug)]
pub(crate) struct Buffers {
    pub(crate) plain: Vec<u8>,
    pub(crate) compressed: Vec<u8>,
    length: usize,
}

impl Buffers {
    fn new(length: usize) -> Buffers {
        let compressed = Vec::with_capacity(room(length));
        Buffers { plain: Vec::with_capacity(length), compressed, length }
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

/// All buffers of one writer.
#[derive(Debug)]
pub(crate) struct Pool {
    /// What an encoder takes beside the buffers, in bytes.
    encoder: usize,
    /// Bytes of all buffers given and spare.
    held: usize,
    spare: Vec<Buffers>,
}

impl Pool {
    pub(crate) fn new(encoder: usize) -> Pool {
        Pool { encoder, held: 0, spare: Vec::new() }
    }

    fn cost(&self, length: usize) -> usize {
        length + room(length) + self.encoder
    }

    /// Empty buffers for a chunk of `length` bytes; `None` where that would exceed the budget: then some that are
    /// in use must come back first.
    pub(crate) fn take(&mut self, length: usize) -> Option<Buffers> {
        let length = length.next_multiple_of(STEP);
        let fits = |buffers: &Buffers| (length..=length + STEP).contains(&buffers.length);
        if let Some(at) = self.spare.iter().position(fits) {
            return Some(self.spare.swap_remove(at));
        }
        while self.held > 0 && self.held + self.cost(length) > BUDGET {
            self.held -= self.cost(self.spare.first()?.length);
            self.spare.remove(0);
        }
        self.held += self.cost(length);
        Some(Buffers::new(length))
    }

    /// Takes buffers back.
    pub(crate) fn give(&mut self, mut buffers: Buffers) {
        buffers.plain.clear();
        buffers.compressed.clear();
        self.spare.push(buffers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_that_came_back_serves_a_chunk_of_about_its_size_again() {
        let mut pool = Pool::new(0);
        let first = pool.take(1_000_000).unwrap();
        let address = first.plain.as_ptr();
        pool.give(first);
        assert_eq!(pool.take(900_000).unwrap().plain.as_ptr(), address);
    }

    #[test]
    fn buffers_are_never_above_the_budget_and_one_is_always_given() {
        let mut pool = Pool::new(BUDGET);
        let only = pool.take(4 << 20).unwrap();
        assert!(pool.take(1).is_none());
        pool.give(only);
        assert!(pool.take(1).is_some());

        let mut pool = Pool::new(0);
        let given: Vec<_> = std::iter::from_fn(|| pool.take(1 << 20)).collect();
        assert_eq!(given.len(), 7);
        given.into_iter().for_each(|buffers| pool.give(buffers));
        assert!(pool.take(4 << 20).is_some() && pool.held <= BUDGET);
    }
}
