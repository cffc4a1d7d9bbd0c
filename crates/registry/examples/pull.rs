//! Pulls an image into a flat directory of blobs: `pull [--insecure] REF DIR [WORKERS]`; for measuring.
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "an example")]

use image_format::{Class, Descriptor, DigestHasher, Failure, ImageName, Node, Source};
use ociutils_registry::{Client, Environment, Repository, Settings};
use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let insecure = arguments.first().is_some_and(|first| first == "--insecure");
    if insecure {
        arguments.remove(0);
    }
    let [name, directory, rest @ ..] = arguments.as_slice() else { return ExitCode::from(2) };
    let workers = rest.first().and_then(|count| count.parse().ok()).unwrap_or(6);
    match pull(name, Path::new(directory), workers, insecure) {
        Ok(digest) => {
            println!("{digest}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("pull: {failure}");
            if let Some(hint) = failure.hint() {
                eprintln!("hint: {hint}");
            }
            ExitCode::from(status(failure.class()))
        }
    }
}

fn status(class: Class) -> u8 {
    match class {
        Class::Usage => 2,
        Class::NotFound => 3,
        Class::NotAuthorised => 4,
        Class::Unavailable => 5,
        Class::Integrity => 6,
        Class::Conflict => 7,
        _ => 1,
    }
}

fn pull(name: &str, directory: &Path, workers: usize, insecure: bool) -> Result<String, Failure> {
    let name: ImageName = name.parse().map_err(|error| Failure::new(Class::Usage, error))?;
    let client = Client::new(Settings { insecure, ..Settings::new(&Environment::from_env()) });
    let repository = client.repository(&name);
    std::fs::create_dir_all(directory).map_err(|error| Failure::io(directory.display(), error))?;
    let mut root = repository.manifest(&name)?;
    let parse = |manifest: &ociutils_registry::FetchedManifest| {
        Node::parse(&manifest.descriptor.media_type, manifest.bytes.clone())
            .map_err(|error| Failure::new(Class::Integrity, error))
    };
    let mut node = parse(&root)?;
    if let Node::Index(_) = node {
        let children = node.children();
        let amd64 = |child: &&Descriptor| {
            child.platform.as_ref().is_some_and(|platform| platform.to_string() == "linux/amd64")
        };
        let child =
            children.iter().find(amd64).ok_or_else(|| Failure::new(Class::NotFound, "no linux/amd64"))?;
        let bytes = image_format::read_verified(&repository, child, image_format::MAX_MANIFEST_BYTES)?;
        root.descriptor = child.clone();
        root.bytes = bytes;
        node = parse(&root)?;
    }
    let todo = Mutex::new(node.children());
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let Some(next) = todo.lock().expect("not poisoned").pop() else { return };
                    if let Err(failure) = save(&repository, &next, directory) {
                        failures.lock().expect("not poisoned").push(failure);
                    }
                }
            });
        }
    });
    match failures.into_inner().expect("not poisoned").into_iter().next() {
        Some(failure) => Err(failure),
        None => Ok(root.descriptor.digest.to_string()),
    }
}

fn save(repository: &Repository, descriptor: &Descriptor, directory: &Path) -> Result<(), Failure> {
    let mut blob = repository.open(descriptor, 0)?;
    let path = directory.join(descriptor.digest.hex());
    let failed = |error| Failure::io(path.display(), error);
    let mut file = std::fs::File::create(&path).map_err(failed)?;
    let mut hasher = DigestHasher::new(descriptor.digest.algorithm());
    let mut buffer = vec![0; 256 << 10];
    loop {
        let count = blob.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        file.write_all(&buffer[..count]).map_err(failed)?;
    }
    if hasher.finish() == descriptor.digest {
        return Ok(());
    }
    let _ = std::fs::remove_file(&path);
    Err(Failure::new(Class::Integrity, format_args!("{}: wrong digest", descriptor.digest)))
}
