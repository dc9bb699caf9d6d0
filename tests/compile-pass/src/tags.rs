//! Tags and folds in every legal form: raw names, names of the user's that are those of generated code, containers,
//! lists of any kind, and parts that come out of a `macro_rules`.

use ::renamed::{Aggregate, Apply, Event, Tag};
use ::renamed_decisions::{Decide, Decision, Emitted, Fold};
use ::serde::{Deserialize, Serialize};
use ::std::{
    boxed::Box,
    collections::{BTreeSet, HashSet, VecDeque},
    convert::Infallible,
    prelude::v1::*,
    sync::Arc,
};

/// A named field of a type that has a text.
#[derive(Tag, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[tag("odd-number", crate = "::renamed")]
pub struct Number {
    value: u64,
}

/// A raw name, and the text behind a pointer.
#[derive(Tag, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[tag("odd.name", crate = "::renamed")]
#[allow(non_camel_case_types)]
pub struct r#type {
    r#fn: Box<str>,
}

/// A constant.
#[derive(Tag, Debug)]
#[tag("odd_all", crate = "::renamed")]
pub struct All;

/// Another one.
#[derive(Tag, Debug)]
#[tag("odd_more", crate = "::renamed")]
pub struct More;

impl From<u8> for Number {
    fn from(value: u8) -> Self {
        let value = value.into();
        Self { value }
    }
}

/// One field of each form, and fields called like locals of generated code.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[event("odd-tags.began", version = 2, tag(All, More), tag(third::Third), home = r#type)]
#[event(crate = "::renamed")]
pub struct Began {
    /// Raw.
    #[tag]
    pub r#type: r#type,
    /// Like a local.
    #[tag]
    pub tag: Number,
    /// Like another one, and two tags of one field.
    #[tag(as = Number)]
    #[tag(as = Small)]
    pub tag_0: u8,
    /// None or one.
    #[tag]
    #[event(since = 2)]
    pub value: Option<Number>,
    /// Several.
    #[tag]
    pub many: Vec<Number>,
    /// In a set.
    #[tag]
    pub set: BTreeSet<Number>,
    /// In another one, by its path.
    #[tag]
    pub hashed: ::std::collections::HashSet<Number>,
    /// In a queue of other values.
    #[tag(as = Number)]
    pub queue: VecDeque<u8>,
    /// The same for all older events.
    #[tag(as = Number, default_ok)]
    #[event(since = 2, default = 3)]
    pub late: u8,
    /// No tag.
    pub other: HashSet<u8>,
}

/// A constant by its path.
pub mod third {
    /// The constant.
    #[derive(::renamed::Tag, Debug)]
    #[tag("third", crate = "::renamed")]
    pub struct Third;
}

/// Another tag of the same values.
#[derive(Tag, Debug)]
#[tag("small", crate = "::renamed")]
pub struct Small(u8);

impl From<u8> for Small {
    fn from(value: u8) -> Self {
        Self(value)
    }
}

/// An enum with and without tags.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[event(crate = "::renamed")]
pub enum Enum {
    /// With two.
    #[event("odd-tags.one", tag(All))]
    One {
        /// Raw.
        #[tag(as = Small)]
        r#match: u8,
    },
    /// With one, and no field.
    #[event("odd-tags.two", tag(All))]
    Two,
    /// With none.
    #[event("odd-tags.three")]
    Three {
        /// No tag.
        tag: u8,
    },
}

/// An enum of which each variant has a tag.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[event(crate = "::renamed")]
pub enum Whole {
    /// The only one.
    #[event("odd-tags.whole", tag(All))]
    Whole,
}

/// An aggregate that reads an event under another name.
#[derive(Aggregate, Clone, Default, Debug)]
#[aggregate("odd-tags", id = String, error = Infallible, events(ignore(Aliased), ignore(Other)))]
#[aggregate(alias("odd-tags.old" => Aliased), crate = "::renamed")]
pub struct Owner;

/// Stored under two names.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event("odd-tags.aliased", tag(All), crate = "::renamed")]
pub struct Aliased {}

/// Next to it.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event("odd-tags.other", tag(All), crate = "::renamed")]
pub struct Other {}

/// By a constant, of a struct, an enum and events of an aggregate, with a function of the tag.
#[derive(Fold, Clone, Debug)]
#[fold("all", by(All), initial = Self::of, crate = "::renamed_decisions")]
#[fold(events(Began, Whole, Owner::{Other, Aliased}))]
pub struct Everything {
    query: u8,
    event: u8,
}

impl Everything {
    const fn of(_: &All) -> Self {
        Self { query: 0, event: 1 }
    }
}

impl Apply<Began> for Everything {
    fn apply(&mut self, _: &Began) {
        self.query += 1;
    }
}

impl Apply<Whole> for Everything {
    fn apply(&mut self, _: &Whole) {
        self.event += 1;
    }
}

impl Apply<Aliased> for Everything {
    fn apply(&mut self, _: &Aliased) {}
}

impl Apply<Other> for Everything {
    fn apply(&mut self, _: &Other) {}
}

/// By two constants, a tag and a raw name.
#[derive(Fold, Clone, Debug, Default)]
#[fold(
    "of-four",
    by(All, More, Number, r#type),
    events(Began),
    crate = "::renamed_decisions"
)]
pub struct Of4;

impl Apply<Began> for Of4 {
    fn apply(&mut self, _: &Began) {}
}

/// By two constants.
#[derive(Fold, Clone, Debug, Default)]
#[fold("of-two", by(All, More), events(Began), crate = "::renamed_decisions")]
pub struct Of2;

impl Apply<Began> for Of2 {
    fn apply(&mut self, _: &Began) {}
}

/// Reads all forms; keys behind a pointer, and a constant as a field.
#[derive(Decision, Debug)]
#[decision("odd-tags", error = Infallible, crate = "::renamed_decisions", emits(Began, blind(Aliased, Other)))]
#[decision(reads(
    all: Everything(),
    two: Of2(),
    four: Of4(all, more, number, r#type),
    owner: Owner(owner),
))]
pub struct Read {
    all: Arc<All>,
    more: More,
    number: Number,
    r#type: r#type,
    owner: String,
}

impl Decide for Read {
    fn decide(&self, read: &ReadReads) -> Result<Emitted<Self>, Infallible> {
        let _ = (read.all.query, &read.two, &read.four, &read.owner);
        Ok(Emitted::new().event(Aliased {}).event(Other {}))
    }
}

/// The reads have `Debug`, because all states have it.
#[must_use]
pub fn shown(read: &ReadReads) -> String {
    ::std::format!("{read:?}")
}

/// Names of the user's that are those of generated code.
pub mod shadows {
    use super::{All, Infallible, Number};
    use ::renamed_decisions::{Decision, Fold};
    use ::serde::{Deserialize, Serialize};

    /// Hides the type.
    #[derive(Debug)]
    pub struct EventTag;
    /// Hides the type.
    #[derive(Debug)]
    pub struct Vec;
    /// Hides the type.
    #[derive(Debug)]
    pub struct TagQuery;
    /// Hides the trait.
    pub trait Tag {}
    /// Hides the trait.
    pub trait Readable {}
    /// Hides the trait.
    pub trait Apply {}

    /// Its fields hide nothing.
    #[derive(::renamed::Event, Serialize, Deserialize, Debug)]
    #[event("odd-tags.shadows", tag(All), crate = "::renamed")]
    pub struct Event {
        #[tag]
        kind: Number,
        #[tag]
        tags: Number,
    }

    /// Hides what the derive implements.
    #[derive(Fold, Clone, Debug, Default)]
    #[fold("shadows", by(Number), events(Event), crate = "::renamed_decisions")]
    pub struct State;

    impl ::renamed::Apply<Event> for State {
        fn apply(&mut self, _: &Event) {}
    }

    /// Hides what the derive implements.
    #[derive(Decision, Debug)]
    #[decision("odd-shadows", error = Infallible, reads(each: State(reads)), emits(Event))]
    #[decision(crate = "::renamed_decisions")]
    pub struct Emits {
        reads: Number,
    }

    impl ::renamed_decisions::Decide for Emits {
        fn decide(
            &self,
            _: &EmitsReads,
        ) -> ::std::result::Result<::renamed_decisions::Emitted<Self>, Infallible> {
            let copy = <Number as ::std::clone::Clone>::clone;
            let (kind, tags) = (copy(&self.reads), copy(&self.reads));
            let emitted = ::renamed_decisions::Emitted::new().event(Event { kind, tags });
            ::std::result::Result::Ok(emitted)
        }
    }
}

/// Tags, a fold and a decision whose every part comes out of a `macro_rules`.
pub mod macros {
    use super::{Apply, Decide, Decision, Emitted, Event, Fold, Infallible, Tag};
    use ::serde::{Deserialize, Serialize};
    use ::std::prelude::v1::*;

    macro_rules! tagged {
        ($tag:ident: $inner:ty = $kind:literal, $all:ident = $all_kind:literal,
         $event:ident = $name:literal { $field:ident, $as:ident: $as_type:ty }, $krate:path,
         $fold:ident = $fold_name:literal, $decision:ident = $decision_name:literal, $decisions:path) => {
            /// Made of fragments.
            #[derive(Tag, Serialize, Deserialize, Clone, Debug)]
            #[tag($kind, crate = $krate)]
            pub struct $tag($inner);

            impl From<$as_type> for $tag {
                fn from(_: $as_type) -> Self {
                    Self(<$inner>::default())
                }
            }

            /// Made of fragments.
            #[derive(Tag, Debug)]
            #[tag($all_kind, crate = $krate)]
            pub struct $all;

            /// Made of fragments.
            #[derive(Event, Serialize, Deserialize, Debug)]
            #[event($name, crate = $krate, tag($all), home = $field)]
            pub struct $event {
                #[tag]
                $field: $tag,
                #[tag(as = $tag)]
                $as: $as_type,
            }

            /// Made of fragments.
            #[derive(Fold, Clone, Debug, Default)]
            #[fold($fold_name, by($tag, $all), events($event), crate = $decisions)]
            pub struct $fold;

            impl Apply<$event> for $fold {
                fn apply(&mut self, _: &$event) {}
            }

            /// Made of fragments.
            #[derive(Decision, Debug)]
            #[decision($decision_name, error = Infallible, crate = $decisions, emits($event))]
            #[decision(reads($field: $fold($field, $as)))]
            pub struct $decision {
                $field: $tag,
                $as: $all,
            }

            impl Decide for $decision {
                fn decide(
                    &self,
                    _: &<Self as Decision>::Reads,
                ) -> Result<Emitted<Self>, Infallible> {
                    let $field = self.$field.clone();
                    Ok(Emitted::new().event($event {
                        $field,
                        $as: <$as_type>::default(),
                    }))
                }
            }
        };
    }

    tagged!(
        Made: String = "made", MadeAll = "made-all",
        MadeEvent = "odd-tags.made" { of, with: u8 }, ::renamed,
        MadeFold = "made", MadeDecision = "odd-made", ::renamed_decisions
    );
}
