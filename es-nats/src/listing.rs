//! Which streams there are: the server's list of subjects. It sorts them by their tokens, so all of an aggregate are read
//! and sorted by their ids. The server cannot begin after an id or give a few only, so what comes after a page is kept for
//! the next one.

use crate::shared::Shared;
use es_runtime::{ReadError, StorageError, StreamId};
use serde::Deserialize;
use serde_json::json;
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// A place that no list reaches.
const AFTER_ALL: usize = 1 << 30;
/// The most streams that are kept for the pages after one.
const KEPT: usize = 100_000;
/// Walks through aggregates for which some are kept.
const WALKS: usize = 4;
/// How long they are kept after a page.
const AGE: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Info {
    state: State,
    /// How many subjects there are in all pages.
    #[serde(default)]
    total: usize,
}

#[derive(Deserialize)]
struct State {
    #[serde(default)]
    subjects: Option<HashMap<String, u64>>,
}

/// The streams of an aggregate after one of them, in order.
#[derive(Debug)]
struct Walk {
    aggregate: String,
    after: String,
    rest: VecDeque<StreamId>,
    /// Whether there are no more than these.
    is_whole: bool,
    since: Instant,
}

/// What comes next in walks that are in progress.
#[derive(Debug, Default)]
pub(crate) struct Walks {
    walks: Mutex<Vec<Walk>>,
}

impl Walks {
    fn walks(&self) -> MutexGuard<'_, Vec<Walk>> {
        self.walks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The walk whose next page begins here and is kept.
    fn take(&self, aggregate: &str, after: &str, at_most: usize) -> Option<Walk> {
        let mut walks = self.walks();
        walks.retain(|walk| walk.since.elapsed() < AGE);
        let found = walks.iter().position(|walk| {
            let has_page = walk.is_whole || walk.rest.len() >= at_most;
            has_page && walk.aggregate == aggregate && walk.after == after
        })?;
        Some(walks.remove(found))
    }

    /// Ends a page, and keeps what comes after it.
    fn page(&self, mut walk: Walk, at_most: usize) -> Vec<StreamId> {
        let rest = walk.rest.split_off(at_most.min(walk.rest.len()));
        let page = Vec::from(std::mem::replace(&mut walk.rest, rest));
        // The end is looked for again: there may be new streams.
        if let (Some(last), false) = (page.last(), walk.rest.is_empty()) {
            last.id().clone_into(&mut walk.after);
            walk.since = Instant::now();
            let mut walks = self.walks();
            if walks.len() >= WALKS {
                walks.remove(0);
            }
            walks.push(walk);
        }
        page
    }

    pub(crate) fn clear(&self) {
        self.walks().clear();
    }
}

impl Shared {
    pub(crate) async fn streams(
        &self,
        aggregate: &str,
        after: &str,
        at_most: usize,
    ) -> Result<Vec<StreamId>, ReadError> {
        if aggregate.is_empty() || at_most == 0 {
            return Ok(Vec::new());
        }
        let walk = match self.walks.take(aggregate, after, at_most) {
            Some(walk) => walk,
            None => self.walk(aggregate, after, at_most).await?,
        };
        Ok(self.walks.page(walk, at_most))
    }

    /// Reads the subjects of an aggregate.
    async fn walk(
        &self,
        aggregate: &str,
        after: &str,
        at_most: usize,
    ) -> Result<Walk, StorageError> {
        let mut found: BTreeMap<String, StreamId> = BTreeMap::new();
        let most = at_most.saturating_add(KEPT);
        let mut is_whole = true;
        let each = |subject: &str| {
            let stream = self.subjects.stream(subject);
            if let Some(stream) = stream.filter(|stream| stream.id() > after) {
                found.insert(stream.id().to_owned(), stream);
                if found.len() > most {
                    found.pop_last();
                    is_whole = false;
                }
            }
        };
        self.each_subject(&self.subjects.commits_of(aggregate), each)
            .await?;
        Ok(Walk {
            aggregate: aggregate.to_owned(),
            after: after.to_owned(),
            rest: found.into_values().collect(),
            is_whole,
            since: Instant::now(),
        })
    }

    /// Passes the subjects that match to `each`: one request for each 100,000.
    pub(crate) async fn each_subject(
        &self,
        filter: &str,
        mut each: impl FnMut(&str),
    ) -> Result<(), StorageError> {
        let mut offset: usize = 0;
        loop {
            let info = self.subjects_from(filter, offset).await?;
            let subjects = info.state.subjects.unwrap_or_default();
            let page = subjects.len();
            for subject in subjects.keys() {
                each(subject);
            }
            offset = offset.saturating_add(page);
            if page == 0 || offset >= info.total {
                return Ok(());
            }
        }
    }

    /// How many subjects match.
    pub(crate) async fn count_subjects(&self, filter: &str) -> Result<u64, StorageError> {
        // A page after the last one says how many there are, and names none.
        let info = self.subjects_from(filter, AFTER_ALL).await?;
        Ok(u64::try_from(info.total).unwrap_or(u64::MAX))
    }

    async fn subjects_from(&self, filter: &str, offset: usize) -> Result<Info, StorageError> {
        let body = json!({ "subjects_filter": filter, "offset": offset });
        let info = self.wire.in_time(|| self.wire.info_once(&body)).await;
        info.map_err(StorageError::from)
    }
}
