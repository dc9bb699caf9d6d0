//! Counts what became of the commits: what is stored, compared with the answers that the writers got.

use super::{seats::SEATS, writers::Ledger};
use std::collections::{HashMap, HashSet};

/// A stored message, as the bare client reads it.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) sequence: u64,
    pub(super) subject: String,
    /// The sequence that its writer expected of its subject.
    pub(super) expected: Option<u64>,
    /// The commits in it.
    pub(super) ids: Vec<String>,
    /// The course of which it takes a seat.
    pub(super) course: Option<u64>,
}

/// The commits of a payload: each begins with a text `"w3-17/0"`, however the payload is encoded around it.
pub(super) fn ids_in(payload: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(payload);
    let mut ids = Vec::new();
    for (at, _) in text.match_indices("/0") {
        let before = &text[..at];
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let begin = before.rfind(|c| !is_part(c)).map_or(0, |at| at + 1);
        let id = &before[begin..];
        if id.starts_with('w') && id.contains('-') {
            ids.push(id.to_owned());
        }
    }
    ids
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) acknowledged: usize,
    pub(super) stored: usize,
    /// Acknowledged and not stored.
    pub(super) lost: usize,
    /// Stored more than once.
    pub(super) duplicated: usize,
    /// Stored after another commit than the one that its writer expected.
    pub(super) broken_chains: usize,
    /// Courses with more students than seats.
    pub(super) overbooked: usize,
    /// Positions that no message has.
    pub(super) gaps: usize,
    /// Stored elsewhere than it was acknowledged.
    pub(super) moved: usize,
    /// Without an answer, and stored.
    pub(super) unanswered: usize,
}

impl Found {
    pub(super) fn wrong(&self) -> usize {
        self.lost + self.duplicated + self.broken_chains + self.overbooked + self.gaps + self.moved
    }

    pub(super) fn add(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.stored += other.stored;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.broken_chains += other.broken_chains;
        self.overbooked += other.overbooked;
        self.gaps += other.gaps;
        self.moved += other.moved;
        self.unanswered += other.unanswered;
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "acknowledged": self.acknowledged, "stored": self.stored, "lost": self.lost,
            "duplicated": self.duplicated, "broken_chains": self.broken_chains, "overbooked": self.overbooked,
            "gaps": self.gaps, "moved": self.moved, "unanswered": self.unanswered,
        })
    }
}

/// Compares the messages with the answers.
pub(super) fn count(ledger: &Ledger, messages: &[Message]) -> Found {
    let mut times: HashMap<&str, usize> = HashMap::new();
    let mut last: HashMap<&str, u64> = HashMap::new();
    let mut seats: HashMap<u64, usize> = HashMap::new();
    let mut found = Found {
        acknowledged: ledger.acknowledged.len(),
        ..Found::default()
    };
    let mut sequence = messages.first().map_or(0, |first| first.sequence - 1);
    for message in messages {
        found.gaps += usize::from(message.sequence != sequence + 1);
        sequence = message.sequence;
        // What holds no commit of the writers is the store's own, with rules of its own.
        if message.ids.is_empty() {
            continue;
        }
        for id in &message.ids {
            *times.entry(id).or_default() += 1;
            let acked = ledger.acknowledged.get(id);
            found.moved += usize::from(acked.is_some_and(|acked| *acked != sequence));
        }
        if let Some(course) = message.course {
            *seats.entry(course).or_default() += 1;
        }
        let before = last.insert(&message.subject, sequence).unwrap_or(0);
        found.broken_chains += usize::from(message.expected != Some(before));
    }
    found.overbooked = seats.values().filter(|seats| **seats > SEATS).count();
    found.stored = times.len();
    found.duplicated = times.values().filter(|times| **times > 1).count();
    let is_lost = |id: &&String| !times.contains_key(id.as_str());
    found.lost = ledger.acknowledged.keys().filter(is_lost).count();
    let answered: HashSet<&str> = ledger.acknowledged.keys().map(String::as_str).collect();
    found.unanswered = times.keys().filter(|id| !answered.contains(*id)).count();
    found
}
