//! What must hold in the rows, by arithmetic on them alone: no type, no fold and no tag of the program has a say.

use crate::places::Row;
use es_tests::{
    campus::{MOST, SCHOOL},
    transfers::{ACCOUNTS, AT_FIRST},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How often what happened.
#[derive(Debug, Default)]
pub(super) struct Seen {
    transfers: usize,
    fees: usize,
    joined: usize,
    left: usize,
    served: usize,
    credits_given: usize,
    credits_returned: usize,
    credits_rejected: usize,
}

impl Seen {
    pub(super) fn add(&mut self, other: &Self) {
        self.transfers += other.transfers;
        self.fees += other.fees;
        self.joined += other.joined;
        self.left += other.left;
        self.served += other.served;
        self.credits_given += other.credits_given;
        self.credits_returned += other.credits_returned;
        self.credits_rejected += other.credits_rejected;
    }

    /// A rule that nothing touched was not tested.
    pub(super) fn all_happened(&self) -> bool {
        let all = [
            self.transfers,
            self.fees,
            self.joined,
            self.left,
            self.served,
            self.credits_given,
        ];
        all.iter().all(|count| *count > 0)
    }
}

#[derive(Default)]
struct Course {
    capacity: usize,
    students: BTreeSet<String>,
    queue: VecDeque<String>,
}

/// A change of an account, with the row that has it.
struct Moved {
    account: String,
    cents: i64,
    row: usize,
}

#[derive(Default)]
struct Ledger {
    balances: BTreeMap<String, i64>,
    moves: BTreeMap<String, Vec<Moved>>,
    courses: BTreeMap<String, Course>,
    /// The rows of the seats that were paid for.
    fees: BTreeMap<String, usize>,
    /// From, to.
    credits: BTreeMap<String, (String, String)>,
    waited: usize,
    queued: usize,
    recorded: BTreeSet<String>,
    /// Who got a seat when, and where.
    seats: BTreeSet<(usize, String, String)>,
    /// Seats that the next row must have: they are of one commit.
    promised: Vec<(usize, String, String)>,
    seen: Seen,
}

fn text<'a>(payload: &'a Value, key: &str) -> Result<&'a str, String> {
    payload[key]
        .as_str()
        .ok_or_else(|| format!("{payload} has no {key}"))
}

fn number(payload: &Value, key: &str) -> Result<i64, String> {
    payload[key]
        .as_i64()
        .ok_or_else(|| format!("{payload} has no {key}"))
}

/// Adds up the rows. `accepted` are the operations that a process has acknowledged.
pub(super) fn audit(rows: &[Row], accepted: &[String]) -> Result<Seen, String> {
    let mut books = Ledger::default();
    for (at, row) in rows.iter().enumerate() {
        let taken = books.take(at, row);
        taken.map_err(|wrong| format!("row {at} {row:?}: {wrong}"))?;
    }
    books.close()?;
    for name in accepted {
        let is_there = match name.split('-').next() {
            Some("transfer") => books.moves.contains_key(name),
            Some("fee") => books.fees.contains_key(name),
            Some("credit") => books.credits.contains_key(name),
            _ => true,
        };
        if !is_there {
            return Err(format!("{name} was acknowledged and is lost"));
        }
    }
    Ok(books.seen)
}

impl Ledger {
    fn take(&mut self, at: usize, (id, event, payload): &Row) -> Result<(), String> {
        if event == "decision.recorded" {
            return match self.recorded.insert(id.clone()) {
                true => Ok(()),
                false => Err("it is recorded twice".into()),
            };
        }
        let about = ["account.", "course.", "student.", "credit.", "waiting."];
        if !about.iter().any(|about| event.starts_with(about)) {
            return Ok(());
        }
        let payload: Value = serde_json::from_str(payload).map_err(|error| error.to_string())?;
        match event.as_str() {
            "account.deposited" => self.moved(at, id, number(&payload, "cents")?, &payload),
            "account.withdrawn" => self.moved(at, id, -number(&payload, "cents")?, &payload),
            "course.opened" | "course.resized" => {
                let capacity = number(&payload, "capacity")?;
                let course = self.courses.entry(id.clone()).or_default();
                course.capacity = usize::try_from(capacity).map_err(|error| error.to_string())?;
                self.fits(id)
            }
            "student.joined" => self.joined(at, id, &payload),
            "student.left" => {
                let course = self.courses.entry(id.clone()).or_default();
                self.seen.left += 1;
                match course.students.remove(text(&payload, "student")?) {
                    true => Ok(()),
                    false => Err("who was not in it leaves".into()),
                }
            }
            "student.waits" => {
                self.waited += 1;
                Ok(())
            }
            "waiting.queued" => {
                let course = self.courses.entry(id.clone()).or_default();
                course
                    .queue
                    .push_back(text(&payload, "student")?.to_owned());
                self.queued += 1;
                Ok(())
            }
            "waiting.served" => {
                let course = self.courses.entry(id.clone()).or_default();
                let (first, served) = (course.queue.pop_front(), text(&payload, "student")?);
                self.seen.served += 1;
                if first.as_deref() != Some(served) {
                    return Err("it was not their turn".into());
                }
                if !course.students.contains(served) {
                    self.promised.push((at + 1, id.clone(), served.to_owned()));
                }
                Ok(())
            }
            "credit.asked" => {
                let of = (text(&payload, "from")?, text(&payload, "to")?);
                let of = (of.0.to_owned(), of.1.to_owned());
                match self.credits.insert(id.clone(), of) {
                    None => Ok(()),
                    Some(_) => Err("it is asked twice".into()),
                }
            }
            other => Err(format!("nobody stores {other}")),
        }
    }

    fn moved(&mut self, row: usize, id: &str, cents: i64, payload: &Value) -> Result<(), String> {
        let balance = self.balances.entry(id.to_owned()).or_default();
        *balance += cents;
        if *balance < 0 {
            return Err(format!("{id} is overdrawn"));
        }
        let moves = self.moves.entry(text(payload, "transfer")?.to_owned());
        moves.or_default().push(Moved {
            account: id.to_owned(),
            cents,
            row,
        });
        Ok(())
    }

    fn joined(&mut self, at: usize, id: &str, payload: &Value) -> Result<(), String> {
        let student = text(payload, "student")?;
        if text(payload, "course")? != id {
            return Err("the seat is in another stream".into());
        }
        let course = self.courses.entry(id.to_owned()).or_default();
        if !course.students.insert(student.to_owned()) {
            return Err("the student is in it twice".into());
        }
        let fee = payload["fee"].as_str();
        if fee.is_some_and(|fee| self.fees.insert(fee.to_owned(), at).is_some()) {
            return Err("it is paid once for two seats".into());
        }
        self.seats.insert((at, id.to_owned(), student.to_owned()));
        self.seen.joined += 1;
        let has = |course: &&Course| course.students.contains(student);
        if self.courses.values().filter(has).count() as u64 > MOST {
            return Err("the student has too many courses".into());
        }
        self.fits(id)
    }

    fn fits(&self, id: &str) -> Result<(), String> {
        let course = self.courses.get(id).ok_or("no such course")?;
        match course.students.len() <= course.capacity {
            true => Ok(()),
            false => Err(format!("{:?} are too many", course.students)),
        }
    }

    /// What must hold when nothing runs any more.
    fn close(&mut self) -> Result<(), String> {
        let opened = self.moves.remove("opened").unwrap_or_default();
        if opened.len() as u64 != ACCOUNTS {
            return Err("not all accounts were opened".into());
        }
        let sum: i64 = self.balances.values().sum();
        if sum != (ACCOUNTS * AT_FIRST).cast_signed() {
            return Err(format!("{sum} cents are there"));
        }
        for (name, moves) in &self.moves {
            let [out, into] = moves.as_slice() else {
                return Err(format!("{name} has {} changes of accounts", moves.len()));
            };
            if out.cents >= 0 || out.cents + into.cents != 0 {
                return Err(format!("{name} takes and gives different amounts"));
            }
            let is_adjacent = out.row + 1 == into.row;
            match name.split('-').next() {
                Some("transfer") if is_adjacent && out.account != into.account => {
                    self.seen.transfers += 1;
                }
                Some("fee") if is_adjacent && into.account == SCHOOL => {
                    if self.fees.get(name) != Some(&(into.row + 1)) {
                        return Err(format!("{name} is paid without its seat"));
                    }
                    self.seen.fees += 1;
                }
                Some("credit") => {
                    let (from, to) = self.credits.get(name).ok_or("nobody asked")?;
                    match (out.account == *from, into.account == *to) {
                        (true, true) => self.seen.credits_given += 1,
                        (true, false) if into.account == *from => self.seen.credits_returned += 1,
                        _ => return Err(format!("{name} is of other accounts")),
                    }
                }
                _ => return Err(format!("{name} is not one commit")),
            }
        }
        let paid = |fee: &String| self.moves.contains_key(fee);
        if let Some(fee) = self.fees.keys().find(|fee| !paid(fee)) {
            return Err(format!("{fee} is not paid"));
        }
        let rejected = self.credits.keys().filter(|credit| !paid(credit));
        self.seen.credits_rejected += rejected.count();
        let is_kept = |seat| self.seats.contains(seat);
        if let Some(seat) = self.promised.iter().find(|seat| !is_kept(seat)) {
            return Err(format!("{seat:?} is served and has no seat"));
        }
        if self.waited != self.queued {
            return Err(format!("{} wait, {} queue", self.waited, self.queued));
        }
        for (id, course) in &self.courses {
            if !course.queue.is_empty() && course.students.len() < course.capacity {
                return Err(format!("course {id} has a free seat, and somebody waits"));
            }
        }
        Ok(())
    }
}
