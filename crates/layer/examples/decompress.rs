//! Decompresses standard input to standard output; `decompress here` without a thread. For measuring.

use ociutils_layer::{TarCheck, decompress, decompress_here};
use std::io::{self, Read, Write};

fn main() -> io::Result<()> {
    let here = std::env::args().nth(1).is_some_and(|word| word == "here");
    let (form, mut plain) = if here { decompress_here(io::stdin())? } else { decompress(io::stdin())? };
    let (mut check, mut output) = (TarCheck::new(), io::stdout().lock());
    let mut buffer = vec![0; 256 << 10];
    loop {
        let length = plain.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        check.push(&buffer[..length])?;
        output.write_all(&buffer[..length])?;
    }
    let summary = check.finish()?;
    writeln!(io::stderr(), "{form}: {} entries, {} bytes", summary.entries, summary.size)
}
