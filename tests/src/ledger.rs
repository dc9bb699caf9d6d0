//! Payment, inventory and shipping in a file of their own, outside of the store and of the process
//! that runs sagas: which keys were applied, which were taken back. They keep to the contract of
//! providers unless a test says otherwise, and fail as often as it says.

use crate::{
    orders::{Answer, Outside},
    signals::kill_this_process,
};
use es_sagas::{Fail, Key};
use es_sqlite::rusqlite::{
    Connection, OptionalExtension, Transaction, TransactionBehavior, params,
};
use std::{
    collections::BTreeMap,
    path::Path,
    str::FromStr,
    sync::{Arc, Mutex},
    time::Duration,
};

/// How one service behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// It says no, and stays with that.
    Refuses,
    /// It says no, and knows nothing of that later.
    Lies,
    /// No request gets there.
    Loses,
    /// It never answers.
    Hangs,
    /// It takes nothing back.
    Keeps,
    /// It takes back what is there, and forgets that: a call that comes later is served.
    Forgets,
    /// It does a thing as often as it is asked: keys say nothing to it.
    IgnoresKeys,
    /// It does what it is asked, and the process that asked is killed before it hears so.
    Kills,
    /// The process that asks it to take something back is killed, and nothing is taken back.
    KillsUndo,
}

/// How the services behave, on the command lines of processes too: `payment:refuses,shipping:hangs`.
#[derive(Clone, Debug, Default)]
pub struct Behaviour {
    habits: Vec<(String, Habit)>,
    /// So many of a hundred calls fail in one way or another.
    pub failing: u32,
    /// So many of a hundred effects cannot be taken back.
    pub stubborn: u32,
}

impl Behaviour {
    fn has(&self, service: &str, habit: Habit) -> bool {
        self.habits.iter().any(|(s, h)| s == service && *h == habit)
    }
}

impl FromStr for Behaviour {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut behaviour = Self::default();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (service, habit) = part.split_once(':').ok_or(part)?;
            let number = || habit.parse().map_err(|_| part.to_owned());
            let habit = match (service, habit) {
                ("all", _) => {
                    behaviour.failing = number()?;
                    continue;
                }
                ("undos", _) => {
                    behaviour.stubborn = number()?;
                    continue;
                }
                (_, "refuses") => Habit::Refuses,
                (_, "lies") => Habit::Lies,
                (_, "loses") => Habit::Loses,
                (_, "hangs") => Habit::Hangs,
                (_, "keeps") => Habit::Keeps,
                (_, "forgets") => Habit::Forgets,
                (_, "ignores-keys") => Habit::IgnoresKeys,
                (_, "kills") => Habit::Kills,
                (_, "kills-undo") => Habit::KillsUndo,
                _ => return Err(part.to_owned()),
            };
            behaviour.habits.push((service.to_owned(), habit));
        }
        Ok(behaviour)
    }
}

/// The ledgers of the three services.
#[derive(Clone)]
pub struct FileLedger {
    file: Arc<Mutex<Connection>>,
    behaviour: Behaviour,
}

/// What became of the effects of one order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Effects {
    /// The services whose effect is there.
    pub live: Vec<String>,
    /// The services whose effect was taken back, or was forbidden before it came.
    pub undone: Vec<String>,
    /// The most often that one key was applied.
    pub most: u32,
}

/// What one service knows of one order.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// How often it was asked to do it.
    pub calls: u32,
    /// How often it did.
    pub applied: u32,
    /// How often it was asked to take it back.
    pub undo_calls: u32,
    /// Whether it is taken back, or forbidden.
    pub undone: bool,
}

impl FileLedger {
    /// # Panics
    /// When the file cannot be one.
    pub fn open(path: &Path, behaviour: Behaviour) -> Self {
        let file = Connection::open(path).expect("opens");
        file.busy_timeout(Duration::from_secs(20)).expect("set");
        // A killed process loses nothing of what it committed; that is all that is asked here.
        file.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
             CREATE TABLE IF NOT EXISTS effects (
                 key TEXT PRIMARY KEY, service TEXT NOT NULL, ord TEXT NOT NULL,
                 calls INTEGER NOT NULL DEFAULT 0, applied INTEGER NOT NULL DEFAULT 0,
                 declined INTEGER NOT NULL DEFAULT 0, undone INTEGER NOT NULL DEFAULT 0,
                 undo_calls INTEGER NOT NULL DEFAULT 0, undone_at INTEGER
             ) STRICT;",
        )
        .expect("made");
        Self {
            file: Arc::new(Mutex::new(file)),
            behaviour,
        }
    }

    /// What became of each order.
    ///
    /// # Panics
    /// When the file cannot be read.
    pub fn effects(&self) -> BTreeMap<String, Effects> {
        let file = self.file.lock().expect("not poisoned");
        let mut select = file
            .prepare("SELECT ord, service, applied, undone FROM effects ORDER BY ord, undone_at")
            .expect("read");
        let rows = select
            .query_map([], |row| {
                let row: (String, String, u32, u32) =
                    (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                Ok(row)
            })
            .expect("read");
        let mut orders: BTreeMap<String, Effects> = BTreeMap::new();
        for row in rows {
            let (order, service, applied, undone) = row.expect("a row");
            let effects = orders.entry(order).or_default();
            effects.most = effects.most.max(applied);
            if undone > 0 {
                effects.undone.push(service);
            } else if applied > 0 {
                effects.live.push(service);
            }
        }
        orders
    }

    /// What a service knows of an order; nothing when it never heard of it.
    ///
    /// # Panics
    /// When the file cannot be read, or knows two effects of one order.
    pub fn entry(&self, service: &str, order: &str) -> Entry {
        let file = self.file.lock().expect("not poisoned");
        let mut select = file
            .prepare(
                "SELECT calls, applied, undo_calls, undone FROM effects
                 WHERE service = ?1 AND ord = ?2",
            )
            .expect("read");
        let rows = select
            .query_map([service, order], |row| {
                Ok(Entry {
                    calls: row.get(0)?,
                    applied: row.get(1)?,
                    undo_calls: row.get(2)?,
                    undone: row.get::<_, u32>(3)? > 0,
                })
            })
            .expect("read");
        let entries: Vec<Entry> = rows.map(|row| row.expect("a row")).collect();
        match entries.as_slice() {
            [] => Entry::default(),
            [one] => *one,
            more => panic!("one order, several keys: {more:?}"),
        }
    }

    /// Failures that look random and are the same in every run.
    fn bad_luck(key: Key, salt: u32) -> u32 {
        let salt = salt.to_le_bytes();
        let bytes = key.as_bytes().iter().chain(&salt).copied();
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        u32::try_from((hash >> 20) % 100).expect("small")
    }

    fn call(&self, service: &str, order: &str, key: Key) -> Result<String, Fail> {
        let has = |habit| self.behaviour.has(service, habit);
        if has(Habit::Lies) {
            return Err(Fail::fatal(format!("{service} says no")));
        }
        if has(Habit::Loses) {
            return Err(Fail::transient(format!("{service} is out of order")));
        }
        let failing = self.behaviour.failing;
        let mut file = self.file.lock().expect("not poisoned");
        let tx = file.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute(
            "INSERT INTO effects (key, service, ord, calls) VALUES (?1, ?2, ?3, 1)
             ON CONFLICT (key) DO UPDATE SET calls = calls + 1",
            params![key.to_string(), service, order],
        )?;
        let (calls, applied, declined, undone): (u32, u32, u32, u32) = tx.query_row(
            "SELECT calls, applied, declined, undone FROM effects WHERE key = ?1",
            [key.to_string()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )?;
        let luck = Self::bad_luck(key, calls);
        let reference = format!("{service}-{order}");
        if undone > 0 {
            tx.commit()?;
            return Err(Fail::fatal("taken back before it came"));
        }
        if applied > 0 && !has(Habit::IgnoresKeys) {
            tx.commit()?;
            if has(Habit::Kills) {
                kill_this_process();
            }
            return Ok(reference);
        }
        if declined > 0 || has(Habit::Refuses) || luck < failing / 8 {
            mark(&tx, "declined = 1", key)?;
            tx.commit()?;
            return Err(Fail::fatal(format!("{service} says no")));
        }
        if luck < failing / 2 {
            tx.commit()?;
            return Err(Fail::transient(format!("{service} is out of order")));
        }
        mark(&tx, "applied = applied + 1", key)?;
        tx.commit()?;
        if has(Habit::Kills) {
            kill_this_process();
        }
        if luck < failing {
            return Err(Fail::transient(format!("the answer of {service} got lost")));
        }
        Ok(reference)
    }

    fn take_back(&self, service: &str, order: &str, did: Key) -> Result<(), Fail> {
        let has = |habit| self.behaviour.has(service, habit);
        let Behaviour {
            failing, stubborn, ..
        } = self.behaviour;
        let mut file = self.file.lock().expect("not poisoned");
        let tx = file.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let known: Option<(u32, u32)> = tx
            .query_row(
                "SELECT undo_calls, applied FROM effects WHERE key = ?1",
                [did.to_string()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        if known.is_none_or(|(_, applied)| applied == 0) && has(Habit::Forgets) {
            return Ok(());
        }
        let luck = Self::bad_luck(did, known.map_or(0, |(calls, _)| calls));
        let keeps = has(Habit::Keeps) || Self::bad_luck(did, u32::MAX) < stubborn;
        let works = luck >= failing / 2 && !keeps && !has(Habit::KillsUndo);
        // What is done late is undone once more, and counts where it was last.
        tx.execute(
            "INSERT INTO effects (key, service, ord, undone, undo_calls, undone_at)
             VALUES (?1, ?2, ?3, ?4, 1, (SELECT count(*) FROM effects WHERE undone > 0))
             ON CONFLICT (key) DO UPDATE SET undo_calls = undo_calls + 1,
                 undone = max(undone, ?4), undone_at = coalesce(undone_at, excluded.undone_at)",
            params![did.to_string(), service, order, u32::from(works)],
        )?;
        tx.commit()?;
        if has(Habit::KillsUndo) {
            kill_this_process();
        }
        if keeps || luck < failing {
            return Err(Fail::transient(format!("{service} did not answer")));
        }
        Ok(())
    }
}

fn mark(tx: &Transaction<'_>, what: &str, key: Key) -> es_sqlite::rusqlite::Result<usize> {
    let update = format!("UPDATE effects SET {what} WHERE key = ?1");
    tx.execute(&update, [key.to_string()])
}

impl Outside for FileLedger {
    fn act(&self, service: &'static str, order: &str, key: Key, _: u64) -> Answer<String> {
        if self.behaviour.has(service, Habit::Hangs) {
            return Box::pin(std::future::pending());
        }
        let answer = self.call(service, order, key);
        Box::pin(async move { answer })
    }

    fn undo(&self, service: &'static str, order: &str, _: Key, did: Key) -> Answer<()> {
        let answer = self.take_back(service, order, did);
        Box::pin(async move { answer })
    }
}
