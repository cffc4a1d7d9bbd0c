//! What the C library's allocator does with memory that is freed.
#![cfg_attr(target_env = "gnu", expect(unsafe_code, reason = "mallopt is only in libc"))]

/// Freed blocks of so many bytes go back to the system at once.
#[cfg(target_env = "gnu")]
const BIG: libc::c_int = 256 << 10;

/// Has big blocks that are freed go back to the system, as they do anyway where the C library is not GNU's.
///
/// By itself glibc keeps those that are no bigger than the biggest that was freed so far (mallopt(3), M_MMAP_THRESHOLD):
/// whoever has freed a list of all files of an image once gets all later buffers from a heap that it left in pieces.
pub(crate) fn return_big_blocks() {
    #[cfg(target_env = "gnu")]
    // SAFETY: both calls only set a number; that other threads allocate meanwhile is allowed.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, BIG);
        libc::mallopt(libc::M_TRIM_THRESHOLD, BIG);
    }
}
