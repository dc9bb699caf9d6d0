//! `shop saga ..`: orders from the web are fulfilled by a saga over three services, and settled by a
//! process manager.

pub mod fulfil;
mod run;
pub mod services;
pub mod settle;

pub use run::{Load, run};

use crate::{
    db::{Place, Shop},
    report::table,
};
use clap::Subcommand;
use es_runtime::Aggregate;
use es_runtime::WorkStatus;
use es_sagas::{Saga, Sagas, Verb};
pub use fulfil::FulfilOrder;
use services::Services;
pub use settle::Settlement;
use std::{
    error::Error,
    io::{self, Write},
    net::SocketAddr,
};

const FULFIL: &str = FulfilOrder::NAME;
const SETTLE: &str = Settlement::NAME;

/// One of the two.
#[derive(clap::Args)]
pub struct Which {
    /// The saga that fulfils orders, or the process manager that settles them.
    #[arg(long = "saga", default_value = FULFIL, value_parser = [FULFIL, SETTLE])]
    name: String,
}

/// What can be done with sagas.
#[derive(Subcommand)]
pub enum SagaCommand {
    /// Places orders and fulfils them, by workers that are killed on request, over services that
    /// fail; then compares the ledgers. Makes the shop where it is missing.
    Run {
        #[command(flatten)]
        load: Load,
        #[command(flatten)]
        shop: Place,
    },
    /// Works on sagas until it is killed; `run` starts it.
    #[command(hide = true)]
    Work {
        /// Payment, inventory and shipping.
        #[arg(long, num_args = 3)]
        services: Vec<SocketAddr>,
        #[command(flatten)]
        shop: Place,
    },
    /// Lists sagas.
    List {
        /// Only those that wait for an operator.
        #[arg(long)]
        parked: bool,
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        shop: Place,
    },
    /// Prints the history of one saga, and where it stands as a Mermaid diagram.
    Show {
        /// The order's id.
        id: String,
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        shop: Place,
    },
    /// Tries what failed again.
    Retry {
        #[command(flatten)]
        repair: Repair,
    },
    /// Counts the step, or the undo, that the saga is at as done without a call.
    SkipStep {
        /// The step.
        #[arg(long)]
        step: String,
        #[command(flatten)]
        repair: Repair,
    },
    /// Counts the step that the saga is at as done with this output.
    CompleteWith {
        /// The step.
        #[arg(long)]
        step: String,
        /// Its output as JSON.
        #[arg(long)]
        output: serde_json::Value,
        #[command(flatten)]
        repair: Repair,
    },
    /// Undoes everything.
    Unwind {
        #[command(flatten)]
        repair: Repair,
    },
    /// Ends the saga as it is.
    Abandon {
        #[command(flatten)]
        repair: Repair,
    },
}

/// Which saga, who, and why.
#[derive(clap::Args)]
pub struct Repair {
    /// The order's id.
    id: String,
    #[command(flatten)]
    which: Which,
    /// Who does this.
    #[arg(long)]
    by: String,
    /// Why.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    shop: Place,
}

impl SagaCommand {
    pub const fn place(&self) -> &Place {
        match self {
            Self::Run { shop, .. }
            | Self::Work { shop, .. }
            | Self::List { shop, .. }
            | Self::Show { shop, .. } => shop,
            Self::Retry { repair }
            | Self::SkipStep { repair, .. }
            | Self::CompleteWith { repair, .. }
            | Self::Unwind { repair }
            | Self::Abandon { repair } => &repair.shop,
        }
    }
}

/// The sagas of a shop.
pub fn sagas(shop: &Shop, services: Services) -> Sagas {
    // A worker that was killed is replaced soon, in an example.
    let lease = std::time::Duration::from_secs(1);
    Sagas::new(shop.store.clone())
        .lease(lease)
        .with::<FulfilOrder>(services)
        .with_process_manager::<Settlement>()
}

/// Works until it is killed.
pub async fn work(shop: &Shop, services: &[SocketAddr]) -> Result<(), Box<dyn Error>> {
    let &[payment, inventory, shipping] = services else {
        return Err("there are three services".into());
    };
    let services = Services::at([payment, inventory, shipping]);
    let _running = sagas(shop, services).start().await?;
    std::future::pending().await
}

/// Everything that looks and repairs.
pub async fn operate(shop: &Shop, command: SagaCommand) -> Result<(), Box<dyn Error>> {
    let sagas = sagas(shop, Services::nowhere());
    let mut out = io::stdout();
    let (verb, repair) = match command {
        SagaCommand::List { parked, which, .. } => return list(&sagas, &which.name, parked).await,
        SagaCommand::Show { id, which, .. } if which.name == SETTLE => {
            return show_settlement(&sagas, &id).await;
        }
        SagaCommand::Show { id, .. } => return show(&sagas, &id).await,
        SagaCommand::Run { .. } | SagaCommand::Work { .. } => return Ok(()),
        SagaCommand::Retry { repair } => (Verb::Retry {}, repair),
        SagaCommand::SkipStep { step, repair } => (Verb::Skip { step }, repair),
        SagaCommand::CompleteWith {
            step,
            output,
            repair,
        } => (Verb::CompleteWith { step, output }, repair),
        SagaCommand::Unwind { repair } => (Verb::Unwind {}, repair),
        SagaCommand::Abandon { repair } => (Verb::Abandon {}, repair),
    };
    let done = verb.name();
    let name = &repair.which.name;
    sagas
        .repair(name, &repair.id, verb, &repair.by, &repair.reason)
        .await?;
    writeln!(out, "{done}: {}", repair.id)?;
    Ok(())
}

async fn list(sagas: &Sagas, name: &str, parked: bool) -> Result<(), Box<dyn Error>> {
    let status = parked.then_some(WorkStatus::Parked);
    let mut table = table(["order", "status", "at", "why", "claims"]);
    let mut after = None;
    loop {
        let rows = sagas.list(Some(name), status, after).await?;
        for row in &rows {
            table.add_row([
                row.instance.id(),
                row.status.as_str(),
                &row.phase,
                row.reason.as_deref().unwrap_or_default(),
                &row.epoch.to_string(),
            ]);
        }
        after = rows.next;
        if after.is_none() {
            break;
        }
    }
    writeln!(io::stdout(), "{table}")?;
    Ok(())
}

async fn show(sagas: &Sagas, id: &str) -> Result<(), Box<dyn Error>> {
    let saga = sagas.show(FULFIL, id).await?;
    let mut out = io::stdout();
    for (at, event) in &saga.history {
        writeln!(out, "{at}  {event:?}")?;
    }
    if let Some(diagram) = saga.mermaid {
        writeln!(out, "\n{diagram}")?;
    }
    Ok(())
}

async fn show_settlement(sagas: &Sagas, id: &str) -> Result<(), Box<dyn Error>> {
    let settlement = sagas.show_process(SETTLE, id).await?;
    let mut out = io::stdout();
    for (at, step) in &settlement.history {
        writeln!(out, "{at}  {step:?}")?;
    }
    for (name, at) in &settlement.state.timers {
        writeln!(out, "\ntimer {name} runs out at {at}")?;
    }
    Ok(())
}
