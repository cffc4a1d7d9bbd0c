//! Pushes blobs from files as an image: `push [--insecure] REF FILE…`; for measuring.
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "an example")]

use image_format::{
    BlobWriter, Class, Descriptor, Digest, DigestHasher, Expected, Failure, ImageName, Manifest, MediaType,
    Raw, Sink,
};
use ociutils_registry::{Client, Environment, Settings};
use std::io::{Read, Write};
use std::process::ExitCode;
use std::sync::Mutex;

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let insecure = arguments.first().is_some_and(|first| first == "--insecure");
    if insecure {
        arguments.remove(0);
    }
    let [name, files @ ..] = arguments.as_slice() else { return ExitCode::from(2) };
    match push(name, files, insecure) {
        Ok(digest) => {
            println!("{digest}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("push: {failure}");
            ExitCode::from(match failure.class() {
                Class::NotFound => 3,
                Class::NotAuthorised => 4,
                Class::Unavailable => 5,
                Class::Integrity => 6,
                _ => 1,
            })
        }
    }
}

fn push(name: &str, files: &[String], insecure: bool) -> Result<Digest, Failure> {
    let name: ImageName = name.parse().map_err(|error| Failure::new(Class::Usage, error))?;
    let client = Client::new(Settings { insecure, ..Settings::new(&Environment::from_env()) });
    let repository = client.repository(&name);
    let layers = files.iter().map(|file| describe(file)).collect::<Result<Vec<_>, _>>()?;
    let config = br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let config_descriptor =
        Descriptor::new(MediaType::OciConfig, Digest::sha256(config), config.len() as u64);
    let mut all = layers.clone();
    all.push(config_descriptor.clone());
    let missing = repository.missing(&all)?;
    let todo = Mutex::new(missing);
    let failures = Mutex::new(Vec::new());
    let work = || {
        loop {
            let Some(next) = todo.lock().expect("not poisoned").pop() else { return };
            let place = layers.iter().position(|layer| layer == next);
            let send = || -> Result<(), Failure> {
                let mut writer = repository.writer(Expected::Descriptor(next.clone()))?;
                match place {
                    Some(place) => copy(&files[place], &mut *writer)?,
                    None => writer.write_all(config)?,
                }
                writer.commit().map(drop)
            };
            // a blob that broke is sent anew, as transfer does
            let mut result = send();
            for _ in 0..2 {
                if result.as_ref().is_err_and(|failure| failure.class() == Class::Unavailable) {
                    result = send();
                }
            }
            if let Err(failure) = result {
                failures.lock().expect("not poisoned").push(failure);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(work);
        }
    });
    if let Some(failure) = failures.into_inner().expect("not poisoned").into_iter().next() {
        return Err(failure);
    }
    let manifest = Raw::write(Manifest::new(config_descriptor, layers));
    let descriptor = manifest.descriptor(MediaType::OciManifest);
    let mut writer = repository.writer(Expected::Descriptor(descriptor.clone()))?;
    writer.write_all(manifest.bytes())?;
    let descriptor = writer.commit()?;
    repository.name(Some(&name), &descriptor)?;
    Ok(descriptor.digest)
}

fn describe(path: &str) -> Result<Descriptor, Failure> {
    let mut hasher = DigestHasher::new(image_format::Algorithm::Sha256);
    let mut size = 0;
    each_block(path, |block| {
        hasher.update(block);
        size += block.len() as u64;
        Ok(())
    })?;
    Ok(Descriptor::new(MediaType::OciLayer, hasher.finish(), size))
}

fn copy(path: &str, writer: &mut dyn BlobWriter) -> Result<(), Failure> {
    each_block(path, |block| Ok(writer.write_all(block)?))
}

fn each_block(path: &str, mut act: impl FnMut(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut file = std::fs::File::open(path).map_err(|error| Failure::io(path, error))?;
    let mut buffer = vec![0; 256 << 10];
    loop {
        let count = file.read(&mut buffer).map_err(|error| Failure::io(path, error))?;
        if count == 0 {
            return Ok(());
        }
        act(&buffer[..count])?;
    }
}
