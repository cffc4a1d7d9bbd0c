//! Splitting an expansion at white space.

/// The words so far, and the one being read.
#[derive(Default)]
pub(super) struct Words {
    done: Vec<String>,
    word: String,
}

impl Words {
    /// A letter that ends the word if it is white space: one that stands bare, or came from a variable.
    pub(super) fn letter(&mut self, letter: char) {
        if letter.is_whitespace() {
            self.end();
        } else {
            self.word.push(letter);
        }
    }

    /// Text that was quoted or escaped: its white space is part of the word.
    pub(super) fn quoted(&mut self, text: &str) {
        self.word.push_str(text);
    }

    pub(super) fn finish(mut self) -> Vec<String> {
        self.end();
        self.done
    }

    fn end(&mut self) {
        if !self.word.is_empty() {
            self.done.push(std::mem::take(&mut self.word));
        }
    }
}
