//! What the read models are doing, as a table, and building them anew with a progress bar.

use crate::{db::Shop, report::table};
use comfy_table::CellAlignment;
use es_projections::{Status, WorkerState};
use indicatif::ProgressBar;
use std::{io::Write, time::Duration};

/// One line for each read model, and one more for each that is being built.
pub async fn status(shop: &Shop, out: &mut impl Write) -> Result<(), Box<dyn std::error::Error>> {
    let mut table = table([
        "read model",
        "version",
        "tables",
        "events",
        "behind",
        "seconds",
        "parked",
        "state",
    ]);
    let partitions = shop.read_models().status().await?;
    if partitions.is_empty() {
        writeln!(
            out,
            "There are no read models yet; `shop report` builds them"
        )?;
        return Ok(());
    }
    for partition in partitions {
        let tables = if partition.live {
            "live"
        } else {
            "being built"
        };
        table.add_row([
            partition.projection.to_owned(),
            partition.version.to_string(),
            format!("{tables} ({})", partition.build),
            partition.events.to_string(),
            partition
                .events_behind
                .map_or_else(|| "?".to_owned(), |events| events.to_string()),
            partition
                .behind
                .map_or_else(|| "?".to_owned(), |behind| behind.as_secs().to_string()),
            match partition.parked {
                0 => "0".to_owned(),
                events => format!("{events} of {} keys", partition.parked_keys),
            },
            partition.state.to_string(),
        ]);
    }
    for index in [1, 3, 4, 5, 6] {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    writeln!(out, "{table}")?;
    Ok(())
}

/// Builds every read model anew next to the one that answers. Reports go on meanwhile.
pub async fn rebuild(
    shop: &Shop,
    progress: &ProgressBar,
) -> Result<(), Box<dyn std::error::Error>> {
    const LOOK_EVERY: Duration = Duration::from_millis(50);
    let models = shop.read_models();
    for name in models.names() {
        models.rebuild(name).await?;
    }
    let running = models.start()?;
    let result = loop {
        let partitions = match models.status().await {
            Ok(partitions) => partitions,
            Err(error) => break Err(error.into()),
        };
        let building: Vec<&Status> = partitions
            .iter()
            .filter(|partition| !partition.live)
            .collect();
        let Some(slowest) = building
            .iter()
            .min_by_key(|partition| partition.position)
            .filter(|_| !building.is_empty())
        else {
            break Ok(());
        };
        if let WorkerState::Stopped(why) = &slowest.state {
            break Err(why.as_str().into());
        }
        if let (Some(behind), [_, _, all]) = (slowest.events_behind, slowest.head.to_parts()) {
            progress.set_length(all);
            progress.set_position(all.saturating_sub(behind));
        }
        progress.set_message(format!("{} to go", building.len()));
        tokio::time::sleep(LOOK_EVERY).await;
    };
    running.shutdown().await;
    result
}
