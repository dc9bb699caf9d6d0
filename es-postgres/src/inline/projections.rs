//! The read models of a store, and the projections that run inside its appends.

use crate::{
    PostgresReadDatabase, PostgresTransaction,
    connection::{Connector, Session},
    errors::storage,
    feed::feed_page,
    identifier::SchemaName,
    inside::inside,
    read_models::ReadSettings,
    rows, schema,
    statements::Statements,
};
use es_projections::backend::{FeedInside, InlineError, InlineProjection, Inlines, Stops};
use es_runtime::{Append, Appended, EventFilter, FeedPage, Position, ReadLimit, StorageError};
use std::time::Duration;

/// How read models are used, as the options say.
#[derive(Clone)]
pub(crate) struct ReadOptions {
    /// As the caller says.
    pub(crate) schema: Option<SchemaName>,
    /// Where the store has a schema of its own.
    derived: Option<SchemaName>,
    pub(crate) connections: usize,
    pub(crate) projections: Vec<InlineProjection<PostgresReadDatabase>>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            schema: None,
            derived: None,
            connections: 8,
            projections: Vec::new(),
        }
    }
}

impl ReadOptions {
    /// Gives the read models of a store in this schema a schema of their own, so that two stores in one
    /// database never share tables.
    pub(crate) fn of_schema(&mut self, schema: &SchemaName) {
        self.derived = (*schema != SchemaName::default()).then(|| schema.of_read_models());
    }

    /// The schema of the read models, `None` for that of the role's `search_path`.
    fn schema(&self) -> Option<&SchemaName> {
        self.schema.as_ref().or(self.derived.as_ref())
    }

    pub(crate) fn search_path(&self) -> Option<String> {
        self.schema().map(SchemaName::quoted)
    }

    /// Whether projections run inside appends.
    pub(crate) fn is_inline(&self) -> bool {
        !self.projections.is_empty()
    }

    pub(crate) fn of_store(self, connector: Connector, busy_timeout: Duration) -> ReadModels {
        ReadModels {
            is_wanted: self.schema.is_some() || self.is_inline(),
            settings: ReadSettings {
                connector,
                schema: self.schema().cloned(),
                connections: self.connections,
                busy_timeout,
                stops: Stops::default(),
            },
            projections: self.projections,
        }
    }
}

/// The read models of a store.
pub(crate) struct ReadModels {
    pub(crate) settings: ReadSettings,
    /// Whether the application named their schema, or has some inside appends.
    is_wanted: bool,
    projections: Vec<InlineProjection<PostgresReadDatabase>>,
}

impl ReadModels {
    /// Makes their schema where it is missing. A store that may have none needs no right to make one.
    pub(crate) async fn prepare(&self, session: &Session) -> Result<(), StorageError> {
        match &self.settings.schema {
            Some(read) if self.is_wanted || schema::may_make_schemas(session).await? => {
                schema::make_schema(session, read).await
            }
            _ => Ok(()),
        }
    }
}

/// The feed, read on the session of the writer.
pub(crate) struct Feed<'a>(pub(crate) &'a Statements);

impl FeedInside<PostgresTransaction> for Feed<'_> {
    async fn page(
        &self,
        tx: &mut PostgresTransaction,
        after: Position,
        limit: ReadLimit,
    ) -> Result<FeedPage, StorageError> {
        let all = EventFilter::all();
        let page = feed_page(tx.session(), self.0, after, &all, limit).await;
        page.map_err(StorageError::from)
    }

    async fn store_id(&self, tx: &mut PostgresTransaction) -> Result<String, StorageError> {
        let rows = tx.session().rows(&self.0.store_id, &[]).await;
        rows::store_id(&rows.map_err(storage)?)
    }
}

/// The projections that run inside appends.
pub(crate) struct Running(Inlines<PostgresReadDatabase>);

impl Running {
    /// Makes the tables and brings them up to date, in one transaction for each projection. Where any of
    /// it fails, the session is dropped and the server rolls back.
    pub(crate) async fn open(
        read: &ReadModels,
        session: Session,
        begin: &str,
        statements: &Statements,
    ) -> Result<(Self, Session), StorageError> {
        let mut opened = Inlines::default();
        let mut session = session;
        for projection in &read.projections {
            let run = |sql| session.client().batch_execute(sql);
            run(begin).await.map_err(storage)?;
            let mut tx = PostgresTransaction::of_store(session);
            inside(opened.open(projection, &mut tx, &Feed(statements))).await?;
            let (after, transient) = tx.into_parts();
            if let Some(error) = transient {
                // A handler failed because of it, and its event must not stay parked.
                return Err(error);
            }
            session = after;
            let commit = session.client().batch_execute("COMMIT");
            commit.await.map_err(storage)?;
        }
        Ok((Self(opened), session))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Handles the events that other processes appended without these projections, or parks them.
    pub(crate) async fn catch_up(
        &mut self,
        tx: &mut PostgresTransaction,
        feed: &Feed<'_>,
    ) -> Result<(), StorageError> {
        inside(self.0.catch_up(tx, feed)).await
    }

    /// Hands one append to each projection.
    pub(crate) async fn handle(
        &self,
        tx: &mut PostgresTransaction,
        append: &Append,
        appended: &Appended,
    ) -> Result<(), InlineError> {
        inside(self.0.handle(tx, append, appended)).await
    }
}
