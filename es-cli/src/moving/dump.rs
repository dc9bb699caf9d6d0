//! A dump: a first line about the store, a line for each row, and a last line with the sums.
//!
//! Each line of a row ends with a mark, the beginning of the hash of all rows of its table up to it. So a line that
//! was changed, lost or moved is found where it is.

use super::{
    row::Canonical,
    rows::Rows,
    sums::{Sum, Sums},
    table::{TABLES, Table},
};
use crate::{error::Error, output::quoted};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{
    collections::HashMap,
    io::{BufRead, Write},
};

const FORMAT: u32 = 1;

/// The first line.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Header {
    /// What this is.
    dump: String,
    format: u32,
    /// The id of the store.
    pub(crate) store: String,
    /// Whether it has the state of readers.
    pub(crate) read_models: bool,
    /// Whether it has the state of projections with tables of their own.
    pub(crate) projections: bool,
}

/// The last line.
#[derive(Debug, Deserialize)]
struct End {
    end: HashMap<String, EndSum>,
}

#[derive(Debug, Deserialize)]
struct EndSum {
    rows: u64,
    sha256: String,
}

/// Writes a dump.
pub(crate) struct DumpWriter<'o> {
    out: &'o mut dyn Write,
    sums: Sums,
}

impl<'o> DumpWriter<'o> {
    pub(crate) fn begin(
        out: &'o mut dyn Write,
        store: &str,
        with_read_models: bool,
        with_projections: bool,
    ) -> Result<Self, Error> {
        writeln!(
            out,
            "{{\"dump\":\"es\",\"format\":{FORMAT},\"store\":{},\"read_models\":{with_read_models},\"projections\":{with_projections}}}",
            quoted(store)
        )?;
        Ok(Self {
            out,
            sums: Sums::default(),
        })
    }

    pub(crate) fn table(
        &mut self,
        table: &'static Table,
        rows: &mut dyn Rows,
    ) -> Result<(), Error> {
        let mut sum = Sum::default();
        while let Some(row) = rows.next()? {
            let mut line = row.line(table)?;
            sum.add(&line);
            line.pop();
            writeln!(self.out, "{line},\"mark\":\"{}\"}}", sum.mark())?;
        }
        self.sums.put(table, &sum);
        Ok(())
    }

    pub(crate) fn end(self) -> Result<Sums, Error> {
        let sums = self.sums.0.iter().map(|(table, rows, hash)| {
            format!(
                "\"{}\":{{\"rows\":{rows},\"sha256\":\"{hash}\"}}",
                table.name
            )
        });
        let sums: Vec<String> = sums.collect();
        writeln!(self.out, "{{\"end\":{{{}}}}}", sums.join(","))?;
        self.out.flush()?;
        Ok(self.sums)
    }
}

/// Reads a dump, row by row.
pub(crate) struct DumpReader<'i> {
    input: Box<dyn BufRead + 'i>,
    pub(crate) header: Header,
    /// The line that was read last, without its end, and its number.
    line: String,
    number: u64,
    is_read: bool,
    /// The row before, of which table, and the sum up to it.
    table: Option<&'static Table>,
    before: Option<Canonical>,
    sum: Sum,
}

/// How the line of a row ends: `,"mark":"01234567"}`.
const MARK: &str = ",\"mark\":\"";
const MARK_BYTES: usize = MARK.len() + 10;

impl<'i> DumpReader<'i> {
    pub(crate) fn begin(input: Box<dyn BufRead + 'i>) -> Result<Self, Error> {
        let mut reader = Self {
            input,
            header: Header {
                dump: String::new(),
                format: 0,
                store: String::new(),
                read_models: false,
                projections: false,
            },
            line: String::new(),
            number: 0,
            is_read: false,
            table: None,
            before: None,
            sum: Sum::default(),
        };
        reader.read_line()?;
        let header: Option<Header> = serde_json::from_str(&reader.line).ok();
        match header.filter(|header| header.dump == "es") {
            Some(header) if header.format == FORMAT => reader.header = header,
            Some(header) => {
                return Err(reader.damaged(&format!(
                    "it has format {}, and this program reads format {FORMAT}; use a newer `es`",
                    header.format
                )));
            }
            None => return Err(reader.damaged("it is not the first line of a dump of `es export`")),
        }
        reader.is_read = false;
        Ok(reader)
    }

    /// The next row of this table, `None` where the next line is of another one.
    fn next_of(&mut self, table: &'static Table) -> Result<Option<Canonical>, Error> {
        self.look()?;
        let body_bytes = self.line.len().saturating_sub(MARK_BYTES);
        let Some((body, mark)) = self.line.split_at_checked(body_bytes) else {
            return Err(self.damaged("it is not a line of a dump"));
        };
        let mark = mark
            .strip_prefix(MARK)
            .and_then(|mark| mark.strip_suffix("\"}"));
        let Some(mark) = mark else {
            if self.line.starts_with("{\"end\":") {
                return Ok(None);
            }
            return Err(self.damaged("it is not a line of a dump"));
        };
        let fields: HashMap<String, &RawValue> = match serde_json::from_str(&self.line) {
            Ok(fields) => fields,
            Err(error) => return Err(self.damaged(&format!("it is not JSON: {error}"))),
        };
        let name = fields.get("table").map(|name| name.get().trim_matches('"'));
        let Some(of) = name.and_then(Table::find) else {
            return Err(self.damaged("its table is not known"));
        };
        if of.name != table.name {
            let place = |name| TABLES.iter().position(|table| table.name == name);
            if place(of.name) < place(table.name) {
                return Err(self.damaged(&format!("a row of `{}` is out of its place", of.name)));
            }
            return Ok(None);
        }
        if self.table.is_none_or(|before| before.name != table.name) {
            (self.table, self.before, self.sum) = (Some(table), None, Sum::default());
        }
        let body = format!("{body}}}");
        let mut fields = fields;
        fields.remove("mark");
        self.sum.add(&body);
        if self.sum.mark() != mark {
            return Err(self.damaged(
                "its mark is another one: it was changed, or lines before it were changed, lost or moved",
            ));
        }
        let row = Canonical::parse(table, &fields).map_err(|why| self.damaged(&why))?;
        let follows = self
            .before
            .as_ref()
            .is_none_or(|before| before.compare(&row, table).is_lt());
        if !follows {
            return Err(self.damaged("it does not follow the line before it"));
        }
        self.before = Some(row.clone());
        self.is_read = false;
        Ok(Some(row))
    }

    /// Reads the last line, and compares its sums.
    pub(crate) fn end(mut self, sums: &Sums) -> Result<(), Error> {
        self.look()?;
        let Ok(End { end }) = serde_json::from_str(&self.line) else {
            return Err(self.damaged("it is not the last line of a dump"));
        };
        for (table, rows, hash) in &sums.0 {
            let said = end
                .get(table.name)
                .map(|sum| (sum.rows, sum.sha256.as_str()));
            if said != Some((*rows, hash)) {
                let (rows, name) = (*rows, table.name);
                return Err(self.damaged(&format!(
                    "it says something else of `{name}` than its {rows} lines: some are missing or changed"
                )));
            }
        }
        let mut rest = String::new();
        if self.input.read_line(&mut rest)? > 0 {
            self.number += 1;
            return Err(self.damaged("nothing may come after the last line"));
        }
        Ok(())
    }

    fn look(&mut self) -> Result<(), Error> {
        if !self.is_read {
            self.read_line()?;
            self.is_read = true;
        }
        Ok(())
    }

    fn read_line(&mut self) -> Result<(), Error> {
        self.line.clear();
        self.number += 1;
        if let Err(error) = self.input.read_line(&mut self.line) {
            return Err(self.damaged(&format!("it cannot be read: {error}")));
        }
        if self.line.pop() != Some('\n') {
            return Err(self.damaged("the dump ends here: it was cut off"));
        }
        Ok(())
    }

    fn damaged(&self, what: &str) -> Error {
        Error::Dump {
            line: self.number,
            what: what.to_owned(),
        }
    }
}

/// The rows of one table of a dump.
pub(crate) struct DumpRows<'d, 'i> {
    pub(crate) dump: &'d mut DumpReader<'i>,
    pub(crate) table: &'static Table,
}

impl Rows for DumpRows<'_, '_> {
    fn next(&mut self) -> Result<Option<Canonical>, Error> {
        self.dump.next_of(self.table)
    }
}
