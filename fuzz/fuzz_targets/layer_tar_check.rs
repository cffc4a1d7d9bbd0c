#![no_main]
/// The answer, with the stream in one piece or cut at `at`.
fn check(mut check: layer::TarCheck, tar: &[u8], at: usize) -> Result<layer::TarSummary, layer::TarError> {
    check.push(&tar[..at])?;
    check.push(&tar[at..])?;
    check.finish()
}

libfuzzer_sys::fuzz_target!(|tar: &[u8]| {
    for new in [layer::TarCheck::new, layer::TarCheck::alone] {
        assert_eq!(check(new(), tar, 0), check(new(), tar, tar.len() / 3));
    }
});
