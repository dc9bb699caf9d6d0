//! A CD shop on real purchases: customers and orders as aggregates, sales as a read model.
//!
//! `cargo run --example shop` gives a tour; `--help` says the rest.

#![allow(
    unreachable_pub,
    reason = "what is public in a module is public to the program"
)]

#[cfg(test)]
mod catalogue;
mod credit;
mod db;
mod domain;
mod email;
mod import;
mod purchases;
mod read;
mod report;
mod saga;
#[cfg(test)]
mod simulation;
mod status;
mod tour;

use clap::{Parser, Subcommand};
use credit::CreditCommand;
use db::{Place, Shop};
use domain::{CustomerId, OrderId};
use es_projections::AnyReadDatabase;
use import::Imported;
use indicatif::{ProgressBar, ProgressStyle};
use saga::SagaCommand;
use std::{
    error::Error,
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

/// The bundled purchases; `data/README.md` says where they come from.
const SAMPLE: &str = include_str!("../data/cdnow_sample.txt");

/// An event-sourced CD shop on real purchases. Without a command it gives a tour.
#[derive(Parser)]
#[command(
    name = "shop",
    args_conflicts_with_subcommands = true,
    after_help = "Exit codes: 0 all went well; 1 some lines were left out, the rest was imported; \
                  2 wrong usage; 3 the command failed."
)]
struct Args {
    /// Gives the tour on three NATS servers on this machine. The leader is killed on the way, and comes back.
    #[cfg(unix)]
    #[arg(long)]
    cluster: bool,
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

impl Command {
    const fn place(&self) -> &Place {
        match self {
            Self::Import { shop, .. }
            | Self::Report { shop }
            | Self::Orders { shop, .. }
            | Self::Status { shop }
            | Self::Rebuild { shop }
            | Self::Show { shop, .. }
            | Self::Email { shop, .. } => shop,
            Self::Credit(command) => command.place(),
            Self::Saga(command) => command.place(),
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.command {
        #[cfg(unix)]
        None if args.cluster => tour::on_a_cluster().await,
        None => tour::on_a_file().await,
        Some(command) => {
            let place = command.place().clone();
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
async fn run(command: Command, place: &Place) -> Result<ExitCode, Box<dyn Error>> {
    if let Command::Import { file, .. } = &command {
        return import_file(file, place).await;
    }
    if let Command::Saga(SagaCommand::Run { load, .. }) = &command {
        let shop = place.create().await?;
        saga::run(&shop, place, load).await?;
        shop.close().await;
        return Ok(ExitCode::SUCCESS);
    }
    let shop = place.existing().await?;
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

async fn import_file(file: &Path, place: &Place) -> Result<ExitCode, Box<dyn Error>> {
    let name = file.display().to_string();
    // Before the shop: a mistyped name makes none.
    let input = File::open(file).map_err(|error| format!("{name}: {error}"))?;
    let bytes = input.metadata().map_or(0, |about| about.len());
    let progress = progress_bar(bytes)?;
    let shop = place.create().await?;
    let imported = import_from(&shop, BufReader::new(input), &progress, &name).await?;
    summarize(&imported);
    shop.close().await;
    Ok(exit_code(&imported))
}

/// A bar for so many bytes, which shows only where a person watches.
fn progress_bar(bytes: u64) -> Result<ProgressBar, Box<dyn Error>> {
    let style = "{bar:40} {percent:>3} %  {bytes}/{total_bytes}  {eta} left";
    Ok(ProgressBar::new(bytes).with_style(ProgressStyle::with_template(style)?))
}

async fn import_from(
    shop: &Shop,
    input: impl BufRead,
    progress: &ProgressBar,
    name: &str,
) -> Result<Imported, Box<dyn Error>> {
    let complain = |what: &str| progress.suspend(|| eprintln!("{name}:{what}"));
    let imported = import::import(&shop.store, input, progress, complain).await;
    progress.finish_and_clear();
    imported.map_err(|error| format!("{name}: {error}").into())
}

fn summarize(imported: &Imported) {
    let Imported {
        new,
        known,
        malformed,
        rejected,
    } = imported;
    println!("{new} purchases imported, {known} were already there");
    if *malformed + *rejected > 0 {
        println!("{malformed} malformed lines and {rejected} rejected purchases were left out");
    }
}

fn exit_code(imported: &Imported) -> ExitCode {
    ExitCode::from(u8::from(imported.malformed + imported.rejected > 0))
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
