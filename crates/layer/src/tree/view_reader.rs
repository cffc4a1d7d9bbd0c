//! Many files of a view, one after the other: what stands in a layer's tar in the order in which it is wanted is read in
//! one pass.

use super::content;
use super::stream::glance;
use super::view::{Holes, View, ViewNode};
use crate::compress::ChunkedBlob;
use crate::entry::Kind;
use image_format::{Class, Failure};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// So many bytes are rather decoded than a table of chunks looked up again.
const NEAR: u64 = 4 << 20;
/// Bytes copied at a time.
const BUFFER: usize = 128 << 10;

/// Reads files of a [`View`], best in the order of their places ([`ViewNode::place`]).
///
/// A layer without a table of chunks whose files are wanted in another order is stored in a temporary file without a name
/// first, since it would have to be read from its beginning for each.
pub struct ViewReader<'v> {
    view: &'v View<'v>,
    /// By the number of the layer.
    open: HashMap<usize, Tar>,
}

/// The tar of a layer.
enum Tar {
    /// From some place on.
    Ahead { stream: Box<dyn Read>, at: u64, has_table: bool },
    /// All of it.
    Stored(File),
}

impl<'v> ViewReader<'v> {
    /// Opens nothing yet.
    pub fn new(view: &'v View<'v>) -> ViewReader<'v> {
        ViewReader { view, open: HashMap::new() }
    }

    /// A regular file's content, holes as zeros; to be read before the next file.
    ///
    /// # Errors
    /// It is no regular file, or the layer is gone.
    pub fn file(&mut self, node: &ViewNode<'_>) -> Result<impl Read + use<'_, 'v>, Failure> {
        let (Some((layer, offset)), Kind::File { size, pieces }) = (node.place(), node.kind()) else {
            return Err(Failure::new(Class::Failed, "no regular file"));
        };
        let stored = pieces.as_ref().map_or(size, |pieces| pieces.iter().map(|piece| piece.length).sum());
        self.go_to(layer, offset)?;
        let content = match self.open.get_mut(&layer) {
            Some(tar) => tar.take(stored),
            None => return Err(Failure::new(Class::Failed, "the layer is not open")),
        };
        Ok(Holes::new(content, size, pieces))
    }

    /// Opens the tar of `layer` so that what is read next is what begins at `offset`.
    fn go_to(&mut self, layer: usize, offset: u64) -> Result<(), Failure> {
        match self.open.get_mut(&layer) {
            Some(Tar::Stored(file)) => {
                file.seek(SeekFrom::Start(offset))?;
            }
            Some(Tar::Ahead { stream, at, has_table })
                if *at <= offset && (!*has_table || offset - *at < NEAR) =>
            {
                let skipped = io::copy(&mut stream.take(offset - *at), &mut io::sink())?;
                *at += skipped;
            }
            Some(Tar::Ahead { has_table: false, .. }) => {
                let mut file = self.store(layer)?;
                file.seek(SeekFrom::Start(offset))?;
                self.open.insert(layer, Tar::Stored(file));
            }
            _ => {
                let tar = self.open_at(layer, offset)?;
                self.open.insert(layer, tar);
            }
        }
        Ok(())
    }

    fn open_at(&self, number: usize, at: u64) -> Result<Tar, Failure> {
        let (source, layer) = (self.view.source(), &self.view.layers()[number]);
        let blob = source.open(&layer.descriptor, 0)?;
        let has_table = ChunkedBlob::of(&blob, layer.descriptor.size)?.is_some();
        let stream = content::open(source, layer, at, u64::MAX)?;
        Ok(Tar::Ahead { stream, at, has_table })
    }

    fn store(&self, number: usize) -> Result<File, Failure> {
        let mut tar = glance(self.view.source(), &self.view.layers()[number])?;
        let mut file = tempfile::tempfile().map_err(|error| Failure::io("a temporary file", error))?;
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = tar.read(&mut buffer)?;
            if count == 0 {
                return Ok(file);
            }
            file.write_all(&buffer[..count]).map_err(|error| Failure::io("a temporary file", error))?;
        }
    }
}

impl Tar {
    fn take(&mut self, length: u64) -> Piecewise<'_> {
        Piecewise { tar: self, left: length }
    }
}

/// So many bytes of a tar.
struct Piecewise<'t> {
    tar: &'t mut Tar,
    left: u64,
}

impl Read for Piecewise<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let count = match self.tar {
            Tar::Stored(file) => file.read(&mut buffer[..most])?,
            Tar::Ahead { stream, at, .. } => {
                let count = stream.read(&mut buffer[..most])?;
                *at += count as u64;
                count
            }
        };
        if count == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::fixture::{Files, Heard, store};
    use crate::{Compression, Indexes, LayerWriter, Threads, TreePath};
    use image_format::{Descriptor, DiffId, Digest, Layer, MediaType};
    use test_support::{TarBuilder, noise};

    fn tar() -> TarBuilder {
        let big = noise(7, 6 << 20);
        let tar = TarBuilder::new().file("a", "first").file("b", &big);
        tar.file("c", "third").hard_link("d", "a").symlink("l", "a")
    }

    fn read(reader: &mut ViewReader<'_>, view: &View<'_>, name: &str) -> Vec<u8> {
        let (_, node) = view.find(&TreePath::of(name.as_bytes())).unwrap();
        let mut content = Vec::new();
        reader.file(&node).unwrap().read_to_end(&mut content).unwrap();
        content
    }

    fn holds_in_any_order(view: &View<'_>) {
        for order in [["a", "b", "c"], ["c", "b", "a"], ["b", "a", "b"], ["c", "c", "d"]] {
            let mut reader = ViewReader::new(view);
            for name in order {
                let (_, node) = view.find(&TreePath::of(name.as_bytes())).unwrap();
                let mut expected = Vec::new();
                node.open().unwrap().read_to_end(&mut expected).unwrap();
                assert_eq!(read(&mut reader, view, name), expected, "{name} in {order:?}");
            }
        }
    }

    #[test]
    fn files_are_the_same_in_any_order_in_which_they_are_read() {
        let (source, layers) = store(&[tar()]);
        let view = View::new(&source, &layers, &Indexes::none(), &Heard::default()).unwrap();
        holds_in_any_order(&view);
        let link = view.find(&TreePath::of(b"l")).unwrap().1;
        assert!(ViewReader::new(&view).file(&link).is_err());
    }

    #[test]
    fn a_layer_with_a_table_needs_no_temporary_file() {
        let files = Files::new();
        let mut writer = LayerWriter::new(Vec::new(), Compression::default(), Threads::default());
        writer.write_all(&tar().bytes()).unwrap();
        let (finished, blob) = writer.finish().unwrap();
        let descriptor = Descriptor::new(MediaType::OciLayerGzip, Digest::sha256(&blob), blob.len() as u64);
        files.insert(&descriptor.digest, &blob);
        let layer = Layer { descriptor, diff_id: DiffId::new(*finished.diff_id.digest()) };
        let layers = [layer];
        let view = View::new(&files, &layers, &Indexes::none(), &Heard::default()).unwrap();
        holds_in_any_order(&view);
        let mut reader = ViewReader::new(&view);
        for name in ["c", "a", "b", "a"] {
            read(&mut reader, &view, name);
            assert!(matches!(reader.open[&0], Tar::Ahead { has_table: true, .. }));
        }
    }
}
