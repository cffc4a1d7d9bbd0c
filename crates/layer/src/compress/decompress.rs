//! A tar out of whatever compression it came in, in bounded memory, from a pipe as well as from a file.

use crate::compress::ahead::Ahead;
use crate::compress::form::Form;
use crate::compress::gzip_members::GzipMembers;
use crate::compress::xz_limit::XzLimit;
use crate::read_full::read_full;
use std::fmt;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How much may come out of little: a disk image of zeros may be so large.
const FREE: u64 = 8 << 30;
/// Behind that, how many times the compressed bytes at most; deflate's best is 1032.
const MAX_RATIO: u64 = 1100;
/// Bytes read from a compressed source at a time.
const SOURCE_BUFFER: usize = 64 << 10;

/// The plain bytes of `source` and the form it is in, told by its first bytes. Any number of gzip members, zstd
/// frames, xz streams or bzip2 streams are one stream. Zeros may follow gzip to the end of the source, nothing else.
///
/// gzip is decoded on a thread of its own, ahead of the reader by at most 4 MiB. When the reader is dropped early
/// that thread ends, and drops the source, as soon as a read that it may be in returns.
///
/// Memory: at most 8 MiB for the windows of gzip and bzip2, 128 MiB for that of zstd, and 64 MiB for that of xz;
/// streams that ask for more are refused, and such as give more than 8 GiB out of next to nothing.
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
    let count = Arc::new(AtomicU64::new(0));
    let source = BufReader::with_capacity(SOURCE_BUFFER, Marked { source: whole, count: count.clone() });
    let decoder: Box<dyn Read + Send + 'a> = match form {
        Form::Plain => return Ok((form, Box::new(source.into_inner().source))),
        Form::Gzip => Box::new(GzipMembers::new(source)),
        Form::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(source)?),
        Form::Xz => Box::new(lzma_rust2::XzReader::new(XzLimit::new(Full(source)), true)),
        Form::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(source)),
    };
    Ok((form, Box::new(Named { form, decoder, failed: false, count, plain: 0 })))
}

/// Marks the errors of the source, so that they are told from those of the decoder around it, and counts its bytes.
struct Marked<R> {
    source: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Marked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.source.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io::Error::new(error.kind(), SourceError(error))),
                Ok(count) => {
                    self.count.fetch_add(count as u64, Ordering::Relaxed);
                    return Ok(count);
                }
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
        read_full(&mut self.0, buffer)
    }
}

/// Says in each error which form it is about.
struct Named<R> {
    form: Form,
    decoder: R,
    /// Decoders may give anything when they are read after an error, even the end.
    failed: bool,
    /// The compressed bytes so far.
    count: Arc<AtomicU64>,
    /// Those that came out.
    plain: u64,
}

impl<R> Named<R> {
    /// Does so much come out of so little that it was made to fill a disk?
    fn is_bomb(&self) -> bool {
        self.plain > FREE && self.plain / MAX_RATIO > self.count.load(Ordering::Relaxed)
    }
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
        let read = self.decoder.read(buffer).map_err(|error| name(self.form, error));
        self.plain += read.as_ref().map_or(0, |count| *count as u64);
        let read = if self.is_bomb() { Err(bomb(self.form)) } else { read };
        self.failed = read.is_err();
        read
    }
}

fn bomb(form: Form) -> io::Error {
    let message = format!(
        "{form} stream is a bomb: more than {} GiB come out of less than a {MAX_RATIO}th part of them",
        FREE >> 30
    );
    io::Error::new(io::ErrorKind::InvalidData, message)
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
            // a stream that asks for more than is given to any: it is refused for what it is
            io::Error::new(io::ErrorKind::InvalidData, format!("{form} stream cannot be decoded: {error}"))
        }
        _ => io::Error::new(io::ErrorKind::InvalidData, format!("{form} stream is corrupt: {error}")),
    }
}

#[cfg(test)]
mod tests;
