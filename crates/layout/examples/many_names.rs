//! How long the index of many names takes: `cargo run --release -p ociutils-layout --example many_names [COUNT]`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement for people")]

use image_format::{Descriptor, Digest, ImageName, MediaType};
use ociutils_layout::{Layout, Lookup, Options, Removal};
use std::time::Instant;

fn name(text: &str) -> ImageName {
    text.parse().unwrap()
}

fn image(number: usize) -> Descriptor {
    let digest = Digest::sha256(&number.to_le_bytes());
    Descriptor::new(MediaType::OciManifest, digest, 1234)
        .with_annotation("dev.ociutils.source", format!("docker.io/library/app@{digest}"))
}

fn lookup(text: &str) -> Lookup {
    Lookup { verbatim: Some(text.to_owned()), name: Some(name(text)), digest: None }
}

fn time<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let value = work();
    println!("{what:<44} {:8.2} ms", start.elapsed().as_secs_f64() * 1e3);
    value
}

fn find(layout: &Layout, text: &str) {
    let snapshot = layout.snapshot().unwrap();
    layout.resolve(&snapshot, &lookup(text)).unwrap();
}

fn main() {
    let count = std::env::args().nth(1).map_or(10_000, |text| text.parse().unwrap());
    let path = std::env::temp_dir().join(format!("many-names-{}", std::process::id()));
    let layout = Layout::create(&path, Options { fsync: false }).unwrap();
    time("name all in one edit", || {
        layout
            .update_index(|edit| {
                for number in 0..count {
                    let text =
                        if number % 2 == 0 { format!("app-{number}") } else { format!("app:{number}") };
                    edit.set_name(&name(&text), &image(number));
                }
                Ok(())
            })
            .unwrap();
    });
    println!("{:<44} {:8} bytes", "index.json", std::fs::metadata(path.join("index.json")).unwrap().len());
    for _ in 0..3 {
        time("read the rows", || layout.snapshot().unwrap());
        time("read and find app:5001", || find(&layout, "app:5001"));
        time("read and find app-0", || find(&layout, "app-0"));
        time("read and miss app:latest", || {
            let snapshot = layout.snapshot().unwrap();
            layout.resolve(&snapshot, &lookup("app")).unwrap_err();
        });
        time("read and list", || layout.snapshot().unwrap().images());
        time("add one name", || {
            layout
                .update_index(|edit| {
                    let found = layout.resolve(edit.before(), &lookup("app:5001"))?;
                    edit.set_name(&name("other:1"), &found.descriptor);
                    Ok(())
                })
                .unwrap();
        });
        layout
            .remove(&[lookup("other:1")], &Removal { no_prune: true, ..Removal::default() }, &mut |_| Ok(()))
            .unwrap();
    }
    for (what, from) in
        [("name all again, each its own image", None), ("name all, one image", Some("app:5001"))]
    {
        time(what, || {
            layout
                .update_index(|edit| {
                    for number in 0..count {
                        let text =
                            if number % 2 == 0 { format!("app-{number}") } else { format!("app:{number}") };
                        let found = layout.resolve(edit.before(), &lookup(from.unwrap_or(&text)))?;
                        edit.set_name(&name(&format!("copy-{text}")), &found.descriptor);
                    }
                    Ok(())
                })
                .unwrap();
        });
    }
    let lookups: Vec<Lookup> = (0..count)
        .map(
            |number| {
                if number % 2 == 0 { format!("copy-app-{number}") } else { format!("copy-app:{number}") }
            },
        )
        .map(|text| lookup(&text))
        .collect();
    time("remove all of one image by name", || {
        let outcomes = layout.remove(&lookups, &Removal::default(), &mut |_| Ok(())).unwrap();
        assert!(outcomes.iter().all(Result::is_ok));
    });
    assert_eq!(layout.snapshot().unwrap().rows().count(), count);
    std::fs::remove_dir_all(path).unwrap();
}
