//! A CD shop on real purchases: customers and orders as aggregates, sales as a read model.
//!
//! `cargo run --release --example shop` gives a tour; `--help` says the rest.

#![allow(
    unreachable_pub,
    reason = "what is public in a module is public to the program"
)]

mod domain;
mod import;
mod purchases;
mod read;
mod report;
mod status;

use clap::{Parser, Subcommand};
use domain::{CustomerId, OrderId};
use es_sqlite::SqliteStore;
use import::Imported;
use indicatif::{ProgressBar, ProgressStyle};
use read::{OrderQueryService, read_models};
use std::{
    error::Error,
    fs::{self, File},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

/// The bundled purchases; `data/README.md` says where they come from.
const SAMPLE: &str = include_str!("../data/cdnow_sample.txt");
/// The order that the tour shows.
const TOUR_ORDER: &str = "00004-19970118-2-2973";

/// An event-sourced CD shop on real purchases. Without a command it gives a tour.
#[derive(Parser)]
#[command(
    name = "shop",
    after_help = "Exit codes: 0 all went well; 1 some lines were left out, the rest was imported; \
                  2 wrong usage; 3 the command failed."
)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Imports the purchases of a CDNOW file. It can be killed and run again at any time.
    Import {
        /// The 5-column sample or the 4-column full file.
        file: PathBuf,
        /// The shop's SQLite file; it is created when it is missing.
        #[arg(long)]
        db: PathBuf,
    },
    /// Prints sales by month, the best customers and the totals.
    Report {
        /// The shop's SQLite file.
        #[arg(long)]
        db: PathBuf,
    },
    /// Prints the orders of one customer.
    Orders {
        /// The customer's id.
        customer: String,
        /// The shop's SQLite file.
        #[arg(long)]
        db: PathBuf,
    },
    /// Prints how far the read models are and what keeps them.
    Status {
        /// The shop's SQLite file.
        #[arg(long)]
        db: PathBuf,
    },
    /// Builds the read models anew beside those that answer. It can be killed and run again.
    Rebuild {
        /// The shop's SQLite file.
        #[arg(long)]
        db: PathBuf,
    },
    /// Prints the history of one order.
    Show {
        /// The order's id.
        id: String,
        /// The shop's SQLite file.
        #[arg(long)]
        db: PathBuf,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Args::parse().command {
        None => tour().await,
        Some(Command::Import { file, db }) => import_file(&file, &db).await,
        Some(Command::Report { db }) => report(&db).await,
        Some(Command::Orders { customer, db }) => orders(CustomerId(customer), &db).await,
        Some(Command::Status { db }) => status(&db).await,
        Some(Command::Rebuild { db }) => rebuild(&db).await,
        Some(Command::Show { id, db }) => show(OrderId(id), &db).await,
    };
    match done {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shop: {error}");
            ExitCode::from(3)
        }
    }
}

/// Whether the reader of our output has left, as `head` does.
fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return io.kind() == io::ErrorKind::BrokenPipe;
        }
        next = error.source();
    }
    false
}

async fn tour() -> Result<ExitCode, Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("shop-tour-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let db = folder.join("shop.db");
    for stale in ["shop.db", "shop.db-wal", "shop.db-shm"] {
        match fs::remove_file(folder.join(stale)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    println!(
        "Importing the bundled purchases into {}: every line becomes commands to a customer and \
         an order.\n",
        db.display()
    );
    let bytes = SAMPLE.len() as u64;
    let store = SqliteStore::open(&db).await?;
    let imported = import_from(&store, SAMPLE.as_bytes(), bytes, "the sample").await?;
    summarize(&imported);
    println!("\nThe report, by SQL from tables that were built from the events:\n");
    print_report(&store).await?;
    println!("\nAnd the history behind one row of it:\n");
    report::show(&store, &OrderId(TOUR_ORDER.into()), &mut io::stdout()).await?;
    store.close().await;
    println!(
        "\nLook around: sqlite3 {} 'select * from events limit 5'",
        db.display()
    );
    Ok(exit_code(&imported))
}

async fn import_file(file: &Path, db: &Path) -> Result<ExitCode, Box<dyn Error>> {
    let name = file.display().to_string();
    let input = File::open(file).map_err(|error| format!("{name}: {error}"))?;
    let bytes = input.metadata().map_or(0, |about| about.len());
    let store = SqliteStore::open(db).await?;
    let imported = import_from(&store, BufReader::new(input), bytes, &name).await?;
    summarize(&imported);
    store.close().await;
    Ok(exit_code(&imported))
}

/// Imports with a progress bar, which shows only where a person watches.
async fn import_from(
    store: &SqliteStore,
    input: impl BufRead,
    bytes: u64,
    name: &str,
) -> Result<Imported, Box<dyn Error>> {
    let style = "{bar:40} {percent:>3} %  {bytes}/{total_bytes}  {eta} left";
    let progress = ProgressBar::new(bytes).with_style(ProgressStyle::with_template(style)?);
    let complain = |what: &str| progress.suspend(|| eprintln!("{name}:{what}"));
    let imported = import::import(store, input, &progress, complain).await;
    progress.finish_and_clear();
    imported.map_err(|error| format!("{name}: {error}").into())
}

fn summarize(imported: &Imported) {
    let Imported {
        new,
        known,
        malformed,
        refused,
    } = imported;
    println!("{new} purchases imported, {known} were already there");
    if *malformed + *refused > 0 {
        println!("{malformed} malformed lines and {refused} refused purchases were left out");
    }
}

fn exit_code(imported: &Imported) -> ExitCode {
    ExitCode::from(u8::from(imported.malformed + imported.refused > 0))
}

async fn report(db: &Path) -> Result<ExitCode, Box<dyn Error>> {
    let store = existing(db).await?;
    print_report(&store).await?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn print_report(store: &SqliteStore) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout();
    report::report(&queries(store).await?, &mut out).await?;
    out.flush()?;
    Ok(())
}

/// The queries, with everything that happened up to now.
async fn queries(store: &SqliteStore) -> Result<OrderQueryService, Box<dyn Error>> {
    let models = read_models(store);
    models.catch_up().await?;
    Ok(OrderQueryService::new(models.read_database().clone()))
}

async fn orders(customer: CustomerId, db: &Path) -> Result<ExitCode, Box<dyn Error>> {
    let store = existing(db).await?;
    report::orders(&queries(&store).await?, &customer, &mut io::stdout()).await?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn status(db: &Path) -> Result<ExitCode, Box<dyn Error>> {
    let store = existing(db).await?;
    status::status(&store, &mut io::stdout()).await?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn rebuild(db: &Path) -> Result<ExitCode, Box<dyn Error>> {
    let store = existing(db).await?;
    let style = "{bar:40} {percent:>3} %  {pos}/{len} events  {per_sec}  {eta} left  {msg}";
    let progress = ProgressBar::new(0).with_style(ProgressStyle::with_template(style)?);
    let rebuilt = status::rebuild(&store, &progress).await;
    progress.finish_and_clear();
    rebuilt?;
    println!("the read models were built anew");
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn show(order: OrderId, db: &Path) -> Result<ExitCode, Box<dyn Error>> {
    let store = existing(db).await?;
    report::show(&store, &order, &mut io::stdout()).await?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Opens a shop that is there; a mistyped path does not make an empty one.
async fn existing(db: &Path) -> Result<SqliteStore, Box<dyn Error>> {
    if !db.exists() {
        let db = db.display();
        return Err(
            format!("{db}: there is no such file; `shop import FILE --db {db}` makes one").into(),
        );
    }
    Ok(SqliteStore::open(db).await?)
}
