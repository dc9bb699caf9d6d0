//! `#[event(..)]` on structs, enums, variants and fields.

use super::{CratePath, Name, Place, Slot, Version, read};
use crate::diag::Diag;
use syn::Attribute;

/// On a struct that is one event.
pub(crate) struct OnStruct {
    pub(crate) name: Name,
    pub(crate) version: Slot<Version>,
    pub(crate) krate: Slot<CratePath>,
}

impl OnStruct {
    pub(crate) fn read(diag: &Diag, attrs: &[Attribute]) -> Self {
        let mut this = Self {
            name: Name::default(),
            version: Slot::new("version"),
            krate: Slot::new("crate"),
        };
        read(
            diag,
            Place::EventStruct,
            attrs,
            Some(&mut this.name),
            &mut [&mut this.version, &mut this.krate],
        );
        this
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
pub(crate) struct OnVariant {
    pub(crate) name: Name,
    pub(crate) version: Slot<Version>,
}

impl OnVariant {
    pub(crate) fn read(diag: &Diag, attrs: &[Attribute]) -> Self {
        let mut this = Self {
            name: Name::default(),
            version: Slot::new("version"),
        };
        read(
            diag,
            Place::EventVariant,
            attrs,
            Some(&mut this.name),
            &mut [&mut this.version],
        );
        this
    }
}

/// On a field. No key exists there yet, so each one is a fault.
pub(crate) fn read_field(diag: &Diag, place: Place, attrs: &[Attribute]) {
    read(diag, place, attrs, None, &mut []);
}
