//! The store that the arguments name. What reads it is the crate `es-tables`.

mod location;
mod options;

pub(crate) use es_tables::{
    Access, Dialect, Error, Location, OnStatement, PAGE, PAGE_BYTES, Param, Place, Query, Row,
    Store, Tables, Value, Write, hex, is_busy, is_damaged, open_alone,
};
pub(crate) use location::Wanted;
pub(crate) use options::postgres_options;
