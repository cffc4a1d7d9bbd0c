#![no_main]
//! Whatever comes as an archive: it becomes images in a store, or an error; and what became images can be packed and is
//! the same images again.

use image_format::{MemoryStore, Silent, Source};
use transfer::{Naming, Platforms, export, hold};

fn receive(archive: Vec<u8>, store: &MemoryStore) -> Option<Vec<transfer::Arrival>> {
    let content = Some(archive::Content::Archive);
    let archive::Opened::Archive(mut reader) = archive::open(std::io::Cursor::new(archive), content).ok()? else {
        unreachable!("it was said to be an archive")
    };
    let threads = layer::Threads::new(std::num::NonZeroUsize::MIN);
    let options = archive::ReceiveOptions { compression: None, threads, observer: &Silent };
    transfer::receive(&mut reader, store, &Platforms::All, Naming::Own, options).ok()
}

libfuzzer_sys::fuzz_target!(|archive: &[u8]| {
    let store = MemoryStore::new();
    let Some(images) = receive(archive.to_vec(), &store) else { return };
    for image in &images {
        let source: Box<dyn Source + Send> = Box::new(store.clone());
        let Ok(held) = hold(source, &image.descriptor, image.names.clone(), &Platforms::All) else {
            continue;
        };
        let options = archive::PackOptions {
            format: archive::Format::Oci,
            platform: None,
            leave_out: &|_| false,
            observer: &Silent,
        };
        let file = std::env::temp_dir().join(format!("archive-read-{}", std::process::id()));
        let output = std::fs::File::create(&file).expect("a scratch file");
        let packing = archive::Packing::new(vec![held], options).expect("it was received");
        export(&packing, archive::Output::file(output), &Silent).expect("it was received");
        let again = receive(std::fs::read(&file).expect("written"), &MemoryStore::new()).expect("it was packed");
        assert_eq!(again[0].descriptor.digest, image.descriptor.digest);
        assert_eq!(again[0].names.len(), image.names.len());
    }
});
