//! The account as evento has it: an aggregate of events, and projections that load its state.

use evento::{Executor, metadata::Event, projection::Projection};

#[evento::aggregate]
pub(crate) enum Ledger {
    Opened {
        owner: String,
        currency: String,
        reference: String,
        at: i64,
    },
    Deposited {
        amount: i64,
        currency: String,
        reference: String,
        at: i64,
    },
    Withdrawn {
        amount: i64,
        currency: String,
        reference: String,
        at: i64,
    },
}

/// Without a snapshot.
#[evento::projection]
#[evento::snapshot(none)]
pub(crate) struct View {
    pub owner: String,
    pub balance: i64,
    pub events: u64,
    pub last_at: i64,
}

/// With one.
#[evento::projection(bitcode::Encode, bitcode::Decode)]
pub(crate) struct Kept {
    pub owner: String,
    pub balance: i64,
    pub events: u64,
    pub last_at: i64,
}

macro_rules! handlers {
    ($view:ident, $opened:ident, $deposited:ident, $withdrawn:ident) => {
        #[evento::handler]
        async fn $opened(event: Event<Opened>, view: &mut $view) -> anyhow::Result<()> {
            event.data.owner.clone_into(&mut view.owner);
            view.last_at = event.data.at;
            view.events += 1;
            Ok(())
        }

        #[evento::handler]
        async fn $deposited(event: Event<Deposited>, view: &mut $view) -> anyhow::Result<()> {
            view.balance += event.data.amount;
            view.last_at = event.data.at;
            view.events += 1;
            Ok(())
        }

        #[evento::handler]
        async fn $withdrawn(event: Event<Withdrawn>, view: &mut $view) -> anyhow::Result<()> {
            view.balance -= event.data.amount;
            view.last_at = event.data.at;
            view.events += 1;
            Ok(())
        }
    };
}

handlers!(View, opened, deposited, withdrawn);
handlers!(Kept, kept_opened, kept_deposited, kept_withdrawn);

pub(crate) async fn load<E: Executor>(executor: &E, id: &str) -> anyhow::Result<Option<View>> {
    Projection::<_, View>::new::<Ledger>()
        .handler(opened())
        .handler(deposited())
        .handler(withdrawn())
        .load(id)
        .execute(executor)
        .await
}

pub(crate) async fn load_snapshot<E: Executor>(
    executor: &E,
    id: &str,
) -> anyhow::Result<Option<Kept>> {
    Projection::<_, Kept>::new::<Ledger>()
        .handler(kept_opened())
        .handler(kept_deposited())
        .handler(kept_withdrawn())
        .load(id)
        .execute(executor)
        .await
}
