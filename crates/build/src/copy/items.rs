//! What was chosen below a directory, in pieces: whoever takes it one by one has room again while it goes on.

use super::files::Node;
use layer::TreePath;

/// Items in a piece.
const PIECE: usize = 1024;

/// Something that was chosen: its name, relative to the directory, and what it is.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) path: TreePath,
    pub(crate) node: Node,
}

/// Everything that was chosen, by name in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Items {
    pieces: Vec<Vec<Item>>,
}

impl Items {
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.pieces.iter().map(Vec::len).sum()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Item> {
        self.pieces.iter().flatten()
    }
}

impl FromIterator<Item> for Items {
    fn from_iter<I: IntoIterator<Item = Item>>(items: I) -> Items {
        let mut pieces: Vec<Vec<Item>> = Vec::new();
        for item in items {
            match pieces.last_mut().filter(|piece| piece.len() < PIECE) {
                Some(piece) => piece.push(item),
                None => pieces.push(vec![item]),
            }
        }
        Items { pieces }
    }
}

impl IntoIterator for Items {
    type Item = Item;
    type IntoIter = std::iter::Flatten<std::vec::IntoIter<Vec<Item>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.pieces.into_iter().flatten()
    }
}
