//! The layers that we compress, of many chunks: everybody else decompresses them to the tar they were made of, and they
//! are the same bytes on any processor (docs/layer-format.md).

use serde_json::Value;
use test_support::{Command, Peers, Scratch, TarBuilder, check_layout, need, noise, sha256_hex, tool};

use crate::fixture::{ours, says, store};

/// An image of one layer that was imported with `compression`.
struct Compressed {
    scratch: Scratch,
    tar: Vec<u8>,
    /// what `oci-import` printed
    line: String,
    /// the layer's blob, beneath `scratch`
    blob: String,
    diff_id: String,
    id: String,
}

impl Compressed {
    fn new(peers: &Peers, name: &str, compression: &str) -> Compressed {
        let scratch = peers.scratch();
        let tar = tar_of_many_chunks();
        std::fs::write(scratch.join("layer.tar"), &tar).expect("a file");
        let import =
            ours(&scratch, "oci-import", "ours").args(["--name", name, "--compression", compression]);
        let line = import.arg(scratch.join("layer.tar")).succeeds().line().to_owned();
        check_layout(scratch.join("ours"));
        let inspected = ours(&scratch, "oci-inspect", "ours").args(["--json", &line]).succeeds();
        let image: Value = serde_json::from_str(inspected.stdout()).expect("JSON");
        let text = |pointer: &str| image.pointer(pointer).and_then(Value::as_str).expect(pointer).to_owned();
        let blob = format!("ours/blobs/{}", text("/manifest/layers/0/digest").replace(':', "/"));
        let (diff_id, id) = (text("/config/rootfs/diff_ids/0"), text("/manifest/config/digest"));
        assert_eq!(diff_id, format!("sha256:{}", sha256_hex(&tar)));
        Compressed { scratch, tar, line, blob, diff_id, id }
    }

    /// Asserts that `command`, which is given the blob's path, prints the tar.
    #[track_caller]
    fn decompressed_by(&self, command: Command) {
        let outcome = command.succeeds();
        assert_eq!(sha256_hex(outcome.stdout_bytes()), sha256_hex(&self.tar), "{outcome}");
    }

    fn blob(&self) -> std::path::PathBuf {
        self.scratch.join(&self.blob)
    }

    fn blob_inside(&self) -> String {
        self.scratch.inside(&self.blob)
    }

    /// Exports it as a hybrid; the path is the peers'.
    fn export(&self) -> String {
        ours(&self.scratch, "oci-export", "ours")
            .arg(&self.line)
            .arg("-o")
            .arg(self.scratch.join("image.tar"))
            .succeeds();
        self.scratch.inside("image.tar")
    }
}

/// About 24 MB, which are cut into a dozen chunks and more: what compresses well, what does not, and zeros.
fn tar_of_many_chunks() -> Vec<u8> {
    let words: String = (0..600_000u32).map(|n| format!("{:x} ", n.wrapping_mul(2_654_435_761))).collect();
    TarBuilder::new()
        .dir("data")
        .file("data/words", words)
        .file("data/noise", noise(7, 9_000_000))
        .file("data/zeros", vec![0; 9_000_001])
        .file("data/last", "the end\n")
        .bytes()
}

/// Python's two ways to read a compressed tar, and its zlib, which stops at the end of the first member.
const PYTHON: &str = r#"
import hashlib, sys, tarfile, zlib
path = sys.argv[1]
for mode in ("r:gz", "r|gz"):
    with tarfile.open(path, mode) as tar:
        print(*[f"{m.name}={hashlib.sha256(tar.extractfile(m).read()).hexdigest()}" for m in tar if m.isfile()])
plain = zlib.decompressobj(31)
print(hashlib.sha256(plain.decompress(open(path, "rb").read()) + plain.flush()).hexdigest())
"#;

#[test]
fn every_gzip_reader_gets_the_tar_of_a_layer_of_many_chunks() {
    let peers = need!("busybox", "pigz", "bsdtar");
    let image = Compressed::new(&peers, "many-gzip", "gzip");
    image.decompressed_by(Command::new("gzip").args(["-dc"]).arg(image.blob()).env("LC_ALL", "C"));
    for words in [["busybox", "gunzip", "-c"], ["pigz", "-d", "-c"]] {
        image.decompressed_by(peers.exec(words).stdin_file(image.blob()));
    }
    let listed = |command: Command| command.arg(image.blob_inside()).succeeds().stdout().lines().count();
    assert_eq!(listed(peers.exec(["tar", "-tzf"])), 5);
    assert_eq!(listed(peers.exec(["bsdtar", "-tf"])), 5);
    assert_eq!(listed(peers.exec(["busybox", "tar", "-tzf"])), 5);
}

#[test]
fn python_reads_a_layer_of_many_chunks_in_each_of_its_ways() {
    let peers = need!("docker");
    let image = Compressed::new(&peers, "many-python", "gzip");
    let outcome = Command::new("python3").args(["-c", PYTHON]).arg(image.blob()).succeeds();
    let lines: Vec<_> = outcome.stdout().lines().collect();
    assert_eq!(lines[0], lines[1]);
    assert!(lines[0].contains(&format!("data/noise={}", sha256_hex(noise(7, 9_000_000)))), "{outcome}");
    assert!(lines[0].contains(&format!("data/last={}", sha256_hex("the end\n"))), "{outcome}");
    assert_eq!(lines[2], sha256_hex(&image.tar));
}

#[test]
fn zstd_readers_get_the_tar_of_a_layer_of_many_chunks() {
    let peers = need!("bsdtar");
    let image = Compressed::new(&peers, "many-zstd", "zstd");
    image.decompressed_by(peers.exec(["zstd", "-dc", &image.blob_inside()]));
    let listed =
        |words: [&str; 3]| peers.exec(words).arg(image.blob_inside()).succeeds().stdout().lines().count();
    assert_eq!(listed(["tar", "--zstd", "-tf"]), 5);
    assert_eq!(listed(["bsdtar", "-t", "-f"]), 5);
}

/// Each of them computes the DiffID anew and refuses a layer that has another.
#[test]
fn engines_unpack_a_layer_of_many_chunks_to_its_diff_id() {
    let peers = need!("docker", "podman", "umoci", "skopeo", "buildah");
    let image = Compressed::new(&peers, "many-engines", "gzip");
    let archive = image.export();
    peers.exec(["docker", "load", "-q", "-i", &archive]).succeeds();
    let format = "{{.Id}} {{index .RootFS.Layers 0}}";
    let inspected = says(&peers, ["docker", "image", "inspect", "--format", format, "many-engines"]);
    assert_eq!(inspected, format!("{} {}", image.id, image.diff_id));
    peers.exec(["docker", "rmi", "many-engines"]).succeeds();
    let podman = store(&peers, &image.scratch, "podman", 1);
    podman(&["load", "-q", "-i", &archive]).succeeds();
    let buildah = store(&peers, &image.scratch, "buildah", 2);
    buildah(&[
        "pull",
        "-q",
        &format!("oci:{}:docker.io/library/many-engines:latest", image.scratch.inside("ours")),
    ])
    .succeeds();
    let named = format!("{}:docker.io/library/many-engines:latest", image.scratch.inside("ours"));
    peers.exec(["umoci", "unpack", "--image", &named, &image.scratch.inside("bundle")]).succeeds();
    let noise_file = image.scratch.join("bundle/rootfs/data/noise");
    assert_eq!(sha256_hex(std::fs::read(noise_file).expect("a file")), sha256_hex(noise(7, 9_000_000)));
    let plain = format!("docker-archive:{}", image.scratch.inside("plain.tar"));
    peers.exec(["skopeo", "copy", &format!("oci:{named}"), &plain]).succeeds();
}

/// `qemu64` has no SHA, SSSE3, SSE4, AVX or BMI instructions; the processor at hand has most of them.
#[test]
#[cfg(target_arch = "x86_64")]
fn the_bytes_are_the_same_on_a_processor_without_vector_instructions() {
    let peers = need!("qemu-x86_64");
    for compression in ["gzip", "zstd"] {
        let image = Compressed::new(&peers, "many-bytes", compression);
        let program = image.scratch.join("oci-import");
        std::fs::copy(tool("oci-import"), &program).expect("a copy");
        let emulated = ["qemu-x86_64", "-cpu", "qemu64", &image.scratch.inside("oci-import")];
        let line = peers
            .exec(emulated)
            .args([
                "-L",
                &image.scratch.inside("emulated"),
                "--name",
                "many-bytes",
                "--compression",
                compression,
            ])
            .arg(image.scratch.inside("layer.tar"))
            .env("SOURCE_DATE_EPOCH", "0")
            .succeeds()
            .line()
            .to_owned();
        let blob = image.blob.replacen("ours", "emulated", 1);
        assert!(
            image.scratch.join(&blob).exists(),
            "{compression}: the layer of {line} is another than {}",
            image.line
        );
    }
}
