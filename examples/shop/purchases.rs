//! Reads purchases out of the CDNOW text files, line by line.
//!
//! The sample has five columns (customer in the full data, customer in the sample, date, CDs,
//! dollars), the full file has four (without the second) and a header line.

use crate::domain::{Cents, CustomerId, OrderId};
use jiff::civil::Date;
use std::{
    collections::HashMap,
    fmt,
    io::{self, BufRead},
    str::FromStr,
};

/// The longest line that is read, in bytes; real ones have 33.
const MAX_LINE: u64 = 4096;

/// One purchase, with the order id that it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    pub line: u64,
    pub order: OrderId,
    pub customer: CustomerId,
    pub date: Date,
    pub cds: u32,
    pub total: Cents,
}

/// A line that is no purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// From 1.
    pub line: u64,
    /// In characters, from 1.
    pub column: usize,
    pub problem: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.problem)
    }
}

/// Goes through the lines of a file; blank ones and the header are passed over.
pub struct Purchases<R> {
    input: io::Take<R>,
    line: u64,
    bytes: u64,
    seen: HashMap<String, u32>,
}

impl<R: BufRead> Purchases<R> {
    pub fn new(input: R) -> Self {
        Self {
            input: input.take(0),
            line: 0,
            bytes: 0,
            seen: HashMap::new(),
        }
    }

    /// How much of the file was read, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn parse(&mut self, text: &str) -> Result<Option<Purchase>, Malformed> {
        let text = text.trim_end_matches(['\r', '\n']);
        let fields: Vec<(usize, &str)> = fields(text).collect();
        let starts_with_digits =
            |(_, field): &(usize, &str)| field.starts_with(|c: char| c.is_ascii_digit());
        let is_header = self.line == 1 && !fields.iter().any(starts_with_digits);
        if fields.is_empty() || is_header {
            return Ok(None);
        }
        let malformed = |column, problem| Malformed {
            line: self.line,
            column,
            problem,
        };
        let (customer, date, cds, dollars) = match fields.as_slice() {
            [customer, date, cds, dollars] | [customer, _, date, cds, dollars] => {
                (customer, date, cds, dollars)
            }
            other => {
                let end = text.chars().count() + 1;
                let column = other.get(5).map_or(end, |(column, _)| *column);
                return Err(malformed(
                    column,
                    format!(
                        "expected 4 or 5 columns (customer, date, CDs, dollars), found {}",
                        other.len()
                    ),
                ));
            }
        };
        if let [_, (column, second), _, _, _] = fields.as_slice() {
            number::<u32>(second)
                .ok_or_else(|| malformed(*column, expected("a customer number", second)))?;
        }
        let field =
            |(column, text): &(usize, &str), what: &str| malformed(*column, expected(what, text));
        let is_customer = !customer.1.is_empty() && number::<u32>(customer.1).is_some();
        if !is_customer {
            return Err(field(customer, "a customer number"));
        }
        let day = date_of(date.1).ok_or_else(|| field(date, "a date as YYYYMMDD"))?;
        let count = number(cds.1).filter(|n| *n > 0);
        let count = count.ok_or_else(|| field(cds, "a number of CDs, 1 or more"))?;
        let total = cents(dollars.1);
        let total = total.ok_or_else(|| field(dollars, "an amount of dollars such as 29.33"))?;

        // What was bought names the order, so a line keeps its order when others change; the same
        // purchase twice on one day is counted.
        let customer = CustomerId(format!("{:0>5}", customer.1));
        let base = format!("{customer}-{}-{count}-{}", date.1, total.0);
        let times = self.seen.entry(base.clone()).or_insert(0);
        *times += 1;
        let order = match *times {
            1 => OrderId(base),
            nth => OrderId(format!("{base}-{nth}")),
        };
        Ok(Some(Purchase {
            line: self.line,
            order,
            customer,
            date: day,
            cds: count,
            total,
        }))
    }
}

impl<R: BufRead> Iterator for Purchases<R> {
    type Item = io::Result<Result<Purchase, Malformed>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut bytes = Vec::new();
            self.input.set_limit(MAX_LINE);
            match self.input.read_until(b'\n', &mut bytes) {
                Ok(0) => return None,
                Ok(_) => self.line += 1,
                Err(error) => return Some(Err(error)),
            }
            self.bytes += bytes.len() as u64;
            let whole = bytes.ends_with(b"\n") || self.input.limit() > 0;
            if !whole && let Err(error) = self.skip_line() {
                return Some(Err(error));
            }
            let parsed = match std::str::from_utf8(&bytes) {
                Ok(text) if whole => self.parse(text),
                Ok(_) => Err(Malformed {
                    line: self.line,
                    column: 1,
                    problem: format!("expected a line of at most {MAX_LINE} bytes"),
                }),
                Err(error) => Err(Malformed {
                    line: self.line,
                    column: error.valid_up_to() + 1,
                    problem: "expected UTF-8 text".to_owned(),
                }),
            };
            match parsed {
                Ok(Some(purchase)) => return Some(Ok(Ok(purchase))),
                Ok(None) => {}
                Err(malformed) => return Some(Ok(Err(malformed))),
            }
        }
    }
}

impl<R: BufRead> Purchases<R> {
    /// Reads past the rest of an overlong line, in bounded memory.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let mut rest = Vec::new();
            self.input.set_limit(MAX_LINE);
            let read = self.input.read_until(b'\n', &mut rest)?;
            self.bytes += read as u64;
            if read == 0 || rest.ends_with(b"\n") {
                return Ok(());
            }
        }
    }
}

/// The blank-separated fields with their columns, counted in characters from 1.
fn fields(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = text;
    let mut column = 1;
    std::iter::from_fn(move || {
        let start = rest.find(|c: char| !c.is_whitespace())?;
        let (blank, from_start) = rest.split_at(start);
        column += blank.chars().count();
        let end = from_start
            .find(char::is_whitespace)
            .unwrap_or(from_start.len());
        let (field, after) = from_start.split_at(end);
        let at = column;
        column += field.chars().count();
        rest = after;
        Some((at, field))
    })
}

fn expected(what: &str, found: &str) -> String {
    let mut found: String = found.chars().take(40).collect();
    found.retain(|c| !c.is_control());
    format!("expected {what}, found `{found}`")
}

/// A whole number of plain digits.
fn number<T: FromStr>(text: &str) -> Option<T> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn date_of(text: &str) -> Option<Date> {
    let year = number(text.get(..4)?)?;
    let month = number(text.get(4..6)?)?;
    let day = number(text.get(6..)?)?;
    (text.len() == 8).then(|| Date::new(year, month, day).ok())?
}

/// Dollars with at most two decimals as exact cents.
fn cents(text: &str) -> Option<Cents> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let part: i64 = match part.len() {
        1 => number::<i64>(part)? * 10,
        2 => number(part)?,
        _ => return None,
    };
    let whole: i64 = (!whole.is_empty()).then(|| number(whole))??;
    Some(Cents(whole.checked_mul(100)?.checked_add(part)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn read(text: &str) -> Vec<Result<Purchase, Malformed>> {
        let lines = Purchases::new(text.as_bytes());
        lines
            .map(|line| line.expect("memory can be read"))
            .collect()
    }

    fn problem(line: &str) -> String {
        match read(line).pop() {
            Some(Err(malformed)) => malformed.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn both_files_give_the_same_purchase() {
        let expected = Purchase {
            line: 1,
            order: OrderId("00004-19970118-2-2973".into()),
            customer: CustomerId("00004".into()),
            date: date(1997, 1, 18),
            cds: 2,
            total: Cents(2973),
        };
        assert_eq!(
            read(" 00004 0001 19970118  2   29.73\r\n"),
            [Ok(expected.clone())]
        );
        let with_header = read("customer date cds dollars\n00004 19970118 2 29.73");
        assert_eq!(
            with_header,
            [Ok(Purchase {
                line: 2,
                ..expected
            })]
        );
    }

    #[test]
    fn the_same_purchase_twice_is_two_orders() {
        let line = "00004 19970118 2 29.73\n";
        let orders: Vec<String> = read(&line.repeat(2))
            .into_iter()
            .map(|p| p.expect("well-formed").order.0)
            .collect();
        assert_eq!(orders, ["00004-19970118-2-2973", "00004-19970118-2-2973-2"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (line, expected) in [
            (
                "00004 0001 19970118 2",
                "1:7: expected a date as YYYYMMDD, found `0001`",
            ),
            ("00004 19970118", "1:15: expected 4 or 5 columns"),
            ("1 2 19970118 2 29.73 x", "1:22: expected 4 or 5 columns"),
            (
                "x4 19970118 2 29.73",
                "1:1: expected a customer number, found `x4`",
            ),
            (
                "4 x1 19970118 2 29.73",
                "1:3: expected a customer number, found `x1`",
            ),
            (
                "4 19970230 2 29.73",
                "1:3: expected a date as YYYYMMDD, found `19970230`",
            ),
            ("4 1997011 2 29.73", "1:3: expected a date"),
            (
                "4 19970118 0 29.73",
                "1:12: expected a number of CDs, 1 or more, found `0`",
            ),
            ("4 19970118 -2 29.73", "1:12: expected a number of CDs"),
            ("4 19970118 2 29,73", "1:14: expected an amount of dollars"),
            ("4 19970118 2 29.733", "1:14: expected an amount of dollars"),
            ("4 19970118 2 -1.00", "1:14: expected an amount of dollars"),
            ("4 19970118 2 .50", "1:14: expected an amount of dollars"),
            (
                "é\u{20ac} 19970118 2 1.00",
                "1:1: expected a customer number",
            ),
            (
                "4 19970118 2 99999999999999999.99",
                "1:14: expected an amount",
            ),
        ] {
            let said = problem(line);
            assert!(said.starts_with(expected), "{line:?}: {said}");
        }
    }

    #[test]
    fn a_bad_line_does_not_hide_the_next() {
        let long = "9".repeat(10_000);
        let text = format!("{long}\n\n4 19970118 2 29.73\n");
        let read = read(&text);
        assert_eq!(read.len(), 2);
        assert!(read[0].as_ref().is_err_and(|m| m.line == 1));
        assert!(read[1].as_ref().is_ok_and(|p| p.line == 3));

        let mut bytes = b"4 1997\xff118 2 29.73\n".to_vec();
        bytes.extend(b"4 19970118 2 29.73\n");
        let lines: Vec<_> = Purchases::new(&bytes[..])
            .map(|line| line.expect("memory can be read"))
            .collect();
        assert_eq!(lines[0].as_ref().map_err(|m| m.column), Err(7));
        assert!(lines[1].is_ok());
    }

    #[test]
    fn the_sample_has_the_totals_that_are_published() {
        let all: Vec<Purchase> = read(crate::SAMPLE)
            .into_iter()
            .map(|line| line.expect("well-formed"))
            .collect();
        let customers: std::collections::HashSet<_> = all.iter().map(|p| &p.customer).collect();
        let orders: std::collections::HashSet<_> = all.iter().map(|p| &p.order).collect();
        let cds: u32 = all.iter().map(|p| p.cds).sum();
        let cents: Cents = all.iter().map(|p| p.total).sum();
        assert_eq!((all.len(), orders.len()), (6919, 6919));
        assert_eq!(
            (customers.len(), cds, cents),
            (2357, 16479, Cents(24_409_194))
        );
    }
}
