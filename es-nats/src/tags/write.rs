//! The messages of the tags of a commit.

use super::{
    Compared,
    stored::{Body, Line},
};
use crate::{message, shared::Shared, wire::Outgoing};
use async_nats::HeaderMap;
use es_runtime::{Append, EventId, StorageError, StorageErrorKind, store::author::RuleState};
use std::collections::BTreeMap;

impl Shared {
    /// One message for each tag of these appends, whose commits come directly after them in this order. A tag that is
    /// compared is compared by its own message, and is taken out of `compared`. The others expect nothing, so commits with
    /// one tag do not stand in each other's way.
    ///
    /// # Errors
    /// [`StorageErrorKind::Unsupported`]: a tag has so many events that its message is larger than the server accepts.
    pub(crate) fn tag_messages<'a>(
        &self,
        appends: impl IntoIterator<Item = &'a Append>,
        rules: &RuleState,
        compared: &mut Compared,
        write: EventId,
    ) -> Result<Vec<Outgoing>, StorageError> {
        let mut of_tag: BTreeMap<String, Body> = BTreeMap::new();
        for (append, commit) in appends.into_iter().zip(0..) {
            for (event, number) in append.events.iter().zip(1..) {
                let texts = rules.tags_of(event);
                for text in &texts {
                    let others = texts.iter().filter(|other| *other != text);
                    let line = Line {
                        offset: commit,
                        commit: None,
                        number,
                        event: event.name.to_string(),
                        with: others.cloned().collect(),
                    };
                    of_tag.entry(text.clone()).or_default().events.push(line);
                }
            }
        }
        let mut left = u64::try_from(of_tag.len()).unwrap_or(u64::MAX);
        let limit = self.wire.largest_body();
        let messages = of_tag.into_iter().map(|(text, mut body)| {
            for line in &mut body.events {
                line.offset = line.offset.saturating_add(left);
            }
            left = left.saturating_sub(1);
            let subject = self.subjects.tag(&text);
            let expected = compared.subjects.remove(&subject);
            let sequence = expected.unwrap_or_default();
            let message = message::of_record("a tag", &body, subject, sequence, write)?;
            if message.body.len() > limit {
                let what =
                    "too many events of one commit have the same tag; append them in several parts";
                return Err(StorageError::new(StorageErrorKind::Unsupported, what));
            }
            let headers = expected.map_or_else(HeaderMap::new, |_| message.headers);
            Ok(Outgoing { headers, ..message })
        });
        messages.collect()
    }
}
