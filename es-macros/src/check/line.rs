//! One field of an event or type through all versions.

use crate::{
    attr::{
        compact,
        history::{Given, Number, Was},
        serde::Absent,
    },
    model::history::Form,
};
use proc_macro2::Ident;
use quote::{ToTokens, format_ident};
use syn::{Attribute, GenericArgument, LitStr, PathArguments, Type, Visibility};

/// One field through all versions.
pub(super) struct Line {
    pub(super) ident: Ident,
    pub(super) vis: Visibility,
    pub(super) ty: Type,
    pub(super) docs: Vec<Attribute>,
    pub(super) stored: String,
    /// That of its type today.
    pub(super) form: Form,
    pub(super) since: u16,
    /// The first version without it.
    pub(super) until: Option<u16>,
    pub(super) default: Option<Given>,
    /// What is written for a field that is gone.
    pub(super) back: Option<Given>,
    /// By `before`.
    pub(super) was: Vec<Change>,
}

/// One `was(..)`.
pub(super) struct Change {
    pub(super) before: Number,
    pub(super) was: Was,
    /// The type before and how its values were stored.
    pub(super) old: Option<(Type, Form)>,
}

impl Line {
    pub(super) fn is_in(&self, version: u16) -> bool {
        self.since <= version && self.until.is_none_or(|until| version < until)
    }

    /// What was said of the first change behind `version` that `part` is in.
    fn at<'a, T>(&'a self, version: u16, part: impl Fn(&'a Change) -> Option<T>) -> Option<T> {
        self.was
            .iter()
            .filter(|change| change.before.value > version)
            .find_map(part)
    }

    pub(super) fn name_at(&self, version: u16) -> Option<&LitStr> {
        self.at(version, |change| change.was.name.as_ref())
    }

    pub(super) fn stored_at(&self, version: u16) -> String {
        self.name_at(version)
            .map_or_else(|| self.stored.clone(), LitStr::value)
    }

    pub(super) fn type_at(&self, version: u16) -> &Type {
        self.at(version, |change| change.old.as_ref())
            .map_or(&self.ty, |(ty, _)| ty)
    }

    pub(super) fn form_at(&self, version: u16) -> &Form {
        self.at(version, |change| change.old.as_ref())
            .map_or(&self.form, |(_, form)| form)
    }

    /// How its values are stored, as texts to compare.
    pub(super) fn value_at(&self, version: u16) -> Vec<String> {
        let form = self.form_at(version);
        let text = |part: &dyn ToTokens| compact(&part.to_token_stream());
        let absent = form.absent.as_ref().map(|absent| match absent {
            Absent::Default => String::new(),
            Absent::Function(path) => text(path),
        });
        let mut value = vec![
            text(self.type_at(version)),
            text(&form.serialize),
            text(&form.deserialize),
        ];
        let parts = [form.shape.scalar.clone(), form.shape.unit.clone(), absent];
        value.extend(parts.map(|part| part.map_or_else(String::new, |part| format!("={part}"))));
        value
    }
}

/// The Rust names of the fields in a version, one for each line: that of the field, or one made from the
/// stored name of that version. Two stored names may be one in Rust, so each name is given once: first to
/// the fields that are called so today, then to those that were renamed.
pub(super) fn idents_at(version: u16, lines: &[Line]) -> Vec<Ident> {
    let mut idents: Vec<Ident> = lines.iter().map(|line| line.ident.clone()).collect();
    let present = lines.iter().zip(&mut idents);
    let mut present: Vec<_> = present.filter(|(line, _)| line.is_in(version)).collect();
    present.sort_by_key(|(line, _)| (line.name_at(version).is_some(), line.until.is_some()));
    let own: Vec<Ident> = present.iter().map(|(_, own)| (*own).clone()).collect();
    let mut given: Vec<Ident> = Vec::new();
    for (line, ident) in present {
        let stored = line.name_at(version).and_then(rust_name);
        let of_its_time = stored.filter(|stored| !own.contains(stored));
        let numbered = (2_u32..).map(|n| format_ident!("{}_{n}", line.ident));
        let mut candidates = of_its_time
            .into_iter()
            .chain([line.ident.clone()])
            .chain(numbered);
        if let Some(free) = candidates.find(|candidate| !given.contains(candidate)) {
            given.push(free.clone());
            *ident = free;
        }
    }
    idents
}

/// `total-dollars` and `totalDollars` to `total_dollars`.
fn rust_name(stored: &LitStr) -> Option<Ident> {
    let mut name = String::new();
    for c in stored.value().chars() {
        if c == '-' {
            name.push('_');
            continue;
        }
        if c.is_uppercase() && !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
        name.extend(c.to_lowercase());
    }
    let mut ident = syn::parse_str::<Ident>(&name)
        .or_else(|_| syn::parse_str::<Ident>(&format!("r#{name}")))
        .ok()?;
    ident.set_span(stored.span());
    Some(ident)
}

pub(super) fn is_option(ty: &Type) -> bool {
    in_option(ty).is_some()
}

/// The type in an `Option`.
pub(super) fn in_option(ty: &Type) -> Option<&Type> {
    within(ty, &["Option"])
}

/// The type of the values in an `Option`, a `Vec` or a set.
pub(super) fn in_container(ty: &Type) -> Option<&Type> {
    within(ty, &["Option", "Vec", "VecDeque", "BTreeSet", "HashSet"])
}

fn within<'a>(ty: &'a Type, containers: &[&str]) -> Option<&'a Type> {
    let Type::Path(path) = ty else {
        return None;
    };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) if containers.iter().any(|name| last.ident == name) => {
            Some(inner)
        }
        _ => None,
    }
}
