//! What queries need to know before they read: the end of the store, which kinds are on, and where tags end.
//!
//! The leader says where the store ends. A replica that has all up to there says the rest. A leader that has lost its
//! place and does not know it yet could miss the newest messages; it does not have that end either, so its answer is not
//! taken.

use crate::{
    record::StoredCommit,
    shared::Shared,
    unique::read_rule,
    wire::{Attempts, StoredMessage},
};
use es_runtime::{
    Position, ReadError, StorageError, StorageErrorKind, TagQuery,
    store::author::{RuleNeeds, RuleState},
};
use futures_util::future::try_join_all;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

/// The store at one moment, as far as some queries need it.
#[derive(Debug)]
pub(super) struct AsOf {
    /// The newest position. The rest is as of then or later.
    pub(super) head: Position,
    pub(super) rules: RuleState,
    /// Names without events.
    pub(super) new: BTreeSet<String>,
    /// The last message of each tag that has one.
    lasts: BTreeMap<String, StoredMessage>,
}

impl AsOf {
    /// # Errors
    /// [`ReadError::TagsNotReady`]: the tags of the query are not recorded for all events.
    pub(super) fn check_ready(&self, query: &TagQuery) -> Result<(), ReadError> {
        match self.rules.not_ready(query) {
            None => Ok(()),
            Some((event, kind)) => Err(ReadError::TagsNotReady {
                event,
                kind,
                reached: Position::START,
                head: self.head,
            }),
        }
    }

    /// The sequence of the last message of a tag, 0 where there is none.
    pub(super) fn last(&self, text: &str) -> u64 {
        self.lasts.get(text).map_or(0, |message| message.sequence)
    }

    /// The tag of a query whose last message is the oldest, with that message. Most queries find nothing after it, and few
    /// other commits write that tag.
    pub(super) fn quietest<'q>(
        &self,
        query: &'q TagQuery,
    ) -> Option<(&'q str, Option<&StoredMessage>)> {
        let quietest = query.texts().min_by_key(|text| self.last(text))?;
        Some((quietest, self.lasts.get(quietest)))
    }
}

impl Shared {
    pub(super) async fn as_of<'q>(
        &self,
        queries: impl IntoIterator<Item = &'q TagQuery>,
    ) -> Result<AsOf, ReadError> {
        let queries: Vec<&TagQuery> = queries.into_iter().collect();
        let (head, newest) = self.newest_commit().await?;
        let mut attempts = self.wire.attempts();
        let [_, end, _] = head.to_parts();
        let texts: BTreeSet<&str> = queries.iter().flat_map(|query| query.texts()).collect();
        let mut lasts = BTreeMap::new();
        // A request for each: an older server walks through all messages between the oldest and the newest of several.
        let found = texts.iter().map(|text| self.last_as_of(text, end));
        for (text, found) in texts.iter().zip(try_join_all(found).await?) {
            lasts.extend(found.map(|message| ((*text).to_owned(), message)));
        }
        let names = queries.iter().flat_map(|query| query.events());
        let names: BTreeSet<&str> = names
            .filter(|name| self.known_rules(name).is_none())
            .collect();
        let missing = texts.iter().filter(|text| !lasts.contains_key(**text));
        let missing: BTreeMap<String, &str> = missing
            .map(|text| (self.subjects.tag(text), *text))
            .collect();
        if !missing.is_empty() || !names.is_empty() {
            let names: BTreeMap<String, &str> = names
                .into_iter()
                .map(|name| (self.subjects.name_of_events(name), name))
                .collect();
            let subjects = missing.keys().chain(names.keys()).map(String::as_str);
            let subjects = subjects.collect();
            let found = self.absent_as_of(subjects, newest.as_ref(), end, &mut attempts);
            for message in found.await? {
                if let Some(text) = missing.get(&message.subject) {
                    lasts.insert((*text).to_owned(), message);
                } else if let Some(name) = names.get(&message.subject) {
                    self.take_rules(name, &message)?;
                }
            }
        }
        let (mut rules, mut new) = (RuleState::default(), BTreeSet::new());
        let pairs = queries.iter().flat_map(|query| query.pairs());
        for (rule, name) in RuleNeeds::default().with_kinds(pairs).rules {
            let known = self.known_rules(name);
            read_rule(&mut rules, &rule, name, known.as_deref());
            if known.is_none() {
                new.insert(name.to_owned());
            }
        }
        if let Some(newest) = &newest {
            self.note_batch(newest);
        }
        Ok(AsOf {
            head,
            rules,
            new,
            lasts,
        })
    }

    /// The last message of a tag, as a replica has it that has all up to `end`. `None` where one has none, which may be
    /// behind.
    async fn last_as_of(
        &self,
        text: &str,
        end: u64,
    ) -> Result<Option<StoredMessage>, StorageError> {
        let subject = self.subjects.tag(text);
        let mut attempts = self.wire.attempts();
        loop {
            let mut lasts = self.wire.lasts(&[&subject]).await?;
            match lasts.up_to {
                None => return Ok(None),
                Some(up_to) if up_to >= end => return Ok(lasts.messages.pop()),
                Some(_) => wait_for_replica(&mut attempts).await?,
            }
        }
    }

    /// The last messages of subjects that may have none. A replica does not say how far it is where none of the
    /// subjects has a message, so it is also asked for one that is there: the record of a name of the newest commit.
    async fn absent_as_of(
        &self,
        mut subjects: Vec<&str>,
        newest: Option<&StoredCommit>,
        end: u64,
        attempts: &mut Attempts,
    ) -> Result<Vec<StoredMessage>, ReadError> {
        let Some(newest) = newest else {
            // Nothing is said about an empty store.
            return Ok(self.wire.lasts(&subjects).await?.messages);
        };
        let mut proof = String::new();
        let _ = newest.each(|event| {
            proof = self.subjects.name_of_events(event.name());
            ControlFlow::Break(())
        })?;
        subjects.push(&proof);
        loop {
            let lasts = self.wire.lasts(&subjects).await?;
            if lasts.up_to.is_some_and(|up_to| up_to >= end) {
                return Ok(lasts.messages);
            }
            wait_for_replica(attempts).await?;
        }
    }
}

/// Waits until a replica may have caught up.
pub(super) async fn wait_for_replica(attempts: &mut Attempts) -> Result<(), StorageError> {
    if attempts.again().await {
        return Ok(());
    }
    let what = "the replica that answers does not catch up with the leader";
    Err(StorageError::new(StorageErrorKind::Unreachable, what))
}
