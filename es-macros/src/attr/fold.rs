//! `#[fold(..)]`.

use super::{
    CratePath, Key, Name, Place, Single, Value, aggregate::Listed, compact, history::With, items,
    projection::List, read, rest_of_item,
};
use crate::{diag::Diag, ident, messages};
use proc_macro2::Ident;
use syn::{Attribute, Path, parenthesized, parse::ParseStream, token::Paren};

pub(crate) struct OnFold {
    pub(crate) name: Name,
    pub(crate) by: Single<By>,
    pub(crate) events: Single<List>,
    pub(crate) initial: Single<With>,
    pub(crate) krate: Single<CratePath>,
}

impl OnFold {
    pub(crate) fn read(diag: &Diag, attrs: &[Attribute]) -> Self {
        let mut this = Self {
            name: Name::default(),
            by: Single::new("by"),
            events: Single::new("events"),
            initial: Single::new("initial"),
            krate: Single::new("crate"),
        };
        let keys: &mut [&mut dyn Key] = &mut [
            &mut this.by,
            &mut this.events,
            &mut this.initial,
            &mut this.krate,
        ];
        read(diag, Place::FoldStruct, attrs, Some(&mut this.name), keys);
        this
    }
}

/// On a field of the state, where nothing belongs.
pub(crate) fn read_field(diag: &Diag, attrs: &[Attribute]) {
    read(diag, Place::FoldField, attrs, None, &mut []);
}

/// `by(StudentId, CourseId)`.
pub(crate) struct By(pub(crate) Vec<Path>);

impl Value for By {
    const TAKEN_WHEN_MISSPELT: bool = true;

    fn read(key: &Ident, input: ParseStream<'_>, diag: &Diag) -> syn::Result<Self> {
        if !input.peek(Paren) {
            let given = compact(&rest_of_item(input));
            let given = given.trim_start_matches('=').trim();
            return Err(syn::Error::new(
                key.span(),
                messages::fold::by_needs_a_list(&ident::text(key), given),
            ));
        }
        let faults = diag.count();
        let mut list = Vec::new();
        let content;
        parenthesized!(content in input);
        items(&content, diag, |input| {
            let listed = Listed::read(input, "a tag", &[])?;
            if let Some(alias) = &listed.alias {
                diag.at(alias.span(), messages::projection::alias_without_enum());
            }
            list.push(listed.path);
            Ok(())
        });
        if list.is_empty() && diag.count() == faults {
            diag.at(key.span(), messages::fold::by_empty());
        }
        Ok(Self(list))
    }
}
