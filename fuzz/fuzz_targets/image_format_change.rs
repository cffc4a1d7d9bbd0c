//! An instruction of `--change`: what is taken says the same twice.
#![no_main]

use image_format::{Change, ExecConfig, Raw};

libfuzzer_sys::fuzz_target!(|line: &str| {
    let Ok(change) = line.parse::<Change>() else { return };
    assert!(change.line().parse::<Change>().is_ok(), "what it is written down as can be read");
    let mut config = ExecConfig::default();
    Change::apply_all(std::slice::from_ref(&change), &mut config);
    assert!(!Raw::write(config).bytes().is_empty());
});
