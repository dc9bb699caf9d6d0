//! Sagas in every legal form that the attribute must accept.

#![deny(clippy::nursery)]
#![allow(clippy::cast_possible_truncation, reason = "small numbers")]

use ::renamed::{Envelope, Event};
use ::renamed_sagas::{Effect, Fail, Failure, Start, StepCx, saga};
use ::serde::{Deserialize, Serialize};
use ::std::{prelude::v1::*, sync::Arc};

/// Begins a saga.
#[derive(Event, Serialize, Deserialize, Debug)]
#[event("sagas.begun", crate = "::renamed")]
pub struct Begun {}

/// Clients.
#[derive(Debug)]
pub struct Services {
    name: String,
}

/// As clippy advises, and as it advises against: the attribute prescribes some of it.
pub mod signatures {
    use super::{Begun, Effect, Envelope, Fail, Failure, Services, Start, StepCx, saga};
    use ::renamed_sagas::AggregateCommand;
    use ::serde::{Deserialize, Serialize};
    use ::std::{format, prelude::v1::*};

    /// An output.
    #[derive(Serialize, Deserialize, Debug)]
    pub struct Receipt(pub String);

    /// Data of a saga.
    #[derive(Serialize, Deserialize, Debug)]
    pub struct Signatures {
        id: String,
    }

    #[saga("signatures", deps = Services, crate = "::renamed_sagas")]
    impl Signatures {
        #[start]
        fn begun(begun: &Envelope<Begun>) -> Option<Start<Self>> {
            let id = begun.stream.id().to_owned();
            Some(Start::new(id.clone(), Self { id }))
        }

        #[step(undo = undo_text)]
        async fn text(&self) -> Result<String, Fail> {
            Ok(self.id.clone())
        }

        #[undo]
        async fn undo_text(&self, did: Effect<&String>) -> Result<(), Fail> {
            match did.known() {
                Some(_) => Ok(()),
                None => Err(Fail::fatal("unknown")),
            }
        }

        #[step(no_undo, reconcile = counted)]
        async fn count(&self, text: &str) -> Result<u32, Fail> {
            text.parse().map_err(Fail::fatal)
        }

        async fn counted(&self, _: &Services, _: &StepCx) -> Result<Option<u32>, Fail> {
            Ok(None)
        }

        #[step(no_undo)]
        async fn list(&self, text: &String, count: &u32) -> Result<Vec<u32>, Fail> {
            Ok(::std::vec![*count + (text.len() as u32)])
        }

        #[step(no_undo)]
        async fn boxed(&self, list: &[u32]) -> Result<Box<Receipt>, Fail> {
            Ok(Box::new(Receipt(format!("{list:?}"))))
        }

        #[step(no_undo)]
        async fn maybe(&self, boxed: &Receipt, list: &Vec<u32>) -> Result<Option<u32>, Fail> {
            Ok(list.iter().find(|_| boxed.0.is_empty()).copied())
        }

        #[step(pivot)]
        async fn last(&self, maybe: &Option<u32>, boxed: &Box<Receipt>) -> Result<(), Fail> {
            ::std::println!("{maybe:?} {}", boxed.0);
            Ok(())
        }

        #[compensated]
        fn given_up(&self, why: &Failure) -> Result<AggregateCommand, Fail> {
            Err(Fail::fatal(&why.message))
        }
    }
}

/// Methods with the names of what is generated.
pub mod names {
    use super::{Effect, Fail, Failure, StepCx, saga};
    use ::renamed_sagas::AggregateCommand;
    use ::serde::{Deserialize, Serialize};
    use ::std::prelude::v1::*;

    /// Data of a saga.
    #[derive(Serialize, Deserialize, Debug)]
    pub struct Names {}

    #[saga("names", crate = "::renamed_sagas")]
    impl Names {
        #![allow(clippy::missing_const_for_fn)]

        #[step(undo = did)]
        async fn saga(&self, cx: &StepCx) -> Result<u32, Fail> {
            Ok(cx.attempt())
        }

        #[undo]
        async fn did(&self, cx: &StepCx, did: Effect<&u32>) -> Result<(), Fail> {
            match did.known() {
                Some(one) if **one == cx.attempt() => Ok(()),
                _ => Err(Fail::fatal("unknown")),
            }
        }

        #[step(no_undo)]
        async fn result(&self, saga: &u32) -> Result<u32, Fail> {
            Ok(*saga)
        }

        #[step(no_undo)]
        async fn output_of_saga(&self, result: &u32, saga: &u32) -> Result<u32, Fail> {
            Ok(*result + *saga)
        }

        #[step(no_undo)]
        async fn value_of_saga(&self, output_of_saga: &u32, saga: &u32) -> Result<u32, Fail> {
            Ok(*output_of_saga + *saga)
        }

        #[step(no_undo)]
        async fn cx(&self, value_of_saga: &u32, cx: &StepCx) -> Result<u32, Fail> {
            Ok(*value_of_saga + cx.attempt())
        }

        #[step(no_undo)]
        async fn r#match(&self, cx: &u32) -> Result<u32, Fail> {
            Ok(*cx)
        }

        #[step(no_undo)]
        async fn definition(&self, r#match: &u32) -> Result<u32, Fail> {
            Ok(*r#match)
        }

        #[completed]
        fn output(&self, definition: &u32) -> Result<AggregateCommand, Fail> {
            Err(Fail::fatal(definition))
        }

        #[compensated]
        fn why(&self, why: &Failure) -> Result<AggregateCommand, Fail> {
            Err(Fail::fatal(&why.message))
        }
    }
}

/// Dependencies by another path than the attribute's, behind pointers and taken apart by patterns.
#[allow(unused_qualifications, unused_parens, reason = "that is what is tried")]
pub mod deps {
    use super::{Arc, Fail, Services, StepCx, saga};
    use ::serde::{Deserialize, Serialize};
    use ::std::prelude::v1::*;

    /// Data of a saga.
    #[derive(Serialize, Deserialize, Debug)]
    pub struct Paths {}

    #[saga("deps-paths", deps = crate::sagas::Services, crate = "::renamed_sagas")]
    impl Paths {
        #[step(no_undo)]
        async fn named(&self, services: &Services) -> Result<String, Fail> {
            Ok(services.name.clone())
        }

        #[step(no_undo)]
        async fn by_path(&self, services: &super::super::sagas::Services) -> Result<String, Fail> {
            Ok(services.name.clone())
        }

        #[step(no_undo)]
        async fn pattern(&self, Services { name }: &Services) -> Result<String, Fail> {
            Ok(name.clone())
        }

        #[step(no_undo)]
        async fn qualified(
            &self,
            crate::sagas::Services { name, .. }: &Services,
            _: &StepCx,
        ) -> Result<String, Fail> {
            Ok(name.clone())
        }
    }

    /// Data of a saga.
    #[derive(Serialize, Deserialize, Debug)]
    pub struct Pointers {}

    #[saga("deps-pointers", deps = Arc<Services>, crate = "::renamed_sagas")]
    impl Pointers {
        #[step(no_undo)]
        async fn pointer(&self, services: &Arc<Services>) -> Result<String, Fail> {
            Ok(services.name.clone())
        }

        #[step(no_undo)]
        async fn target(&self, services: &(Services)) -> Result<String, Fail> {
            Ok(services.name.clone())
        }

        #[step(no_undo)]
        async fn named(
            &self,
            services: &<Self as ::renamed_sagas::Saga>::Deps,
        ) -> Result<String, Fail> {
            Ok(services.name.clone())
        }
    }
}

/// Steps that are only there under a condition.
pub mod conditions {
    use super::{Effect, Fail, saga};
    use ::renamed_sagas::AggregateCommand;
    use ::serde::{Deserialize, Serialize};
    use ::std::prelude::v1::*;

    /// Data of a saga.
    #[derive(Serialize, Deserialize, Debug)]
    pub struct Conditions {}

    #[saga("conditions", crate = "::renamed_sagas")]
    impl Conditions {
        #[cfg(any())]
        #[start]
        fn never(event: &DoesNotExist) -> Option<NoSuchType> {
            None
        }

        #[step(undo = undo_usual)]
        async fn usual(&self) -> Result<u32, Fail> {
            Ok(1)
        }

        #[cfg(not(any()))]
        #[undo]
        async fn undo_usual(&self, _: Effect<&u32>) -> Result<(), Fail> {
            Ok(())
        }

        #[cfg(any())]
        #[step(no_undo)]
        async fn absent(&self, usual: &u32) -> Result<NoSuchType, Fail> {
            Ok(NoSuchType)
        }

        #[cfg(any())]
        #[step(undo = undo_either)]
        async fn either(&self, absent: &NoSuchType) -> Result<NoSuchType, Fail> {
            Ok(NoSuchType)
        }

        #[cfg(any())]
        #[undo]
        async fn undo_either(&self, absent: &NoSuchType) -> Result<(), Fail> {
            Ok(())
        }

        #[cfg(not(any()))]
        #[step(undo = undo_either)]
        async fn either(&self, usual: &u32) -> Result<u32, Fail> {
            Ok(*usual)
        }

        #[cfg(not(any()))]
        #[undo]
        async fn undo_either(&self, usual: &u32) -> Result<(), Fail> {
            Err(Fail::fatal(usual))
        }

        #[cfg(any())]
        #[step(pivot)]
        async fn pay(&self) -> Result<NoSuchType, Fail> {
            Ok(NoSuchType)
        }

        #[cfg(not(any()))]
        #[step(pivot)]
        async fn pay(&self, either: &u32) -> Result<u32, Fail> {
            Ok(*either)
        }

        #[cfg(any())]
        #[completed]
        fn done(&self, absent: &NoSuchType) -> NoSuchType {
            NoSuchType
        }

        #[cfg(not(any()))]
        #[completed]
        fn done(&self, pay: &u32) -> Result<AggregateCommand, Fail> {
            Err(Fail::fatal(pay))
        }
    }
}

/// Parts that come from the fragments of a `macro_rules!`.
pub mod macros {
    use super::{Begun, Effect, Envelope, Fail, Services, Start, StepCx, saga};
    use ::serde::{Deserialize, Serialize};
    use ::std::prelude::v1::*;

    /// Holds a number.
    #[derive(Serialize, Deserialize, Debug)]
    pub struct Sized<const N: usize>([u8; 2]);

    macro_rules! a_saga {
        (
            $name:ident, $stored:literal, $deps:ty, $event:ty, $first:ident $undo:ident $second:ident,
            $output:ty, $given:ty, $body:block, $vis:vis, $item:item, $time:literal
        ) => {
            /// Made of fragments.
            #[derive(Serialize, Deserialize, Debug)]
            pub struct $name {}

            #[saga($stored, deps = $deps, timeout = $time, crate = "::renamed_sagas")]
            impl $name {
                #[start]
                fn begun(begun: &Envelope<$event>) -> Option<Start<Self>> {
                    Some(Start::new(begun.stream.id(), Self {}))
                }

                #[step(undo = $undo, timeout = $time)]
                $vis async fn $first(&self, _: &$deps, _: &StepCx) -> Result<$output, Fail> $body

                #[undo]
                async fn $undo(&self, did: Effect<&$output>) -> Result<(), Fail> {
                    let _ = did;
                    Ok(())
                }

                #[step(no_undo)]
                async fn $second(&self, $first: $given) -> Result<Sized<{ 1 + 1 }>, Fail> {
                    Ok(Sized([$first.len() as u8; 2]))
                }

                #[step(no_undo)]
                async fn third(&self, $second: &Sized<{ 2 }>) -> Result<(), Fail> {
                    let _ = $second;
                    Ok(())
                }
            }

            $item
        };
    }

    a_saga!(
        Made,
        "made",
        Services,
        Begun,
        charge refund ship,
        Vec<u32>,
        &[u32],
        { Ok(::std::vec![1]) },
        pub(crate),
        impl Made {},
        "20s"
    );
}
