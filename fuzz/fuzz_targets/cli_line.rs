//! A line of standard input is an image or a usage error, whatever it holds.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    if let Err(error) = cli::Operand::parse_line(line) {
        assert_eq!(error.class(), image_format::Class::Usage);
    }
});
