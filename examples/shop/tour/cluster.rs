//! The tour on a cluster of NATS servers, whose leader is killed while purchases are imported, and comes back.

use super::{import, new_folder, show};
use crate::{
    SAMPLE,
    db::{Cluster as Address, Db, Place},
    exit_code, progress_bar,
};
use es_testkit::nats::{Cluster, NatsError};
use indicatif::ProgressBar;
use std::{error::Error, path::Path, process::ExitCode, sync::Arc, thread, time::Duration};
use tokio::task::spawn_blocking;

#[path = "../../nats-cluster/start.rs"]
mod start;

pub async fn on_a_cluster() -> Result<ExitCode, Box<dyn Error>> {
    let folder = new_folder()?;
    let data = folder.join("nats");
    let options = Cluster::options().keep_in(&data);
    let cluster = spawn_blocking(move || start::start(&options)).await?;
    let cluster = Arc::new(cluster.map_err(|error| error.to_string())?);
    let address = start::address(&cluster, "SHOP")?;
    println!(
        "Three servers of NATS {} keep the events, in {}. Importing the bundled purchases: every line becomes commands \
         to a customer and an order.\n",
        cluster.version(),
        data.display()
    );
    let read_models = folder.join("read-models.db");
    let place = Place {
        db: Db::Cluster(Address::at(address)),
        read_models: Some(Db::File(read_models.clone())),
    };
    let shop = place.create().await?;
    let progress = progress_bar(SAMPLE.len() as u64)?;
    let killing = spawn_blocking({
        let (cluster, progress) = (Arc::clone(&cluster), progress.clone());
        move || kill_the_leader(&cluster, &progress)
    });
    let imported = import(&shop, &progress).await;
    // Whatever the import did, nobody kills a server after this.
    killing.await??;
    let imported = imported?;
    show(&shop, &imported).await?;
    shop.close().await;
    look_around(&data, &read_models);
    Ok(exit_code(&imported))
}

/// Kills the leader when a third of the purchases was read, and starts it again at two thirds.
fn kill_the_leader(cluster: &Cluster, progress: &ProgressBar) -> Result<(), NatsError> {
    let all = progress.length().unwrap_or_default();
    let reached = |part: u64| {
        while progress.position() < part && !progress.is_finished() {
            thread::sleep(Duration::from_millis(5));
        }
        !progress.is_finished()
    };
    if reached(all / 3) {
        let leader = cluster.wait_leader("SHOP")?;
        cluster.kill(leader)?;
        let name = format!("n{}", leader + 1);
        progress.suspend(|| println!("{name}, the leader, was killed; the others elect a new one"));
        reached(all / 3 * 2);
        cluster.restart(leader)?;
        progress.suspend(|| println!("{name} is back and has what it missed"));
    }
    Ok(())
}

fn look_around(data: &Path, read_models: &Path) {
    println!(
        "\nLook around: sqlite3 {0} 'select * from customers limit 5'\n\
         The servers have ended. `cargo run --example nats-cluster -- --data {1}` starts them again, and says which `--db` the\n\
         shop takes; then `cargo run --example shop -- report --read-models {0} --db '..'`",
        read_models.display(),
        data.display()
    );
}
