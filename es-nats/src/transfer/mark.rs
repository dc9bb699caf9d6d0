//! What the metadata of the stream says about a move: of which store it is a copy, and whether it is whole.

use super::Transfer;
use crate::{
    connect::{COPY_OF, FILLING, STORE_ID, TAGS_FROM},
    shared::Shared,
};
use es_runtime::StorageError;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// What a stream says about moves of its store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The id of the store that it is a copy of.
    pub copy_of: Option<String>,
    /// Whether it is being filled. No application opens it then.
    pub is_filling: bool,
    /// The sequence from which on messages of tags count, where those before were written anew.
    pub tags_from: Option<u64>,
}

impl Transfer {
    /// What the stream says about moves.
    ///
    /// # Errors
    /// The server does not answer in time.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn marked(&self) -> Result<Mark, StorageError> {
        let _open = self.shared.enter().await?;
        let info = self.shared.wire.info().await?;
        let metadata = &info.config.metadata;
        Ok(Mark {
            copy_of: metadata.get(COPY_OF).cloned(),
            is_filling: metadata.contains_key(FILLING),
            tags_from: tags_from(metadata),
        })
    }

    /// Says this about moves. A store that is being filled is opened only with
    /// [`NatsOptions::filling`](crate::NatsOptions::filling). A program that has it open goes on: stop it first.
    ///
    /// # Errors
    /// The server does not answer in time, or does not change the stream.
    ///
    /// # Cancel safety
    /// It is said or not.
    pub async fn mark(&self, mark: &Mark) -> Result<(), StorageError> {
        let _open = self.shared.enter_to_write().await?;
        self.shared.set_metadata(mark).await?;
        self.shared.tags_count_from(mark.tags_from);
        Ok(())
    }

    /// The id of the store.
    pub fn store_id(&self) -> &str {
        &self.shared.identity.store_id
    }
}

/// From which sequence on messages of tags count, by the metadata of the stream.
pub(crate) fn tags_from(metadata: &HashMap<String, String>) -> Option<u64> {
    metadata.get(TAGS_FROM)?.parse().ok()
}

impl Shared {
    async fn set_metadata(&self, mark: &Mark) -> Result<(), StorageError> {
        // The configuration as the server has it, whatever this client knows of it.
        let body = json!({});
        let info: Map<String, Value> = self.wire.in_time(|| self.wire.info_once(&body)).await?;
        let mut config = info.get("config").cloned().unwrap_or_default();
        let Some(metadata) = config.get_mut("metadata").and_then(Value::as_object_mut) else {
            let what = format!(
                "stream {} has no `{STORE_ID}` any more",
                self.subjects.name()
            );
            return Err(StorageError::new(
                es_runtime::StorageErrorKind::Corrupt,
                what,
            ));
        };
        metadata.remove(FILLING);
        metadata.remove(COPY_OF);
        metadata.remove(TAGS_FROM);
        if mark.is_filling {
            metadata.insert(FILLING.to_owned(), "true".into());
        }
        if let Some(id) = &mark.copy_of {
            metadata.insert(COPY_OF.to_owned(), id.as_str().into());
        }
        if let Some(sequence) = mark.tags_from {
            metadata.insert(TAGS_FROM.to_owned(), sequence.to_string().into());
        }
        let _: Map<String, Value> = self.wire.api_in_time("STREAM.UPDATE", &config).await?;
        Ok(())
    }
}
