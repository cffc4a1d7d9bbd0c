//! What each layer of an image does to the tree below it, and how much of it is left in the end.

use super::contents::Contents;
use super::difference::{FileDifference, FileKind};
use super::model::Tree;
use image_format::{Failure, Observer, Stack};
use serde::Serialize;

/// What one layer does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LayerChanges {
    /// Names that were not there.
    pub added: Amount,
    /// Names that were there and lead to something else now; their bytes are those that are new.
    pub changed: Amount,
    /// Names that are gone; their bytes are in the layers below.
    pub deleted: Amount,
    /// Files of the layer that nothing shows any more, since a later layer, or itself, overwrote or deleted them.
    pub wasted: Amount,
}

/// How much of something there is. Directories are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// How many files, links and devices.
    pub count: u64,
    /// How many bytes they hold; files of several names once.
    pub bytes: u64,
}

impl Amount {
    /// Counts the file that a difference is about: what came of it, or what went away.
    pub fn count(&mut self, difference: &FileDifference) {
        let state = difference.after.as_ref().or(difference.before.as_ref());
        if let Some(state) = state.filter(|state| state.kind != FileKind::Directory) {
            self.add(state.bytes());
        }
    }

    pub(super) fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

impl LayerChanges {
    /// What each layer of the stack does. `each` is told every change, with the position of its layer.
    ///
    /// # Errors
    /// As [`Contents::add`], and those of `each`.
    pub fn of(
        stack: &Stack<'_>,
        observer: &dyn Observer,
        mut each: impl FnMut(usize, FileDifference) -> Result<(), Failure>,
    ) -> Result<Vec<LayerChanges>, Failure> {
        let (mut contents, mut below) = (Contents::default(), Tree::new());
        let mut all = Vec::with_capacity(stack.layers().len());
        contents.add_each(stack.source(), stack.layers(), observer, |contents, position| {
            let mut changes = LayerChanges::default();
            for difference in contents.compare_below(&below) {
                changes.add(&difference);
                each(position, difference)?;
            }
            all.push(changes);
            below = contents.tree.clone();
            observer.advance(0)
        })?;
        drop(below);
        for ((changes, layer), left) in all.iter_mut().zip(&contents.layers).zip(left(&contents)) {
            let stored = layer.stored();
            let bytes = stored.bytes.saturating_sub(left.bytes);
            changes.wasted = Amount { count: stored.count - left.count, bytes };
        }
        Ok(all)
    }

    fn add(&mut self, difference: &FileDifference) {
        let FileDifference { before, after, .. } = difference;
        let amount = match (before, after) {
            (None, _) => &mut self.added,
            (_, None) => &mut self.deleted,
            _ => &mut self.changed,
        };
        amount.count(difference);
    }
}

/// What the tree still shows of the files that each layer stores.
fn left(contents: &Contents) -> Vec<Amount> {
    let mut left = vec![Amount::default(); contents.layers.len()];
    for file in contents.tree.files().filter(|file| file.size > 0) {
        left[file.layer as usize].add(file.stored());
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::fixture::{Heard, store};
    use test_support::TarBuilder;

    fn tar() -> TarBuilder {
        TarBuilder::new()
    }

    fn changes(tars: &[TarBuilder]) -> (Vec<LayerChanges>, Vec<String>) {
        let (store, layers) = store(tars);
        let mut names = Vec::new();
        let all =
            LayerChanges::of(&Stack::hold(&store, layers).unwrap(), &Heard::default(), |position, found| {
                names.push(format!("{position} {}", found.path));
                Ok(())
            });
        (all.unwrap(), names)
    }

    fn amount(count: u64, bytes: u64) -> Amount {
        Amount { count, bytes }
    }

    #[test]
    fn each_layer_adds_changes_deletes_and_some_of_it_is_wasted() {
        let (all, names) = changes(&[
            tar().dir("d").file("d/a", "12345").file("d/b", "123").file("gone", "1234567").file("empty", ""),
            tar().file("d/a", "1234").whiteout("gone").file("temporary", "123456"),
            tar().whiteout("temporary").file("d/b", "123"),
        ]);
        let [base, work, clean] = &all[..] else { panic!("{all:?}") };
        assert_eq!((base.added, base.changed, base.deleted), (amount(4, 15), amount(0, 0), amount(0, 0)));
        assert_eq!((work.added, work.changed, work.deleted), (amount(1, 6), amount(1, 4), amount(1, 7)));
        assert_eq!((clean.added, clean.changed, clean.deleted), (amount(0, 0), amount(0, 0), amount(1, 6)));
        assert_eq!(
            all.iter().map(|layer| layer.wasted).collect::<Vec<_>>(),
            [amount(3, 15), amount(1, 6), amount(0, 0)]
        );
        assert_eq!(names[5..], ["1 /d/a", "1 /gone", "1 /temporary", "2 /temporary"]);
    }

    #[test]
    fn what_a_layer_has_twice_is_wasted_by_itself_and_other_names_cost_nothing() {
        let (all, _) = changes(&[tar().file("a", "old").file("a", "new").hard_link("b", "a")]);
        assert_eq!(all[0].added, amount(2, 3));
        assert_eq!(all[0].wasted, amount(1, 3));
    }
}
