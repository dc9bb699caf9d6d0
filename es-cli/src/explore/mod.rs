//! What the command `es` has for the explorer without the types of an application: the verbs that need none of its functions.

pub(crate) mod operators;

use crate::operate::Operators;
use es_explorer::{
    Application, Done, Operation, Place, Reading, Refusal, StoredEvent, TypedEvent, Verbs,
};

pub(crate) struct Untyped;

impl Application for Untyped {
    fn has_types(&self) -> bool {
        false
    }

    fn decode(&self, _: &StoredEvent) -> Option<Result<TypedEvent, String>> {
        None
    }

    fn read(&self, _: &str) -> Option<Box<dyn Reading>> {
        None
    }

    fn verbs(&self) -> Verbs {
        operators::verbs(&Operators::default())
    }

    fn operate(&self, place: &Place, operation: &Operation) -> Result<Done, Refusal> {
        operators::run(&Operators::default(), false, place, operation)
    }
}
