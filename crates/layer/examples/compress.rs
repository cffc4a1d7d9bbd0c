//! Compresses a file to standard output: `compress FILE [COMPRESSION] [THREADS]`. For measuring.

use ociutils_layer::{Compression, LayerWriter, Threads};
use std::error::Error;
use std::fs::File;
use std::io::{self, Write};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut file = File::open(arguments.next().ok_or("usage: compress FILE [COMPRESSION] [THREADS]")?)?;
    let compression = arguments.next().map_or(Ok(Compression::default()), |text| text.parse())?;
    let threads = match arguments.next() {
        Some(count) => Threads::new(count.parse()?),
        None => Threads::default(),
    };
    let mut layer = LayerWriter::new(io::stdout().lock(), compression, threads);
    io::copy(&mut file, &mut layer)?;
    let (finished, mut output) = layer.finish()?;
    output.flush()?;
    writeln!(io::stderr(), "{finished:?}")?;
    Ok(())
}
