//! Tables in Markdown.

use std::fmt;

/// A table: text in the first column, numbers in the others.
#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// One without rows.
    pub(super) fn new(head: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let head = head.into_iter().map(Into::into).collect();
        Self { rows: vec![head] }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        let cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        debug_assert_eq!(cells.len(), self.rows[0].len(), "one cell for each column");
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = |row: &Vec<String>, column: usize| row[column].chars().count();
        let width = |column| {
            self.rows
                .iter()
                .map(|row| length(row, column))
                .max()
                .unwrap_or(0)
                .max(3)
        };
        let widths: Vec<_> = (0..self.rows[0].len()).map(width).collect();
        for (at, row) in self.rows.iter().enumerate() {
            let cells = row.iter().zip(&widths).enumerate();
            for (column, (cell, &width)) in cells {
                match column {
                    0 => write!(f, "| {cell:width$} ")?,
                    _ => write!(f, "| {cell:>width$} ")?,
                }
            }
            writeln!(f, "|")?;
            if at == 0 {
                for (column, width) in widths.iter().enumerate() {
                    match column {
                        0 => write!(f, "| {} ", "-".repeat(*width))?,
                        _ => write!(f, "| {}: ", "-".repeat(width - 1))?,
                    }
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_have_to_be() {
        let mut table = Table::new(["program", "p99", "of the limit"]);
        table.row(["Switchboard", "148 µs", "0.93"]);
        table.row(["ws", "9.10 ms", "–"]);
        assert_eq!(
            table.to_string(),
            "\
| program     |     p99 | of the limit |
| ----------- | ------: | -----------: |
| Switchboard |  148 µs |         0.93 |
| ws          | 9.10 ms |            – |
"
        );
    }
}
