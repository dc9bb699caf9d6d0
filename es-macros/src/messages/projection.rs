//! `#[derive(Projection)]` and `#[derive(Subscription)]`.

use super::words::dotted;
use crate::place::Place;

pub(crate) fn consumer_not_a_struct(place: Place) -> String {
    format!(
        "{} must be a struct; its fields can hold what the handlers need\nhelp: write `struct` here",
        place.item()
    )
}

pub(crate) fn consumer_generic(place: Place) -> String {
    format!(
        "{} cannot be generic: its name stands for one checkpoint\nhelp: put a `Box<dyn ..>` into a field, or write one struct for each",
        place.item()
    )
}

pub(crate) fn consumer_without_name(place: Place, ident: &str, has_attribute: bool) -> String {
    let attribute = place.attribute();
    let name = dotted(ident).replace('.', "_");
    if has_attribute {
        format!(
            "{attribute} `{ident}` has no name\nhelp: write it first: `#[{attribute}(\"{name}\", ..)]`; the checkpoint is stored under it"
        )
    } else {
        let rest = if place == Place::Projection {
            ", schema = \"..\""
        } else {
            ""
        };
        format!(
            "{attribute} `{ident}` has no `#[{attribute}(..)]`\nhelp: add `#[{attribute}(\"{name}\", events(..){rest})]`"
        )
    }
}

pub(crate) fn consumer_without_events(place: Place, ident: &str) -> String {
    let attribute = place.attribute();
    format!(
        "{attribute} `{ident}` lists no events\nhelp: add `events(OrderPlaced)` with every event that it handles"
    )
}

pub(crate) fn projection_without_schema(ident: &str) -> String {
    format!(
        "projection `{ident}` has no tables\nhelp: add `schema = include_str!(\"tables.sql\")`; in the statements, `{{name}}` stands for one of its tables"
    )
}

pub(crate) fn list_needs_parentheses(key: &str, given: &str) -> String {
    let given = if given.is_empty() {
        "OrderPlaced"
    } else {
        given
    };
    format!(
        "`{key}` takes a list\nhelp: write `{key}({given})`; the list can also contain an enum of events"
    )
}

pub(crate) fn list_empty(key: &str) -> String {
    format!(
        "the list of events is empty, so nothing would ever be handled\nhelp: list them: `{key}(OrderPlaced, OrderShipped)`"
    )
}

pub(crate) fn alias_without_enum() -> String {
    "`as` names the variant of a generated enum, and none is generated here\nhelp: write the path alone"
        .to_owned()
}

pub(crate) fn schema_form() -> String {
    "`schema` takes the statements that create the tables\nhelp: write `schema = include_str!(\"tables.sql\")`, or `schema(sqlite = \"..\", postgres = \"..\")` where they differ, or `schema(SqliteReadDatabase = \"..\")` for handlers of one database"
        .to_owned()
}

pub(crate) fn schema_empty() -> String {
    "the text of `schema` has no statement, so the projection would have no table\nhelp: write the statements that create its tables, such as `\"CREATE TABLE {orders} (id TEXT PRIMARY KEY)\"`"
        .to_owned()
}

/// Also what the const check of an included text says; rustc puts it after `evaluation panicked:`.
pub(crate) fn schema_without_braces() -> String {
    "the text of `schema` names no table in braces, and only those are made anew for each version\nhelp: write `CREATE TABLE {orders} (..)` instead of `CREATE TABLE orders (..)`, and `{orders}` in the handlers"
        .to_owned()
}

pub(crate) fn database_is_a_store(store: &str, read_database: &str) -> String {
    format!(
        "`{store}` stores events, and `schema(..)` names a database of read models\nhelp: write `schema({read_database} = ..)`; for handlers of any database write `schema = ..`"
    )
}

pub(crate) fn dialect_alone(given: &str, missing: &str) -> String {
    format!(
        "portable handlers need tables in both databases, and `schema(..)` has none for `{missing}`\nhelp: add `{missing} = \"..\"`; for handlers of one database write its type instead of `{given}`"
    )
}

pub(crate) fn database_twice(database: &str) -> String {
    format!("`{database}` already has a schema\nhelp: keep one of them")
}

pub(crate) fn not_one_of(key: &str, words: [&str; 2], guess: Option<&str>) -> String {
    let [usual, other] = words;
    match guess {
        Some(guess) => {
            format!("`{key}` is `{usual}` or `{other}`\nhelp: write `{key} = {guess}`")
        }
        None => format!(
            "`{key}` is `{usual}` or `{other}`\nhelp: remove it for `{usual}`, or write `{key} = {other}`"
        ),
    }
}

pub(crate) fn partitions_not_a_number() -> String {
    "`partitions` is a whole number from 1 to 1024\nhelp: write `partitions = 4`".to_owned()
}

pub(crate) fn group_empty(aggregate: &str) -> String {
    format!(
        "the braces after `{aggregate}::` are empty\n\
         help: write the events of `{aggregate}` in them, like `{aggregate}::{{OrderPaid, OrderShipped}}`"
    )
}

pub(crate) fn all_of_what(given: &str) -> String {
    format!(
        "`all of` is followed by an aggregate and its events\n\
         help: write `all of Order::{{OrderPaid, ignore(OrderPlaced)}}`, or remove `all of` before `{given}`"
    )
}

pub(crate) fn ignored_without_all() -> String {
    "events that are not listed are not read, so `ignore(..)` has no meaning here\n\
     help: remove it, or write `all of Order::{OrderPaid, ignore(OrderPlaced)}` to name every event of an aggregate"
        .to_owned()
}

pub(crate) fn all_ignored(aggregate: &str) -> String {
    format!(
        "every event of `{aggregate}` is ignored, so nothing of it would ever be handled\n\
         help: move an event out of `ignore(..)`, or remove `all of {aggregate}::{{..}}`"
    )
}

/// What the const check says before and after the stored name; rustc puts it after `evaluation panicked:`.
pub(crate) fn not_all(aggregate: &str, key: &str, owner: &str) -> [String; 2] {
    [
        format!("`{aggregate}` has the event \""),
        format!(
            "\", and the `{key}(..)` of `{owner}` says nothing of it\n\
             help: list it in the braces after `all of {aggregate}`, or in `ignore(..)` there if it does not matter"
        ),
    ]
}

/// The parts of a message around two entries and a stored name.
pub(crate) fn stored_name_shared(key: &str, owner: &str) -> [String; 4] {
    [
        "`".to_owned(),
        "` and `".to_owned(),
        format!("` in the `{key}(..)` of `{owner}` both read the stored name `"),
        "`, so one of them would get nothing\nhelp: give the newer event another name in its `#[event(..)]`; if one entry \
         has the event of the other, keep one of them"
            .to_owned(),
    ]
}
