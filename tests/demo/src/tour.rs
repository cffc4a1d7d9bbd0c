//! What the tour shows, in its order. Each line is run by `sh`, in one directory that holds `rootfs/` at first, with our tools
//! on the PATH and a fresh home.

/// A sentence, and the lines that show it.
pub(crate) struct Step {
    pub(crate) says: &'static str,
    pub(crate) runs: &'static [&'static str],
}

pub(crate) const STEPS: &[Step] = &[Step {
    says: "A small root filesystem: this is what goes into the image.",
    runs: &["find rootfs -type f -exec ls -l {} +"],
}];
