//! Tables for people: columns as wide as they must be, three spaces between them, as docker prints them.

use image_format::escaped;
use unicode_width::UnicodeWidthStr;

/// Which side of its column a text stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// At the left.
    Left,
    /// At the right: numbers.
    Right,
}

#[derive(Debug)]
enum Row {
    Cells(Vec<String>),
    /// A text across all columns.
    Line(String),
}

impl Row {
    fn cells(&self) -> &[String] {
        match self {
            Row::Cells(cells) => cells,
            Row::Line(_) => &[],
        }
    }
}

/// A table in the making.
#[derive(Debug)]
pub struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Row>,
    terminal: bool,
}

impl Table {
    /// A table with these columns; `terminal` says where it goes: text for a terminal is escaped.
    pub fn new(columns: &[(&str, Align)], terminal: bool) -> Table {
        let columns = columns.iter().map(|(title, align)| ((*title).to_owned(), *align)).collect();
        Table { columns, rows: Vec::new(), terminal }
    }

    /// One more row, with a text for each column. A tab or an end of line in it becomes a space.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells = cells.into_iter().map(|cell| self.plain(&cell)).collect();
        self.rows.push(Row::Cells(cells));
    }

    /// A text between two rows, as wide as it is.
    pub fn line(&mut self, text: &str) {
        let text = self.plain(text);
        self.rows.push(Row::Line(text));
    }

    fn plain(&self, text: &str) -> String {
        let text = text.replace(['\t', '\n', '\r'], " ");
        if self.terminal { escaped(&text).into_owned() } else { text }
    }

    /// The table as text; nothing stands behind the last column.
    pub fn to_text(&self) -> String {
        let titles = Row::Cells(self.columns.iter().map(|(title, _)| title.clone()).collect());
        let rows: Vec<&Row> = std::iter::once(&titles).chain(&self.rows).collect();
        let width = |column: usize| {
            rows.iter().filter_map(|row| row.cells().get(column)).map(|cell| cell.width()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let mut text = String::new();
        for row in rows {
            text.push_str(self.row_text(row, &widths).trim_end());
            text.push('\n');
        }
        text
    }

    fn row_text(&self, row: &Row, widths: &[usize]) -> String {
        let mut line = String::new();
        match row {
            Row::Line(text) => line.push_str(text),
            Row::Cells(cells) => cells
                .iter()
                .enumerate()
                .for_each(|(column, cell)| self.cell(&mut line, column, cell, widths[column])),
        }
        line
    }

    fn cell(&self, line: &mut String, column: usize, cell: &str, width: usize) {
        let gap = " ".repeat(width - cell.width());
        if column > 0 {
            line.push_str("   ");
        }
        match self.columns[column].1 {
            Align::Left => line.extend([cell, &gap]),
            Align::Right => line.extend([&gap, cell]),
        }
    }
}

/// The first `most` letters, the last of them `…` where the text is longer.
pub fn truncated(text: &str, most: usize) -> String {
    if text.chars().nth(most).is_none() {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let mut table = Table::new(&[("NAME", Align::Left), ("SIZE", Align::Right), ("", Align::Left)], true);
        table.row(["日本".to_owned(), "1kB".to_owned(), String::new()]);
        table.row(["a\x1bb".to_owned(), "28.23MB".to_owned(), "x\ty".to_owned()]);
        assert_eq!(table.to_text(), "NAME          SIZE\n日本           1kB\na\\u{1b}b   28.23MB   x y\n");
    }

    #[test]
    fn a_long_text_is_cut_by_letters() {
        assert_eq!(truncated("abcdef", 6), "abcdef");
        assert_eq!(truncated("äöüßab", 5), "äöüß…");
    }
}
