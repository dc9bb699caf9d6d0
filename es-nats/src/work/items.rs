//! Lists of work items, and their numbers.
//!
//! What runs or is parked is in the index. Of items that have ended the server has the names, and each is read.

use super::{Known, follow::ITEMS, record};
use crate::shared::Shared;
use es_runtime::{ReadError, StorageError, StreamId, WorkFilter, WorkItem, WorkStatus};
use std::collections::{BTreeMap, BTreeSet};

fn accepts(filter: &WorkFilter, item: &WorkItem) -> bool {
    filter.accepts(&item.instance, item.status)
        && filter.changed_after.is_none_or(|at| item.updated_at > at)
        && item.is_due_before(filter.due_before)
}

/// Whether none of the items that it accepts has ended.
fn is_of_the_index(filter: &WorkFilter) -> bool {
    let is_open = |status| matches!(status, WorkStatus::Running | WorkStatus::Parked);
    filter.due_before.is_some() || filter.status.is_some_and(is_open)
}

impl Shared {
    pub(crate) async fn work_items(&self, filter: &WorkFilter) -> Result<Vec<WorkItem>, ReadError> {
        if filter.at_most == 0 {
            return Ok(Vec::new());
        }
        if let (Some(id), false) = (&filter.id, filter.aggregates.is_empty()) {
            return Ok(self.items_with_id(filter, id).await?);
        }
        if is_of_the_index(filter) {
            self.follow_work().await?;
            let index = self.work.index();
            let items = index.after(filter.after.as_ref()).map(|known| &known.item);
            let items = items.filter(|item| accepts(filter, item));
            return Ok(items.take(filter.at_most).cloned().collect());
        }
        Ok(self.items_by_names(filter).await?)
    }

    async fn items_with_id(
        &self,
        filter: &WorkFilter,
        id: &str,
    ) -> Result<Vec<WorkItem>, StorageError> {
        let mut items = Vec::new();
        for aggregate in filter.aggregates.iter().collect::<BTreeSet<_>>() {
            let Ok(instance) = StreamId::new(aggregate, id) else {
                continue;
            };
            let known = self.work_item(&instance).await?;
            let item = known.map(|known| known.item);
            items.extend(item.filter(|item| accepts(filter, item)));
        }
        items.truncate(filter.at_most);
        Ok(items)
    }

    async fn items_by_names(&self, filter: &WorkFilter) -> Result<Vec<WorkItem>, StorageError> {
        let end = self.end_of_stream().await?;
        let mut instances = BTreeSet::new();
        for subjects in self.subjects_of_work(&filter.aggregates) {
            let each = |subject: &str| {
                let instance = self.subjects.instance(subject);
                let is_after = |instance: &StreamId| {
                    filter.after.as_ref().is_none_or(|after| instance > after)
                };
                instances.extend(instance.filter(is_after));
            };
            self.each_subject(&subjects, each).await?;
        }
        let mut items: Vec<WorkItem> = Vec::new();
        let instances: Vec<StreamId> = instances.into_iter().collect();
        for some in instances.chunks(ITEMS) {
            let subjects = some.iter().map(|instance| self.subjects.work(instance));
            let subjects: Vec<String> = subjects.collect();
            let mut read = BTreeMap::new();
            for message in self.newest(&subjects, end).await? {
                let Known { item, .. } = record::read(&message, &self.subjects)?;
                read.insert(item.instance.clone(), item);
            }
            let accepted = read.into_values().filter(|item| accepts(filter, item));
            items.extend(accepted);
            if items.len() >= filter.at_most {
                break;
            }
        }
        items.truncate(filter.at_most);
        Ok(items)
    }

    fn subjects_of_work(&self, aggregates: &[String]) -> Vec<String> {
        if aggregates.is_empty() {
            return vec![self.subjects.all_work()];
        }
        let aggregates: BTreeSet<&String> = aggregates.iter().collect();
        let subjects = aggregates.into_iter();
        subjects
            .map(|aggregate| self.subjects.work_of(aggregate))
            .collect()
    }

    pub(crate) async fn work_counts(
        &self,
        aggregates: Vec<String>,
    ) -> Result<Vec<(String, WorkStatus, u64)>, ReadError> {
        // All of each aggregate. Those that are not in the index have ended.
        let mut ended: BTreeMap<String, u64> = BTreeMap::new();
        if aggregates.is_empty() {
            let each = |subject: &str| {
                if let Some(instance) = self.subjects.instance(subject) {
                    let count = ended.entry(instance.aggregate().to_owned()).or_default();
                    *count = count.saturating_add(1);
                }
            };
            self.each_subject(&self.subjects.all_work(), each).await?;
        }
        for aggregate in aggregates {
            let subjects = self.subjects.work_of(&aggregate);
            let count = self.count_subjects(&subjects).await?;
            ended.insert(aggregate, count);
        }
        self.follow_work().await?;
        let mut counts: BTreeMap<(String, &str), (WorkStatus, u64)> = BTreeMap::new();
        for known in self.work.index().after(None) {
            let item = &known.item;
            if let Some(ended) = ended.get_mut(item.instance.aggregate()) {
                *ended = ended.saturating_sub(1);
                let key = (item.instance.aggregate().to_owned(), item.status.as_str());
                let count = counts.entry(key).or_insert((item.status, 0));
                count.1 = count.1.saturating_add(1);
            }
        }
        let open = counts
            .into_iter()
            .map(|((aggregate, _), (status, count))| (aggregate, status, count));
        let ended = ended
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(aggregate, count)| (aggregate, WorkStatus::Done, count));
        Ok(open.chain(ended).collect())
    }
}
