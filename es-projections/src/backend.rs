//! For authors of read databases and of stores: what a crate such as es-sqlite implements and calls.
//! Applications need none of it.
//!
//! - A read database implements [`ReadDatabase`](crate::ReadDatabase) and [`SqlTransaction`]. Its
//!   transaction replaces table names in braces with [`Expansions`] and refuses statements with
//!   [`refuse_end`]. Every [`SqlTransaction`] is an [`ErasedTransaction`], so that portable handlers can use
//!   it.
//! - A store that runs projections inside its appends keeps an [`InlineProjection`] for each. It
//!   [opens](Inlines::open) them in a transaction of its own. In every transaction that appends, it
//!   [catches up](Inlines::catch_up) and then hands over [each append](Inlines::handle).
//!
//! ```
//! use es_projections::Dialect;
//! use es_projections::backend::{Expansions, Names, refuse_end};
//!
//! let mut expansions = Expansions::new(Dialect::Sqlite);
//! expansions.set_names(Names::of_build(2, ["orders"]));
//! let sql = "DELETE FROM {orders}";
//! refuse_end(Dialect::Sqlite, sql)?;
//! assert_eq!(expansions.expand(sql)?, "DELETE FROM orders__b2");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use crate::{
    api::{
        BrokenConstraint, EndsTransaction, ErasedTransaction, Expansions, Job, NameError, Names,
        RolledBack, RowsOfQueries, SqlTransaction, Stops, TransactionError, refuse_end,
    },
    inline::{FeedInside, InlineError, InlineFailure, InlineProjection, Inlines},
    state::schema::create_state,
};
