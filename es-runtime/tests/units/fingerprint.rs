//! Which changes of a state change its fingerprint.

use es_runtime::{Codec, Fingerprint};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap};

fn of<T: DeserializeOwned>() -> Fingerprint {
    Fingerprint::of::<T>(Codec::Json)
}

macro_rules! state {
    ($module:ident { $($item:item)* }) => {
        #[allow(dead_code)]
        mod $module {
            use super::*;
            $($item)*
        }
    };
}

state!(base {
    #[derive(Deserialize)]
    pub(super) struct State { a: u32, lines: Vec<Line>, by: BTreeMap<String, Line>, kind: Kind }
    #[derive(Deserialize)]
    pub(super) struct Line { sku: String, opaque: es_runtime::EventId, n: (u8, u16), next: Option<Box<Line>> }
    #[derive(Deserialize)]
    pub(super) enum Kind { New, Old { since: u8 }, Other(String) }
});
state!(renamed_types {
    #[derive(Deserialize)]
    pub(super) struct Other { a: u32, lines: Vec<Row>, by: HashMap<String, Row>, kind: Sort }
    #[derive(Deserialize)]
    pub(super) struct Row { sku: String, opaque: es_runtime::EventId, n: (u8, u16), next: Option<Box<Row>> }
    #[derive(Deserialize)]
    pub(super) enum Sort { New, Old { since: u8 }, Other(String) }
});
state!(field_after_an_opaque_one {
    #[derive(Deserialize)]
    pub(super) struct State { a: u32, lines: Vec<Line>, by: BTreeMap<String, Line>, kind: Kind }
    #[derive(Deserialize)]
    pub(super) struct Line { sku: String, opaque: es_runtime::EventId, n: (u8, u32), next: Option<Box<Line>> }
    #[derive(Deserialize)]
    pub(super) enum Kind { New, Old { since: u8 }, Other(String) }
});
state!(inside_a_variant {
    #[derive(Deserialize)]
    pub(super) struct State { a: u32, lines: Vec<Line>, by: BTreeMap<String, Line>, kind: Kind }
    #[derive(Deserialize)]
    pub(super) struct Line { sku: String, opaque: es_runtime::EventId, n: (u8, u16), next: Option<Box<Line>> }
    #[derive(Deserialize)]
    pub(super) enum Kind { New, Old { since: u16 }, Other(String) }
});
state!(nested_field_renamed {
    #[derive(Deserialize)]
    pub(super) struct State { a: u32, lines: Vec<Line>, by: BTreeMap<String, Line>, kind: Kind }
    #[derive(Deserialize)]
    pub(super) struct Line { #[serde(rename = "code")] sku: String, opaque: es_runtime::EventId, n: (u8, u16), next: Option<Box<Line>> }
    #[derive(Deserialize)]
    pub(super) enum Kind { New, Old { since: u8 }, Other(String) }
});
state!(map_value {
    #[derive(Deserialize)]
    pub(super) struct State { a: u32, lines: Vec<Line>, by: BTreeMap<String, u8>, kind: Kind }
    #[derive(Deserialize)]
    pub(super) struct Line { sku: String, opaque: es_runtime::EventId, n: (u8, u16), next: Option<Box<Line>> }
    #[derive(Deserialize)]
    pub(super) enum Kind { New, Old { since: u8 }, Other(String) }
});

#[test]
fn the_stored_shape_counts_and_rust_names_do_not() {
    assert_eq!(of::<base::State>(), of::<renamed_types::Other>());
    let others = [
        of::<field_after_an_opaque_one::State>(),
        of::<inside_a_variant::State>(),
        of::<nested_field_renamed::State>(),
        of::<map_value::State>(),
    ];
    for other in others {
        assert_ne!(of::<base::State>(), other);
    }
}

#[test]
fn wide_and_recursive_types_end() {
    #[derive(Deserialize)]
    #[allow(dead_code)]
    enum Tree {
        Node(Box<Tree>, Box<Tree>),
        Leaf(u8),
    }
    assert_eq!(of::<Tree>(), of::<Tree>());
    assert_ne!(of::<Tree>(), of::<Vec<Tree>>());
    let _ = of::<serde_json::Value>();
}
