//! Work items that were written by a clock that was ahead. Their leases and due times may be far away.

use super::{core::Core, resume::read_again};
use crate::{clock::TOLERANCE, error::SagaError};
use es_runtime::{WorkFilter, WorkQueue, WorkStatus};

/// Ends the leases of such work items, and writes their due times anew. A worker that is still there continues,
/// or is fenced by the next one.
pub(crate) async fn free_what_is_ahead(core: &Core) -> Result<(), SagaError> {
    let mut filter = WorkFilter::of(core.categories());
    filter.status = Some(WorkStatus::Running);
    filter.changed_after = Some(core.store.now().await?.after(TOLERANCE));
    loop {
        let rows = core.store.work_items(&filter).await?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        filter.after = Some(last.instance.clone());
        for row in &rows {
            read_again(core, &row.instance).await?;
        }
    }
}
