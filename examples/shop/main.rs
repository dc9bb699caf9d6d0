//! A CD shop on real purchases: customers and orders as aggregates, sales as a read model.
//!
//! `cargo run --release --example shop` gives a tour; `--help` says the rest.

#![allow(
    unreachable_pub,
    reason = "what is public in a module is public to the program"
)]

mod credit;
mod db;
mod domain;
mod email;
mod import;
mod purchases;
mod read;
mod report;
mod saga;
mod status;

use clap::{Parser, Subcommand};
use credit::CreditCommand;
use db::{Db, Shop};
use domain::{CustomerId, OrderId};
use es_projections::AnyReadDatabase;
use import::Imported;
use indicatif::{ProgressBar, ProgressStyle};
use saga::SagaCommand;
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
        #[command(flatten)]
        shop: Place,
    },
    /// Prints sales by month, the best customers and the totals.
    Report {
        #[command(flatten)]
        shop: Place,
    },
    /// Prints the orders of one customer.
    Orders {
        /// The customer's id.
        customer: String,
        #[command(flatten)]
        shop: Place,
    },
    /// Prints how far the read models are and what keeps them.
    Status {
        #[command(flatten)]
        shop: Place,
    },
    /// Builds the read models anew next to those that answer. It can be killed and run again.
    Rebuild {
        #[command(flatten)]
        shop: Place,
    },
    /// Prints the history of one order.
    Show {
        /// The order's id.
        id: String,
        #[command(flatten)]
        shop: Place,
    },
    /// Sets the e-mail address of a customer. Two customers never have the same one.
    Email {
        /// The customer's id.
        customer: String,
        /// The address.
        address: String,
        #[command(flatten)]
        shop: Place,
    },
    /// Gives store credit to customers and sends it between them.
    #[command(subcommand)]
    Credit(CreditCommand),
    /// Fulfils orders from the web, looks at sagas and repairs them.
    #[command(subcommand)]
    Saga(SagaCommand),
}

#[derive(clap::Args)]
struct Place {
    /// The shop's SQLite file, or its PostgreSQL database as `postgres://user@host/database` or
    /// `"host=.. user=.. dbname=.."`. `import` makes the file, or the tables, where they are missing.
    #[arg(long)]
    db: Db,
}

impl Command {
    fn db(&self) -> Db {
        match self {
            Self::Import { shop, .. }
            | Self::Report { shop }
            | Self::Orders { shop, .. }
            | Self::Status { shop }
            | Self::Rebuild { shop }
            | Self::Show { shop, .. }
            | Self::Email { shop, .. } => shop.db.clone(),
            Self::Credit(command) => command.db(),
            Self::Saga(command) => command.db(),
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Args::parse().command {
        None => tour().await,
        Some(command) => {
            let place = command.db();
            run(command, &place).await
        }
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

/// Does what was asked, in whichever store the shop is.
async fn run(command: Command, place: &Db) -> Result<ExitCode, Box<dyn Error>> {
    if let Command::Import { file, .. } = &command {
        return import_file(file, place).await;
    }
    if let Command::Saga(SagaCommand::Run { load, .. }) = &command {
        let shop = Shop::create(place).await?;
        saga::run(&shop, &place.to_os_string(), load).await?;
        shop.close().await;
        return Ok(ExitCode::SUCCESS);
    }
    let shop = Shop::existing(place).await?;
    let mut out = io::stdout();
    match command {
        // Was done above: it alone makes a shop.
        Command::Import { .. } => {}
        Command::Saga(SagaCommand::Work { services, .. }) => saga::work(&shop, &services).await?,
        Command::Email {
            customer, address, ..
        } => email::set(&shop, customer, address, &mut out).await?,
        Command::Credit(command) => credit::run(&shop, command, &mut out).await?,
        Command::Saga(command) => saga::operate(&shop, command).await?,
        Command::Report { .. } => print_report(&shop).await?,
        Command::Orders { customer, .. } => orders(&shop, &CustomerId(customer)).await?,
        Command::Status { .. } => status::status(&shop, &mut out).await?,
        Command::Rebuild { .. } => rebuild(&shop).await?,
        Command::Show { id, .. } => report::show(&shop.store, &OrderId(id), &mut out).await?,
    }
    shop.close().await;
    Ok(ExitCode::SUCCESS)
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
    let shop = Shop::create(&Db::File(db.clone())).await?;
    let imported = import_from(&shop, SAMPLE.as_bytes(), bytes, "the sample").await?;
    summarize(&imported);
    println!("\nThe report, by SQL from tables that were built from the events:\n");
    print_report(&shop).await?;
    println!("\nAnd the history behind one row of it:\n");
    report::show(&shop.store, &OrderId(TOUR_ORDER.into()), &mut io::stdout()).await?;
    shop.close().await;
    println!(
        "\nLook around: sqlite3 {} 'select * from events limit 5'",
        db.display()
    );
    Ok(exit_code(&imported))
}

async fn import_file(file: &Path, place: &Db) -> Result<ExitCode, Box<dyn Error>> {
    let name = file.display().to_string();
    // Before the shop: a mistyped name makes none.
    let input = File::open(file).map_err(|error| format!("{name}: {error}"))?;
    let bytes = input.metadata().map_or(0, |about| about.len());
    let shop = Shop::create(place).await?;
    let imported = import_from(&shop, BufReader::new(input), bytes, &name).await?;
    summarize(&imported);
    shop.close().await;
    Ok(exit_code(&imported))
}

/// Imports with a progress bar, which shows only where a person watches.
async fn import_from(
    shop: &Shop,
    input: impl BufRead,
    bytes: u64,
    name: &str,
) -> Result<Imported, Box<dyn Error>> {
    let style = "{bar:40} {percent:>3} %  {bytes}/{total_bytes}  {eta} left";
    let progress = ProgressBar::new(bytes).with_style(ProgressStyle::with_template(style)?);
    let complain = |what: &str| progress.suspend(|| eprintln!("{name}:{what}"));
    let imported = import::import(&shop.store, input, &progress, complain).await;
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

async fn print_report(shop: &Shop) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout();
    report::report(&queries(shop).await?, &mut out).await?;
    out.flush()?;
    Ok(())
}

/// The queries, with everything that happened up to now.
async fn queries(shop: &Shop) -> Result<AnyReadDatabase, Box<dyn Error>> {
    let models = shop.read_models();
    models.catch_up().await?;
    Ok(models.read_database().clone())
}

async fn orders(shop: &Shop, customer: &CustomerId) -> Result<(), Box<dyn Error>> {
    report::orders(&queries(shop).await?, customer, &mut io::stdout()).await?;
    Ok(())
}

async fn rebuild(shop: &Shop) -> Result<(), Box<dyn Error>> {
    let style = "{bar:40} {percent:>3} %  {pos}/{len} events  {per_sec}  {eta} left  {msg}";
    let progress = ProgressBar::new(0).with_style(ProgressStyle::with_template(style)?);
    let rebuilt = status::rebuild(shop, &progress).await;
    progress.finish_and_clear();
    rebuilt?;
    println!("the read models were built anew");
    Ok(())
}
