#![no_main]
use layout::Snapshot;

libfuzzer_sys::fuzz_target!(|text: String| {
    let Ok(snapshot) = Snapshot::parse(text) else { return };
    for image in snapshot.images() {
        let holder = image.name.map(|name| snapshot.find(&name).map(|row| row.position));
        assert!(holder.is_none_or(|position| position == Some(image.position)));
    }
    let again = Snapshot::parse(snapshot.to_json()).expect("what is written can be read");
    assert!(again.rows().map(|row| row.json).eq(snapshot.rows().map(|row| row.json)));
    assert_eq!(again.to_json(), snapshot.to_json());
});
