//! `#[event(..)]` on structs, enums, variants and fields.

use super::{
    CratePath, Key, Many, Name, Place, Single, Version,
    history::{Number, OnField, Previous, Removed, Upcaster},
    read,
    retire::Retire,
    tag::{Constants, Home},
    unique::Releases,
};
use crate::diag::Diag;
use syn::Attribute;

/// What a struct or a variant says of the one event that it is.
pub(crate) struct OnEvent {
    pub(crate) name: Name,
    pub(crate) version: Single<Version>,
    pub(crate) write: Single<Number>,
    pub(crate) removed: Many<Removed>,
    pub(crate) previous: Single<Previous>,
    pub(crate) upcast: Many<Upcaster>,
    pub(crate) try_upcast: Many<Upcaster>,
    pub(crate) upcast_json: Many<Upcaster>,
    pub(crate) releases: Many<Releases>,
    pub(crate) tag: Many<Constants>,
}

impl OnEvent {
    fn read(diag: &Diag, place: Place, attrs: &[Attribute], more: &mut [&mut dyn Key]) -> Self {
        let mut this = Self {
            name: Name::default(),
            version: Single::new("version"),
            write: Single::new("write"),
            removed: Many::new("removed"),
            previous: Single::new("previous"),
            upcast: Many::new("upcast"),
            try_upcast: Many::new("try_upcast"),
            upcast_json: Many::new("upcast_json"),
            releases: Many::new("releases"),
            tag: Many::new("tag"),
        };
        let mut keys: Vec<&mut dyn Key> = vec![
            &mut this.version,
            &mut this.write,
            &mut this.removed,
            &mut this.previous,
            &mut this.upcast,
            &mut this.try_upcast,
            &mut this.upcast_json,
            &mut this.releases,
            &mut this.tag,
        ];
        for key in more {
            keys.push(&mut **key);
        }
        read(diag, place, attrs, Some(&mut this.name), &mut keys);
        this
    }
}

/// On a struct that is one event.
pub(crate) struct OnStruct {
    pub(crate) event: OnEvent,
    pub(crate) home: Single<Home>,
    pub(crate) krate: Single<CratePath>,
}

impl OnStruct {
    pub(crate) fn read(diag: &Diag, attrs: &[Attribute]) -> Self {
        let (mut home, mut krate) = (Single::new("home"), Single::new("crate"));
        let more: &mut [&mut dyn Key] = &mut [&mut home, &mut krate];
        Self {
            event: OnEvent::read(diag, Place::EventStruct, attrs, more),
            home,
            krate,
        }
    }
}

/// On an enum whose variants are events.
pub(crate) struct OnEnum {
    pub(crate) retire: Retire,
    pub(crate) krate: Single<CratePath>,
}

impl OnEnum {
    pub(crate) fn read(diag: &Diag, attrs: &[Attribute]) -> Self {
        let mut this = Self {
            retire: Retire::new(),
            krate: Single::new("crate"),
        };
        let mut keys: Vec<&mut dyn Key> = Vec::new();
        keys.extend(this.retire.keys());
        keys.push(&mut this.krate);
        read(diag, Place::EventEnum, attrs, None, &mut keys);
        this
    }
}

/// On a variant that is one event.
pub(crate) fn read_variant(diag: &Diag, attrs: &[Attribute]) -> OnEvent {
    OnEvent::read(diag, Place::EventVariant, attrs, &mut [])
}

/// On a field of an event.
pub(crate) fn read_field(diag: &Diag, place: Place, attrs: &[Attribute]) -> OnField {
    let mut this = OnField::new();
    read(diag, place, attrs, None, &mut this.keys());
    this
}
