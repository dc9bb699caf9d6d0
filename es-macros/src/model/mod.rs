//! What the attributes and the item say, as plain data: no grammar and no rules.

pub(crate) mod aggregate;
pub(crate) mod decision;
pub(crate) mod event;
pub(crate) mod fold;
pub(crate) mod history;
pub(crate) mod process;
pub(crate) mod projection;
pub(crate) mod retire;
pub(crate) mod saga;
pub(crate) mod shape;
pub(crate) mod tag;
pub(crate) mod unique;
pub(crate) mod value_shape;
