//! `#[event(..)]` on structs, enums, variants and fields.

use super::{
    CratePath, Key, Many, Name, Place, Slot, Version,
    history::{OnField, Removed},
    read,
};
use crate::diag::Diag;
use syn::Attribute;

/// What a struct or a variant says of the one event that it is.
pub(crate) struct OnEvent {
    pub(crate) name: Name,
    pub(crate) version: Slot<Version>,
    pub(crate) removed: Many<Removed>,
}

impl OnEvent {
    fn read(diag: &Diag, place: Place, attrs: &[Attribute], more: Option<&mut dyn Key>) -> Self {
        let mut this = Self {
            name: Name::default(),
            version: Slot::new("version"),
            removed: Many::new("removed"),
        };
        let mut keys: Vec<&mut dyn Key> = vec![&mut this.version, &mut this.removed];
        if let Some(more) = more {
            keys.push(more);
        }
        read(diag, place, attrs, Some(&mut this.name), &mut keys);
        this
    }
}

/// On a struct that is one event.
pub(crate) struct OnStruct {
    pub(crate) event: OnEvent,
    pub(crate) krate: Slot<CratePath>,
}

impl OnStruct {
    pub(crate) fn read(diag: &Diag, attrs: &[Attribute]) -> Self {
        let mut krate = Slot::new("crate");
        Self {
            event: OnEvent::read(diag, Place::EventStruct, attrs, Some(&mut krate)),
            krate,
        }
    }
}

/// On an enum whose variants are events.
pub(crate) struct OnEnum {
    pub(crate) krate: Slot<CratePath>,
}

impl OnEnum {
    pub(crate) fn read(diag: &Diag, attrs: &[Attribute]) -> Self {
        let mut this = Self {
            krate: Slot::new("crate"),
        };
        read(diag, Place::EventEnum, attrs, None, &mut [&mut this.krate]);
        this
    }
}

/// On a variant that is one event.
pub(crate) fn read_variant(diag: &Diag, attrs: &[Attribute]) -> OnEvent {
    OnEvent::read(diag, Place::EventVariant, attrs, None)
}

/// On a field of an event.
pub(crate) fn read_field(diag: &Diag, place: Place, attrs: &[Attribute]) -> OnField {
    let mut this = OnField::new();
    read(diag, place, attrs, None, &mut this.keys());
    this
}
