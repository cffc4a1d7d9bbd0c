#![no_main]
/// All entries with their content, as far as they can be read.
fn entries(tar: &[u8]) -> std::io::Result<Vec<(layer::Entry, Vec<u8>)>> {
    let mut reader = layer::TarReader::new(tar);
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut reader.content(), &mut content)?;
        entries.push((entry, content));
    }
    Ok(entries)
}

libfuzzer_sys::fuzz_target!(|tar: &[u8]| {
    let Ok(read) = entries(tar) else { return };
    let mut writer = layer::TarWriter::new(Vec::new());
    for (entry, content) in &read {
        if writer.append(entry, &mut &content[..]).is_err() {
            return;
        }
    }
    let written = writer.finish().expect("a Vec takes everything");
    for ((read, content), (again, same)) in read.iter().zip(entries(&written).expect("ours is a tar")) {
        assert!(read.kind == again.kind && read.metadata == again.metadata && *content == same);
    }
});
