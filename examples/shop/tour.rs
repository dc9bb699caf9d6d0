//! The tour: the bundled purchases are imported, and what became of them is shown. On a file, or on three NATS servers
//! whose leader is killed meanwhile.

#[cfg(unix)]
mod cluster;

#[cfg(unix)]
pub use cluster::on_a_cluster;

use crate::{
    SAMPLE,
    db::{Db, Place, Shop},
    domain::OrderId,
    exit_code,
    import::Imported,
    import_from, print_report, progress_bar, report, summarize,
};
use indicatif::ProgressBar;
use std::{
    error::Error,
    fs,
    io::{self, ErrorKind},
    path::PathBuf,
    process::ExitCode,
};

/// The order that the tour shows.
const ORDER: &str = "00004-19970118-2-2973";

pub async fn on_a_file() -> Result<ExitCode, Box<dyn Error>> {
    let db = new_folder()?.join("shop.db");
    println!(
        "Importing the bundled purchases into {}: every line becomes commands to a customer and \
         an order.\n",
        db.display()
    );
    let shop = Place::of(Db::File(db.clone())).create().await?;
    let imported = import(&shop, &progress_bar(SAMPLE.len() as u64)?).await?;
    show(&shop, &imported).await?;
    shop.close().await;
    println!(
        "\nLook around: sqlite3 {} 'select * from events limit 5'",
        db.display()
    );
    Ok(exit_code(&imported))
}

async fn import(shop: &Shop, progress: &ProgressBar) -> Result<Imported, Box<dyn Error>> {
    import_from(shop, SAMPLE.as_bytes(), progress, "the sample").await
}

/// What was imported, the report, and the history of one order.
async fn show(shop: &Shop, imported: &Imported) -> Result<(), Box<dyn Error>> {
    summarize(imported);
    println!("\nThe report, by SQL from tables that were built from the events:\n");
    print_report(shop).await?;
    println!("\nAnd the history behind one row of it:\n");
    report::show(&shop.store, &OrderId(ORDER.into()), &mut io::stdout()).await?;
    Ok(())
}

/// A new folder for what the tour leaves.
fn new_folder() -> io::Result<PathBuf> {
    let mut number = std::process::id();
    loop {
        let folder = std::env::temp_dir().join(format!("shop-tour-{number}"));
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            created => return created.map(|()| folder),
        }
    }
}
