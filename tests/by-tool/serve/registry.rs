//! A registry of a test's own, and the usual requests.

use crate::http::{Response, exchange};
use serde_json::{Value, json};
use test_support::{BuiltImage, Dir, Image, Running, TarBuilder, digest_of};

pub(crate) const OCI_SERVE: &str = env!("CARGO_BIN_EXE_oci-serve");
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// An `oci-serve` over the layout `work` of a directory.
pub(crate) struct Registry {
    pub(crate) dir: Dir,
    pub(crate) process: Running,
    pub(crate) address: String,
}

pub(crate) fn image(content: &str) -> Image {
    Image::new().layer(TarBuilder::new().file("etc/motd", content)).cmd(["/bin/sh"])
}

impl Registry {
    pub(crate) fn new() -> Registry {
        Registry::over(Dir::new())
    }

    /// Over what the directory's layout `work` holds already.
    pub(crate) fn over(dir: Dir) -> Registry {
        let (process, address) = start(&dir);
        Registry { dir, process, address }
    }

    /// A server of a layout on a file system that is mounted read-only for it alone; needs root.
    pub(crate) fn over_read_only(dir: Dir) -> Registry {
        const SCRIPT: &str =
            "mount --bind work work && mount -o remount,bind,ro work && exec \"$0\" -L work --port 0";
        let process =
            dir.command("/usr/bin/unshare").args(["--mount", "sh", "-c", SCRIPT]).arg(OCI_SERVE).spawn();
        let address = process.wait_for_stdout("\n").trim().to_owned();
        Registry { dir, process, address }
    }

    /// Ends the server at once, as a crash would, and starts another.
    pub(crate) fn restart(self) -> Registry {
        self.process.signal(9);
        self.process.wait();
        Registry::over(self.dir)
    }

    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("Connection: close\r\nContent-Length: {}\r\n\r\n", body.len()));
        exchange(&self.address, &[request.as_bytes(), body].concat(), method == "HEAD")
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.ask("GET", path, &[], b"")
    }

    pub(crate) fn head(&self, path: &str) -> Response {
        self.ask("HEAD", path, &[], b"")
    }

    pub(crate) fn delete(&self, path: &str) -> Response {
        self.ask("DELETE", path, &[], b"")
    }

    pub(crate) fn post(&self, path: &str, body: &[u8]) -> Response {
        self.ask("POST", path, &[], body)
    }

    pub(crate) fn put(&self, path: &str, media_type: &str, body: &[u8]) -> Response {
        self.ask("PUT", path, &[("Content-Type", media_type)], body)
    }

    /// Pushes a blob in one request, and returns its digest.
    #[track_caller]
    pub(crate) fn push_blob(&self, name: &str, bytes: &[u8]) -> String {
        let digest = digest_of(bytes);
        self.post(&format!("/v2/{name}/blobs/uploads/?digest={digest}"), bytes).is(201);
        digest
    }

    /// Pushes an image as a client does, under a tag or its digest.
    #[track_caller]
    pub(crate) fn push(&self, name: &str, reference: &str, built: &BuiltImage) {
        for (digest, bytes) in built.blobs.iter().filter(|(digest, _)| **digest != built.digest) {
            if self.head(&format!("/v2/{name}/blobs/{digest}")).status == 404 {
                assert_eq!(self.push_blob(name, bytes), *digest);
            }
        }
        let response = self.put(&format!("/v2/{name}/manifests/{reference}"), MANIFEST, built.manifest());
        assert_eq!(response.is(201).header("docker-content-digest"), built.digest);
    }

    /// Begins an upload, and returns where it goes on.
    #[track_caller]
    pub(crate) fn begin(&self, name: &str) -> String {
        let response = self.post(&format!("/v2/{name}/blobs/uploads/"), b"").is(202);
        assert_eq!(response.header("range"), "0-0");
        assert!(!response.header("docker-upload-uuid").is_empty());
        response.header("location").to_owned()
    }

    #[track_caller]
    pub(crate) fn patch(&self, location: &str, range: &str, bytes: &[u8]) -> Response {
        self.ask("PATCH", location, &[("Content-Range", range)], bytes)
    }

    pub(crate) fn check(&self) -> test_support::Report {
        test_support::check_layout(self.dir.join("work"))
    }
}

fn start(dir: &Dir) -> (Running, String) {
    let process = dir.command(OCI_SERVE).args(["-L", "work", "--port", "0"]).spawn();
    let address = process.wait_for_stdout("\n").trim_end().to_owned();
    (process, address)
}

/// The bytes of an image's manifest.
pub(crate) trait Manifest {
    fn manifest(&self) -> &[u8];
}

impl Manifest for BuiltImage {
    fn manifest(&self) -> &[u8] {
        &self.blobs[&self.digest]
    }
}

/// An index of these images.
pub(crate) fn index_of(images: &[&BuiltImage]) -> Vec<u8> {
    let manifests: Vec<Value> = images.iter().map(|built| built.descriptor.clone()).collect();
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests }).to_string().into_bytes()
}
