//! What a request asks for: the values of its query or of its body, and whose types answer it.

use crate::{Application, answer::Failure};
use es_tables::{Condition, Store, events::position_since, position, time};
use std::{collections::HashMap, sync::Arc};

pub(crate) struct Ask {
    values: HashMap<String, String>,
    application: Option<Arc<dyn Application>>,
}

impl Ask {
    pub(crate) fn new(
        values: HashMap<String, String>,
        application: Option<Arc<dyn Application>>,
    ) -> Self {
        Self {
            values,
            application,
        }
    }

    /// What the application knows, where there is one.
    pub(crate) fn application(&self) -> Option<&dyn Application> {
        self.application.as_deref()
    }

    /// A value that is there and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.values
            .get(name)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, Failure> {
        self.values
            .get(name)
            .map(String::as_str)
            .ok_or_else(|| Failure::Wrong(format!("the request has no `{name}`")))
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, Failure> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Failure::Wrong(format!("`{name}` is not a number"))),
        }
    }

    /// A position: a number, or a text such as `812.1`.
    pub(crate) fn position(&self, name: &str) -> Result<Option<i64>, Failure> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        // A number that no store has is one still.
        let place = text.parse().ok().and_then(position::number);
        let position = place.or_else(|| text.parse().ok());
        position
            .map(Some)
            .ok_or_else(|| Failure::Wrong(format!("`{name}` is not a number")))
    }

    pub(crate) fn conditions(&self, name: &str) -> Result<Vec<Condition>, Failure> {
        let condition = self.text(name).map(Condition::parse).transpose();
        Ok(condition.map_err(Failure::Wrong)?.into_iter().collect())
    }

    /// The positions that are meant: after one and up to another one. Later pages of an answer name them, so that
    /// all of them are about the same events.
    pub(crate) fn range(&self, store: &mut Store<'_>) -> Result<(i64, i64), Failure> {
        let head = store.head()?;
        let mut moment = |name: &str| -> Result<Option<i64>, Failure> {
            let Some(text) = self.text(name) else {
                return Ok(None);
            };
            let moment = time::moment(text)
                .map_err(|what| Failure::Wrong(format!("`{text}` is no time: {what}")))?;
            Ok(Some(position_since(store, moment, head)?.saturating_sub(1)))
        };
        let after = match self.position("low")? {
            Some(low) => low,
            None => moment("since")?.unwrap_or(0),
        };
        let to = match self.position("end")? {
            Some(end) => end,
            None => moment("until")?.unwrap_or(head),
        };
        Ok((after, to))
    }
}
