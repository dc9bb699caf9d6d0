//! Tables for people, JSON for programs. Rows are written a page at a time and not kept.

use crate::{error::Error, store::PAGE_BYTES};
use std::{
    cell::RefCell,
    io::{self, Write},
    rc::Rc,
};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Columns for people
    Table,
    /// One JSON document
    Json,
    /// One JSON object on each line
    Ndjson,
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    None,
    Bool(bool),
    Integer(i64),
    Text(String),
    /// JSON that is passed on as it is stored, but on one line.
    Json(String),
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

/// Nothing that is counted here reaches the end of `i64`.
impl From<u64> for Cell {
    fn from(count: u64) -> Self {
        Self::Integer(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}

impl Cell {
    /// A position: a number, or a text such as `812.1`.
    pub(crate) fn position(position: i64) -> Self {
        if es_tables::position::is_place(position) {
            Self::Text(es_tables::position::text(position))
        } else {
            Self::Integer(position)
        }
    }

    fn json(&self) -> String {
        match self {
            Self::None => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Text(text) => quoted(text),
            // A line break of JSON stands outside of its texts, and would end the line of NDJSON.
            Self::Json(json) => json.replace(['\n', '\r'], " "),
        }
    }

    /// The value in a table. What would move the cursor of a terminal, or turn the direction of a text, is written as an
    /// escape.
    fn plain(&self) -> String {
        let text = match self {
            Self::None => return String::new(),
            Self::Text(text) | Self::Json(text) => text,
            Self::Bool(true) => return "yes".to_owned(),
            Self::Bool(false) => return "no".to_owned(),
            Self::Integer(number) => return number.to_string(),
        };
        if !text.chars().any(is_hidden) {
            return text.clone();
        }
        let mut plain = String::new();
        for c in text.chars() {
            if is_hidden(c) {
                plain.extend(c.escape_unicode());
            } else {
                plain.push(c);
            }
        }
        plain
    }
}

/// What is not seen and changes what is: controls, and marks of direction.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text as JSON.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A column of a result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Its key in JSON. A table has it in capitals.
    name: &'static str,
    /// Whether tables have it.
    is_in_tables: bool,
    /// The most that it may take of a line.
    widest: usize,
}

impl Column {
    pub(crate) const fn name(self) -> &'static str {
        self.name
    }
}

pub(crate) const fn column(name: &'static str) -> Column {
    Column {
        name,
        is_in_tables: true,
        widest: WIDEST,
    }
}

/// A column that has to be whole.
pub(crate) const fn wide(name: &'static str) -> Column {
    Column {
        name,
        is_in_tables: true,
        widest: usize::MAX,
    }
}

/// A column that only programs need.
pub(crate) const fn detail(name: &'static str) -> Column {
    Column {
        name,
        is_in_tables: false,
        widest: WIDEST,
    }
}

/// Where results go.
pub(crate) struct Printer<'a> {
    pub(crate) out: &'a mut dyn Write,
    pub(crate) format: Format,
    pub(crate) colours: bool,
    /// Whether tables have to fit a terminal. A program gets all of each cell.
    pub(crate) is_person: bool,
}

impl Printer<'_> {
    /// Begins a list of rows.
    pub(crate) fn rows(&mut self, columns: &'static [Column]) -> Rows<'_> {
        Rows {
            out: &mut *self.out,
            format: self.format,
            colours: self.colours,
            is_person: self.is_person,
            columns,
            widths: Vec::new(),
            waiting: Vec::new(),
            bytes: 0,
            written: 0,
        }
    }

    /// Writes a text of several lines below a heading, in a table.
    #[cfg(feature = "app")]
    pub(crate) fn lines(&mut self, heading: &str, text: &str) -> Result<(), Error> {
        writeln!(self.out, "\n{}", bold(heading, self.colours))?;
        for line in text.lines() {
            writeln!(self.out, "{}", Cell::from(line).plain())?;
        }
        self.out.flush()?;
        Ok(())
    }

    /// Writes one result: a line for each value, or an object.
    pub(crate) fn record(&mut self, values: &[(&'static str, Cell)]) -> Result<(), Error> {
        if self.format == Format::Table {
            let width = values
                .iter()
                .map(|(name, _)| name.width())
                .max()
                .unwrap_or(0);
            for (name, value) in values {
                let name = pad(&name.replace('_', " "), width);
                let name = bold(&name, self.colours);
                writeln!(
                    self.out,
                    "{}",
                    format!("{name}  {}", value.plain()).trim_end()
                )?;
            }
        } else {
            let fields = values.iter().map(|(name, value)| (*name, value));
            writeln!(self.out, "{}", object(fields))?;
        }
        self.out.flush()?;
        Ok(())
    }
}

/// The rows of a result. Call [`end`](Rows::end) after the last one.
pub(crate) struct Rows<'a> {
    out: &'a mut dyn Write,
    format: Format,
    colours: bool,
    is_person: bool,
    columns: &'static [Column],
    /// The widths of the columns of a table, once the first rows are known.
    widths: Vec<usize>,
    waiting: Vec<Vec<String>>,
    /// Of the cells that wait.
    bytes: usize,
    written: u64,
}

/// A table is written so many rows at a time. Its columns are as wide as the first ones of them need.
const TOGETHER: usize = 100;
/// The widest column on a terminal. The last one may be wider.
const WIDEST: usize = 48;
const LAST: usize = 160;

impl Rows<'_> {
    pub(crate) fn is_table(&self) -> bool {
        self.format == Format::Table
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.written == 0
    }

    pub(crate) fn row(&mut self, cells: &[Cell]) -> Result<(), Error> {
        self.written += 1;
        match self.format {
            Format::Table => {
                let shown = self
                    .columns
                    .iter()
                    .zip(cells)
                    .filter(|(c, _)| c.is_in_tables);
                // What no line has room for is not kept.
                let kept = |(column, cell): (&Column, &Cell)| {
                    self.fit(cell.plain(), column.widest.max(LAST))
                };
                let row: Vec<String> = shown.map(kept).collect();
                self.bytes += row.iter().map(String::len).sum::<usize>();
                self.waiting.push(row);
                if self.waiting.len() >= TOGETHER || self.bytes >= PAGE_BYTES {
                    self.flush()?;
                }
            }
            Format::Json | Format::Ndjson => {
                let before = match (self.format, self.written) {
                    (Format::Ndjson, _) => "",
                    (_, 1) => "[\n",
                    _ => ",\n",
                };
                let fields = self.columns.iter().map(|column| column.name).zip(cells);
                let after = if self.format == Format::Ndjson {
                    "\n"
                } else {
                    ""
                };
                write!(self.out, "{before}{}{after}", object(fields))?;
            }
        }
        Ok(())
    }

    /// Writes what waits, for a reader who waits too.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        if self.is_table() && !self.waiting.is_empty() {
            self.write_table()?;
        }
        self.out.flush()?;
        Ok(())
    }

    fn write_table(&mut self) -> Result<(), Error> {
        if self.widths.is_empty() {
            let shown = self.columns.iter().filter(|column| column.is_in_tables);
            let shown: Vec<&Column> = shown.collect();
            let headers = shown
                .iter()
                .map(|column| column.name.to_uppercase().replace('_', " "));
            let headers: Vec<String> = headers.collect();
            self.widths = headers.iter().map(|header| header.width()).collect();
            for row in &self.waiting {
                let cells = self.widths.iter_mut().zip(row);
                for (number, (column, (width, cell))) in (1..).zip(shown.iter().zip(cells)) {
                    let most = if number == shown.len() || !self.is_person {
                        LAST
                    } else {
                        column.widest
                    };
                    *width = (*width).max(cell.width().min(most));
                }
            }
            let line = self.line(&headers);
            writeln!(self.out, "{}", bold(&line, self.colours))?;
        }
        self.bytes = 0;
        for row in std::mem::take(&mut self.waiting) {
            let line = self.line(&row);
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }

    /// A cell as it is written.
    fn fit(&self, text: String, most: usize) -> String {
        if self.is_person {
            cut(&text, most)
        } else {
            text
        }
    }

    fn line(&self, cells: &[String]) -> String {
        let mut line = String::new();
        for (number, (cell, width)) in cells.iter().zip(&self.widths).enumerate() {
            // The last column has room to its right.
            let most = if number + 1 == cells.len() {
                LAST
            } else {
                *width
            };
            line.push_str(&pad(&self.fit(cell.clone(), most), *width));
            line.push_str("  ");
        }
        line.truncate(line.trim_end().len());
        line
    }

    /// Writes the end, and returns how many rows there were.
    pub(crate) fn end(mut self) -> Result<u64, Error> {
        self.flush()?;
        if self.format == Format::Json {
            let end = if self.written == 0 { "[]" } else { "\n]" };
            writeln!(self.out, "{end}")?;
        }
        self.out.flush()?;
        Ok(self.written)
    }
}

fn object<'c>(fields: impl Iterator<Item = (&'static str, &'c Cell)>) -> String {
    let fields: Vec<String> = fields
        .map(|(name, value)| format!("\"{name}\":{}", value.json()))
        .collect();
    format!("{{{}}}", fields.join(","))
}

fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(missing))
}

/// The beginning of a text that is too wide.
fn cut(text: &str, most: usize) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let mut width = 1;
    let mut beginning = String::new();
    for c in text.chars() {
        width += c.width().unwrap_or(0);
        if width > most {
            break;
        }
        beginning.push(c);
    }
    beginning.push('…');
    beginning
}

fn bold(text: &str, colours: bool) -> String {
    if colours {
        format!("\u{1b}[1m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

/// Remarks for people. They go to standard error, and results to standard output.
#[derive(Clone)]
pub(crate) struct Notes<'a>(Rc<RefCell<&'a mut dyn Write>>);

impl<'a> Notes<'a> {
    pub(crate) fn new(err: &'a mut dyn Write) -> Self {
        Self(Rc::new(RefCell::new(err)))
    }

    pub(crate) fn say(&self, text: &str) -> Result<(), Error> {
        Ok(self.write(text)?)
    }

    pub(crate) fn write(&self, text: &str) -> io::Result<()> {
        let mut err = self.0.borrow_mut();
        writeln!(err, "{text}")
    }
}
