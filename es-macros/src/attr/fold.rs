//! `#[fold(..)]`.

use super::{
    CratePath, Flag, Key, Name, Place, Single, Value, aggregate::Listed, compact, history::With,
    list, projection::List, read, rest_of_item,
};
use crate::{diag::Diag, ident, messages};
use proc_macro2::Ident;
use syn::{Attribute, Path, parse::ParseStream, token::Paren};

pub(crate) struct OnFold {
    pub(crate) name: Name,
    pub(crate) by: Single<By>,
    pub(crate) events: Single<List>,
    pub(crate) initial: Single<With>,
    pub(crate) last: Single<Flag>,
    pub(crate) krate: Single<CratePath>,
}

impl OnFold {
    pub(crate) fn read(diag: &Diag, attrs: &[Attribute]) -> Self {
        let mut this = Self {
            name: Name::default(),
            by: Single::new("by"),
            events: Single::new("events"),
            initial: Single::new("initial"),
            last: Single::new("last"),
            krate: Single::new("crate"),
        };
        let keys: &mut [&mut dyn Key] = &mut [
            &mut this.by,
            &mut this.events,
            &mut this.initial,
            &mut this.last,
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
        let empty = messages::fold::by_empty;
        let list = list(key, input, diag, empty, |input, list| {
            list.push(Listed::plain(input, "a tag", &[], diag)?.path);
            Ok(())
        });
        list.map(Self)
    }
}
