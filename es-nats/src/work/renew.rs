//! Renewals of leases.

use super::{Known, record};
use crate::{errors, publish::Placed, shared::Shared};
use es_runtime::{Claimed, EventId, StorageError};
use std::{sync::Arc, time::Duration};

impl Shared {
    pub(crate) async fn renew(
        self: &Arc<Self>,
        claimed: &Claimed,
        lease: Duration,
    ) -> Result<bool, StorageError> {
        let instance = &claimed.instance;
        let mut attempts = self.wire.attempts();
        let remembered = self.work.index().get(instance).cloned();
        let mut known = remembered.filter(|known| known.item.epoch == claimed.epoch);
        loop {
            let found = match known.take() {
                Some(known) => Some(known),
                None => self.work_item(instance).await?,
            };
            let Some(Known { sequence, mut item }) = found else {
                return Ok(false);
            };
            if item.epoch != claimed.epoch {
                return Ok(false);
            }
            let now = self.now().await?;
            item.lease_until = Some(now.after(lease));
            item.updated_at = now;
            let id = EventId::new();
            let message = record::message(&self.subjects, &item, sequence, id)?;
            let placed = self.place(vec![message], id, &mut attempts).await;
            match placed.map_err(|unwritten| unwritten.error)? {
                Placed::At(sequence) => {
                    self.work.took(Known { sequence, item });
                    return Ok(true);
                }
                Placed::Moved if attempts.again().await => {}
                Placed::Moved => return Err(errors::always_late()),
            }
        }
    }
}
