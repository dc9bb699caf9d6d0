//! Payment, inventory and shipping in a file of their own, outside of the store and of the process
//! that runs sagas: which keys were applied, which were taken back. They keep to the contract of
//! providers, and fail as often as they are told.

use crate::orders::{Answer, Outside};
use es_runtime::saga::{Fail, Key};
use es_sqlite::rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

/// The books of the three services.
#[derive(Clone)]
pub struct FileLedger {
    file: Arc<Mutex<Connection>>,
    /// Which service never agrees.
    refuses: String,
    /// So many of a hundred calls fail in one way or another.
    failing: u32,
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

impl FileLedger {
    pub fn open(path: &Path, refuses: &str, failing: u32) -> Self {
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
            refuses: refuses.to_owned(),
            failing,
        }
    }

    /// What became of each order.
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

    /// Failures that look random and are the same in every run.
    fn bad_luck(&self, key: Key, calls: u32) -> u32 {
        let calls = calls.to_le_bytes();
        let bytes = key.as_bytes().iter().chain(&calls).copied();
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        u32::try_from((hash >> 20) % 100).expect("small")
    }

    fn call(&self, service: &str, order: &str, key: Key) -> Result<String, Fail> {
        let mut file = self.file.lock().expect("not poisoned");
        let tx = file.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute(
            "INSERT INTO effects (key, service, ord) VALUES (?1, ?2, ?3)
             ON CONFLICT (key) DO UPDATE SET calls = calls + 1",
            params![key.to_string(), service, order],
        )?;
        let (calls, applied, declined, undone): (u32, u32, u32, u32) = tx.query_row(
            "SELECT calls, applied, declined, undone FROM effects WHERE key = ?1",
            [key.to_string()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )?;
        let luck = self.bad_luck(key, calls);
        let reference = format!("{service}-{order}");
        if undone > 0 {
            tx.commit()?;
            return Err(Fail::fatal("taken back before it came"));
        }
        if applied > 0 {
            tx.commit()?;
            return Ok(reference);
        }
        if declined > 0 || service == self.refuses || luck < self.failing / 8 {
            tx.execute(
                "UPDATE effects SET declined = 1 WHERE key = ?1",
                [key.to_string()],
            )?;
            tx.commit()?;
            return Err(Fail::fatal(format!("{service} says no")));
        }
        if luck < self.failing / 2 {
            tx.commit()?;
            return Err(Fail::transient(format!("{service} is out of order")));
        }
        tx.execute(
            "UPDATE effects SET applied = applied + 1 WHERE key = ?1",
            [key.to_string()],
        )?;
        tx.commit()?;
        if luck < self.failing {
            return Err(Fail::transient(format!("the answer of {service} got lost")));
        }
        Ok(reference)
    }

    fn take_back(&self, service: &str, order: &str, key: Key, did: Key) -> Result<(), Fail> {
        let mut file = self.file.lock().expect("not poisoned");
        let tx = file.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let calls: Option<u32> = tx
            .query_row(
                "SELECT undo_calls FROM effects WHERE key = ?1",
                [did.to_string()],
                |row| row.get(0),
            )
            .optional()?;
        let luck = self.bad_luck(key, calls.unwrap_or(0));
        let works = luck >= self.failing / 2;
        tx.execute(
            "INSERT INTO effects (key, service, ord, undone, undo_calls, undone_at)
             VALUES (?1, ?2, ?3, ?4, 1, (SELECT count(*) FROM effects WHERE undone > 0))
             ON CONFLICT (key) DO UPDATE SET undo_calls = undo_calls + 1,
                 undone = max(undone, ?4), undone_at = coalesce(undone_at, excluded.undone_at)",
            params![did.to_string(), service, order, u32::from(works)],
        )?;
        tx.commit()?;
        if luck < self.failing {
            return Err(Fail::transient(format!("{service} did not answer")));
        }
        Ok(())
    }
}

impl Outside for FileLedger {
    fn act(&self, service: &'static str, order: &str, key: Key, _: u64) -> Answer<String> {
        let answer = self.call(service, order, key);
        Box::pin(async move { answer })
    }

    fn undo(&self, service: &'static str, order: &str, key: Key, did: Key) -> Answer<()> {
        let answer = self.take_back(service, order, key, did);
        Box::pin(async move { answer })
    }
}
