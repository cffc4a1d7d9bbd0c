//! What the tour shows, in its order. Each line is run by `sh`, in one directory that holds `rootfs/` at first, with our tools
//! on the PATH and a fresh home. A line that ends in `&` is a server: it runs to the end of the tour, and what it prints first
//! is `$SERVER` from then on.

/// A sentence, and the lines that show it.
pub(crate) struct Step {
    pub(crate) says: &'static str,
    pub(crate) runs: &'static [&'static str],
}

pub(crate) const STEPS: &[Step] = &[
    Step {
        says: "The seed of all images: one file, and what to do with it. No daemon and no root take part.",
        runs: &[
            "mkdir seed; echo hello > seed/hello",
            "printf 'FROM scratch\\nCOPY hello /\\nCMD [\"/hello\"]\\n' > seed/Dockerfile",
            "oci-build -t seed seed | oci-history",
        ],
    },
    Step {
        says: "The same files give the same image, wherever they are; what was made before is not made again. It goes.",
        runs: &["cp -r seed elsewhere; oci-build -t seed elsewhere", "oci-rmi seed"],
    },
    Step {
        says: "A small root filesystem: this is what goes into the image.",
        runs: &["find rootfs -type f -exec ls -l {} +"],
    },
    Step {
        says: "Its tar becomes an image. The answer is a reference that pins it; every tool takes that back.",
        runs: &["tar -C rootfs -c . | oci-import --name tiny:1 --change 'CMD [\"cat\", \"/etc/motd\"]'"],
    },
    Step { says: "A layout can be a registry.", runs: &["oci-serve -L served --port 0 &"] },
    Step {
        says: "The image gets a second name, that of its place in the registry, and goes there.",
        runs: &["oci-tag tiny:1 $SERVER/tiny:1 | oci-push"],
    },
    Step {
        says: "From the registry into another layout, and how it came to be.",
        runs: &["OCI_LAYOUT=./other oci-pull $SERVER/tiny:1 | oci-history"],
    },
    Step {
        says: "Its config, as it is: the digest of these bytes is docker's IMAGE ID.",
        runs: &["oci-inspect --config tiny:1; echo"],
    },
    Step {
        says: "What the first layout holds: two names, one image.",
        runs: &["oci-images", "oci-images -q"],
    },
    Step {
        says: "The first name goes, then the last one, and what only it needed.",
        runs: &["oci-rmi tiny:1", "oci-rmi $SERVER/tiny:1", "oci-images"],
    },
    Step {
        says: "Nothing is left to free here; the other layout is whole.",
        runs: &["oci-gc", "oci-fsck -L other"],
    },
];
