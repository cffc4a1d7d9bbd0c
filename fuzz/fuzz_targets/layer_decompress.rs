#![no_main]
use std::io::{Read, copy, sink};

libfuzzer_sys::fuzz_target!(|blob: &[u8]| {
    if let Ok((_, plain)) = layer::decompress_here(blob) {
        let _ = copy(&mut plain.take(16 << 20), &mut sink());
    }
});
