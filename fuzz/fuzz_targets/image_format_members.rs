//! An object of JSON whose members are edited one by one.
#![no_main]

use image_format::Members;

libfuzzer_sys::fuzz_target!(|json: &[u8]| {
    let Ok(mut members) = Members::parse(json) else { return };
    let written = members.to_json();
    let again = Members::parse(&written).expect("what was written can be read");
    assert_eq!(again.iter().count(), members.iter().count());
    assert_eq!(again.to_json(), written);
    members.set("key", "value").expect("text is JSON");
    assert_eq!(members.get("key").map(|value| value.get()), Some("\"value\""));
    members.remove("key");
    assert!(members.get("key").is_none());
    Members::parse(&members.to_json()).expect("what was edited can be read");
});
