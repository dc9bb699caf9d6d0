//! Lists of events of an aggregate, in every legal form.

#![allow(unused_qualifications, reason = "paths are tried")]

use ::renamed::{Aggregate, Envelope, Event};
use ::renamed_projections::{AnyTransaction, Delivery, HandlerError, Project, Projection};
use ::renamed_projections::{React, Subscription};
use ::renamed_sagas::{Fail, Start, saga};
use ::serde::{Deserialize, Serialize};
use ::std::{convert::Infallible, prelude::v1::*};

/// Has another name today.
#[derive(Event, Serialize, Deserialize, Debug)]
#[event("lists.opened", crate = "::renamed")]
pub struct Opened {}

/// Has always had this name.
#[derive(Event, Serialize, Deserialize, Debug)]
#[event("lists.closed", crate = "::renamed")]
pub struct Closed {}

/// Of no aggregate here.
#[derive(Event, Serialize, Deserialize, Debug)]
#[event("lists.other", crate = "::renamed")]
pub struct Other {}

/// Reads one of its events under an earlier name.
#[derive(Aggregate, Default, Debug)]
#[aggregate("lists", id = String, error = Infallible, crate = "::renamed")]
#[aggregate(events(ignore(Opened), ignore(Closed)), alias("Opened" => Opened))]
pub struct Door {}

/// Another aggregate of one of the events.
#[derive(Aggregate, Default, Debug)]
#[aggregate("lists-window", id = String, error = Infallible, crate = "::renamed")]
#[aggregate(events(ignore(Closed)))]
pub struct Window {}

macro_rules! reader {
    ($name:ident, $stored:literal, $($events:tt)*) => {
        /// Reads what is listed.
        #[derive(Projection, Debug)]
        #[projection($stored, events($($events)*), schema = "CREATE TABLE {lists} (id TEXT)")]
        #[projection(crate = "::renamed_projections")]
        pub struct $name;
    };
}

macro_rules! projects {
    ($name:ident: $($event:ty),*) => {
        $(
            impl Project<$event> for $name {
                async fn project(
                    &self,
                    _: &Envelope<$event>,
                    _: &mut AnyTransaction,
                ) -> Result<(), HandlerError> {
                    Ok(())
                }
            }
        )*
    };
}

reader!(OfOne, "lists-one", Door::{Opened});
projects!(OfOne: Opened);
reader!(OfSome, "lists-some", Door::{Opened, super::lists::Closed}, Other);
projects!(OfSome: Opened, Closed, Other);
reader!(ByPath, "lists-path", Other, crate::lists::Door::{Closed, Opened,},);
projects!(ByPath: Opened, Closed, Other);
reader!(OfAll, "lists-all", all of Door::{Opened, Closed});
projects!(OfAll: Opened, Closed);
reader!(OfAllButOne, "lists-all-but", Other, all of crate::lists::Door::{Opened, ignore(super::lists::Closed,),});
projects!(OfAllButOne: Opened, Other);
// Without other names an event may stand alone, also one of two aggregates.
reader!(Alone, "lists-alone", Closed, Other);
projects!(Alone: Closed, Other);
reader!(Whole, "lists-whole", DoorEvent);
projects!(Whole: DoorEvent);

macro_rules! calls {
    ($aggregate:path, $($event:path),*) => {
        /// Reads what is listed.
        #[derive(Subscription, Debug)]
        #[subscription("lists-calls", events(all of $aggregate::{$($event),*}), crate = ::renamed_projections)]
        pub struct Calls;

        $(
            impl React<$event> for Calls {
                async fn react(&self, _: &Envelope<$event>, _: &Delivery) -> Result<(), HandlerError> {
                    Ok(())
                }
            }
        )*
    };
}

calls!(Door, Opened, crate::lists::Closed);

/// Data of a saga.
#[derive(Serialize, Deserialize, Debug)]
pub struct Visit {}

#[saga("lists-visit", crate = "::renamed_sagas")]
impl Visit {
    #[start(aggregate = Door)]
    fn opened(opened: &Envelope<Opened>) -> Option<Start<Self>> {
        Some(Start::new(opened.stream.id(), Self {}))
    }

    #[cancel]
    fn closed(closed: &Envelope<Closed>) -> Option<String> {
        Some(closed.stream.id().to_owned())
    }

    #[step(no_undo)]
    async fn greet(&self) -> Result<(), Fail> {
        Ok(())
    }
}
