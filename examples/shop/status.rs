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
        let (done, all) = progress_of(slowest, &partitions);
        progress.set_length(all);
        progress.set_position(done);
        progress.set_message(format!("{} to go", building.len()));
        tokio::time::sleep(LOOK_EVERY).await;
    };
    running.shutdown().await;
    result
}

/// How many events a build was given, and of how many. Positions of a cluster do not count events, so there the events that the
/// live build was given are all.
fn progress_of(building: &Status, all: &[Status]) -> (u64, u64) {
    if let (Some(behind), [_, _, head]) = (building.events_behind, building.head.to_parts()) {
        return (head.saturating_sub(behind), head);
    }
    let of = |live: bool| {
        let own = all
            .iter()
            .filter(|status| status.projection == building.projection && status.live == live);
        own.map(|status| status.events).sum::<u64>()
    };
    (of(false), of(true).max(of(false)))
}

#[cfg(test)]
mod tests {
    use super::{Shop, Status, progress_of};
    use crate::{
        db::{Cluster, Db, Place},
        import::import,
    };
    use indicatif::ProgressBar;

    /// What the slowest build was given, for each read model that is being built.
    async fn progress(shop: &Shop) -> Vec<(u64, u64)> {
        let all = shop.read_models().status().await.expect("is read");
        let building: Vec<&Status> = all.iter().filter(|status| !status.live).collect();
        building
            .iter()
            .map(|build| progress_of(build, &all))
            .collect()
    }

    async fn shows_progress(place: Place) {
        let shop = place.create().await.expect("opens");
        let purchases = " 00004 0001 19970101  2   29.33\n 00021 0002 19970101  3   63.34\n";
        let hidden = ProgressBar::hidden();
        let done = import(&shop.store, purchases.as_bytes(), &hidden, |_| {}).await;
        assert_eq!(done.expect("imported").new, 2);
        let models = shop.read_models();
        models.catch_up().await.expect("built");
        assert_eq!(progress(&shop).await, []);
        for name in models.names() {
            models.rebuild(name).await.expect("asked");
        }
        let all = progress(&shop).await;
        assert_eq!(all.len(), models.names().count());
        assert!(
            all.iter().all(|(done, of)| *done == 0 && *of > 0),
            "{all:?}"
        );
        shop.close().await;
    }

    #[tokio::test]
    async fn a_rebuild_shows_of_how_many_events() {
        let folder = tempfile::tempdir().expect("a folder");
        shows_progress(Place::of(Db::File(folder.path().join("shop.db")))).await;
    }

    /// The positions of a cluster do not count events.
    #[tokio::test]
    #[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
    async fn a_rebuild_shows_of_how_many_events_on_a_cluster() {
        let server = es_testkit::nats::Cluster::shared_node().expect("a server");
        let folder = tempfile::tempdir().expect("a folder");
        let address = format!("{}/PROGRESS?one-replica&unchecked-syncs", server.url());
        shows_progress(Place {
            db: Db::Cluster(Cluster::at(address)),
            read_models: Some(Db::File(folder.path().join("read.db"))),
        })
        .await;
    }
}
