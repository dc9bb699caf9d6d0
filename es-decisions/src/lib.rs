//! Decisions: commands that read several aggregates, or events of any streams by their tags, and write in one commit.
//!
//! Use one for a rule that an aggregate cannot keep alone: a transfer between two accounts, the seats of a course, a
//! doctor who may leave while another one stays. A rule of one aggregate belongs into its handler.
//!
//! # Example
//!
//! ```
//! use es_decisions::{Decide, Decision, Decisions, Emitted};
//! use es_runtime::{AnyStore, MemoryStore, Repository};
#![doc = include_str!("../docs/account.rs")]
//!
//! #[derive(Decision)]
//! #[decision("transfer", error = Overdrawn, reads(from: Account(from), to: Account(to)))]
//! struct Transfer {
//!     from: String,
//!     to: String,
//!     cents: u64,
//! }
//!
//! impl Decide for Transfer {
//!     fn decide(&self, read: &TransferReads) -> Result<Emitted<Self>, Overdrawn> {
//!         let out = read.from.handle(Withdraw { cents: self.cents })?;
//!         let into = read.to.handle(Deposit { cents: self.cents })?;
//!         Ok(Emitted::new().on(&self.from, out).on(&self.to, into))
//!     }
//! }
//!
//! # futures_executor::block_on(async {
//! let store = AnyStore::new(MemoryStore::new());
//! let accounts: Repository<Account> = Repository::new(store.clone());
//! accounts.execute("alice", Deposit { cents: 100 }).await?;
//!
//! let transfer = Transfer { from: "alice".into(), to: "bob".into(), cents: 30 };
//! let done = Decisions::new(store).execute(transfer).await?;
//! assert_eq!((done.reads.from.cents, done.reads.to.cents), (70, 30));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # Guarantees
//!
//! 1. **All or nothing.** All events are one commit.
//! 2. **What was read is guarded**, also where it gets no event: when the commit happens an aggregate has the version
//!    that was read, and no event came that a fold would see.
//! 3. **A rejection is true of one moment**: all aggregates and folds had the states that were read at the same time.
//! 4. **Repeatable.** With [`Execute::append_id`] a decision counts once, however often it is sent.
//!
//! # Where to look
//!
//! | You want to | Look at |
//! |---|---|
//! | define a decision | [`Decision`](derive@Decision), [`Decide`], [`Emitted`] |
//! | decide on events with tags, whatever their streams are | [`Fold`](derive@Fold), [`Emitted::event`], [`Emits`] |
//! | execute it | [`Decisions`], [`Decided`] |
//! | make it safe to repeat | [`Execute::append_id`], [`Execute::request`] |
//! | check the version that the caller saw | [`Execute::expect_version`] |
//! | handle errors | [`DecisionError`] |
//! | turn a rule of unique values on for old events | [`turn_on`] |
//! | record tags for old events | [`turn_on_tags`] |
//! | know the version or position of what was read | [`Read`], [`ReadFold`] |

extern crate self as es_decisions;

#[doc(hidden)]
pub mod __private;
mod decision;
mod emitted;
mod error;
mod execute;
mod fold;
mod metrics;
mod read;
mod read_fold;
mod readable;
mod repositories;
mod trace;
mod turn_on;
mod turn_on_tags;

pub use decision::{Decide, Decision, Emits, Reads};
pub use emitted::Emitted;
pub use error::DecisionError;
#[cfg(feature = "derive")]
pub use es_macros::{Decision, Fold};
pub use execute::{Decided, Decisions, Execute, Written};
pub use fold::Fold;
#[cfg(feature = "metrics")]
pub use metrics::describe_metrics;
pub use read::{Read, ReadSource};
pub use read_fold::ReadFold;
pub use readable::{Readable, Sees};
pub use turn_on::{TurnOnError, turn_on};
pub use turn_on_tags::{TagsOn, turn_on_tags};
