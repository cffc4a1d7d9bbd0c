#![no_main]
/// The answer, with the stream in one piece or cut at `at`.
fn check(tar: &[u8], at: usize) -> Result<layer::TarSummary, layer::TarError> {
    let mut check = layer::TarCheck::new();
    check.push(&tar[..at])?;
    check.push(&tar[at..])?;
    check.finish()
}

libfuzzer_sys::fuzz_target!(|tar: &[u8]| {
    assert_eq!(check(tar, 0), check(tar, tar.len() / 3));
});
