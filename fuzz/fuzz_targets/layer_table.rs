#![no_main]
libfuzzer_sys::fuzz_target!(|blob: &[u8]| {
    if let Ok(table) = layer::table::parse(blob) {
        assert_eq!(table.plain_size(), table.chunks().iter().map(|chunk| u64::from(chunk.plain)).sum::<u64>());
    }
});
