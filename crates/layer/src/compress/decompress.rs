//! A tar out of whatever compression it came in, in bounded memory, from a pipe as well as from a file.

use crate::compress::ahead::Ahead;
use crate::compress::form::Form;
use crate::compress::xz_limit::XzLimit;
use std::fmt;
use std::io::{self, BufRead, BufReader, Cursor, Read};

/// Bytes read from a compressed source at a time.
const SOURCE_BUFFER: usize = 64 << 10;

/// The plain bytes of `source` and the form it is in, told by its first bytes. Any number of gzip members, zstd
/// frames, xz streams or bzip2 streams are one stream.
///
/// gzip is decoded on a thread of its own, ahead of the reader by at most 4 MiB. When the reader is dropped early
/// that thread ends, and drops the source, as soon as a read that it may be in returns.
///
/// Memory: at most 8 MiB for the windows of gzip and bzip2, 128 MiB for that of zstd, and 64 MiB for that of xz;
/// streams that ask for more are refused.
///
/// # Errors
/// What the first read of the source gives. Reading the result gives the source's own errors as they are, and
/// errors that name the form where the stream is corrupt ([`io::ErrorKind::InvalidData`]) or ends too early
/// ([`io::ErrorKind::UnexpectedEof`]).
pub fn decompress(source: impl Read + Send + 'static) -> io::Result<(Form, Box<dyn Read + Send>)> {
    let (form, plain) = decompress_here(source)?;
    match form {
        Form::Gzip => Ok((form, Box::new(Ahead::new(plain)?))),
        Form::Plain | Form::Zstd | Form::Xz | Form::Bzip2 => Ok((form, plain)),
    }
}

/// [`decompress`] where every form is read and decoded on a thread of its own, and read in place.
///
/// # Errors
/// Those of [`decompress`].
pub(crate) fn decompress_ahead(source: impl Read + Send + 'static) -> io::Result<(Form, Ahead)> {
    let (form, plain) = decompress_here(source)?;
    Ok((form, Ahead::new(plain)?))
}

/// [`decompress`] without a thread; the source may be borrowed.
///
/// # Errors
/// Those of [`decompress`].
pub fn decompress_here<'a>(
    mut source: impl Read + Send + 'a,
) -> io::Result<(Form, Box<dyn Read + Send + 'a>)> {
    let mut prefix = Vec::with_capacity(Form::PREFIX);
    source.by_ref().take(Form::PREFIX as u64).read_to_end(&mut prefix)?;
    let form = Form::of(&prefix);
    let whole = Cursor::new(prefix).chain(source);
    let source = BufReader::with_capacity(SOURCE_BUFFER, Marked(whole));
    let decoder: Box<dyn Read + Send + 'a> = match form {
        Form::Plain => return Ok((form, Box::new(source.into_inner().0))),
        Form::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(source)),
        Form::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(source)?),
        Form::Xz => Box::new(lzma_rust2::XzReader::new(XzLimit::new(Full(source)), true)),
        Form::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(source)),
    };
    Ok((form, Box::new(Named { form, decoder, failed: false })))
}

/// Marks the errors of the source, so that they are told from those of the decoder around it.
struct Marked<R>(R);

impl<R: Read> Read for Marked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other.map_err(|error| io::Error::new(error.kind(), SourceError(error))),
            }
        }
    }
}

#[derive(Debug)]
struct SourceError(io::Error);

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SourceError {}

/// Fills the buffer it is given: `XzReader` takes a short read of padding for the end.
struct Full<R>(R);

impl<R: BufRead> Read for Full<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.0.read(&mut buffer[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        Ok(filled)
    }
}

/// Says in each error which form it is about.
struct Named<R> {
    form: Form,
    decoder: R,
    /// Decoders may give anything when they are read after an error, even the end.
    failed: bool,
}

impl<R: Read> Read for Named<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.failed {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} stream failed before", self.form),
            ));
        }
        if buffer.is_empty() {
            return Ok(0);
        }
        self.decoder.read(buffer).map_err(|error| {
            self.failed = true;
            name(self.form, error)
        })
    }
}

fn name(form: Form, error: io::Error) -> io::Error {
    if error.get_ref().is_some_and(|inner| inner.is::<SourceError>()) {
        return error
            .into_inner()
            .and_then(|inner| inner.downcast::<SourceError>().ok())
            .map_or_else(|| io::Error::other("the source failed"), |source| source.0);
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            io::Error::new(io::ErrorKind::UnexpectedEof, format!("{form} stream ends too early"))
        }
        io::ErrorKind::OutOfMemory | io::ErrorKind::Unsupported => {
            io::Error::new(error.kind(), format!("{form} stream cannot be decoded: {error}"))
        }
        _ => io::Error::new(io::ErrorKind::InvalidData, format!("{form} stream is corrupt: {error}")),
    }
}

#[cfg(test)]
mod tests;
