//! The rules of an event's history: every version has a shape of its own, every field a value in
//! the next one.

use crate::{
    attr::{
        Slot, Version as VersionKey,
        history::{Given, Number, OnField, Removed, Was},
        serde::{Case, Reading},
    },
    diag::Diag,
    ident,
    model::history::{Assignment, Field, History, Value, Version},
    wording,
};
use proc_macro2::{Ident, Span};
use quote::format_ident;
use std::collections::BTreeSet;
use syn::{Attribute, GenericArgument, LitStr, PathArguments, Type, Visibility};

/// The event whose history it is.
pub(crate) struct Event<'a> {
    /// What the names of the generated types begin with, and where they are shown.
    pub(crate) prefix: Ident,
    /// What its fields are visible as; `None` where each field says it.
    pub(crate) fields_vis: Option<&'a Visibility>,
    pub(crate) name: Option<&'a LitStr>,
    /// `None` for version 1 without a key.
    pub(crate) version: Option<VersionKey>,
    /// The version could not be understood, which was reported.
    pub(crate) ill_formed: bool,
    pub(crate) rename_all: Option<Case>,
    /// How many faults there were before this event was looked at.
    pub(crate) faults: usize,
}

/// The history that the fields and `removed(..)` tell; every fault was reported.
pub(crate) fn check<'a>(
    diag: &Diag,
    event: &Event<'_>,
    fields: impl IntoIterator<Item = (&'a syn::Field, OnField)>,
    removed: Vec<Removed>,
) -> History {
    let newest = event.version.map_or(1, |version| version.number);
    let mut lines: Vec<Line> = Vec::new();
    for (field, attrs) in fields {
        lines.extend(live(diag, event, newest, field, attrs));
    }
    for removed in removed {
        add_removed(diag, event, newest, &mut lines, removed);
    }
    let (Some(version), true) = (event.version, diag.count() == event.faults) else {
        return History::default();
    };
    if !every_version_differs(diag, event, version, &lines) {
        return History::default();
    }
    let history = History {
        versions: (1..newest)
            .map(|number| older(event, number, newest, &lines))
            .collect(),
    };
    if distinct_names(diag, &history, &lines) {
        history
    } else {
        History::default()
    }
}

/// One field through all versions.
struct Line {
    ident: Ident,
    vis: Visibility,
    ty: Type,
    docs: Vec<Attribute>,
    stored: String,
    deserialize: Option<syn::Path>,
    since: u16,
    /// The first version without it.
    until: Option<u16>,
    default: Option<Given>,
    /// By `before`, which is there in each.
    was: Vec<(Number, Was)>,
}

impl Line {
    fn is_in(&self, version: u16) -> bool {
        self.since <= version && self.until.is_none_or(|until| version < until)
    }

    /// What was said of the first change behind `version` that `part` is in.
    fn at<'a, T>(&'a self, version: u16, part: impl Fn(&'a Was) -> Option<T>) -> Option<T> {
        self.was
            .iter()
            .filter(|(before, _)| before.value > version)
            .find_map(|(_, was)| part(was))
    }

    fn name_at(&self, version: u16) -> Option<&LitStr> {
        self.at(version, |was| was.name.as_ref())
    }

    fn stored_at(&self, version: u16) -> String {
        self.name_at(version)
            .map_or_else(|| self.stored.clone(), LitStr::value)
    }

    fn type_at(&self, version: u16) -> &Type {
        self.at(version, |was| was.ty.as_ref()).unwrap_or(&self.ty)
    }

    /// The Rust name: that of the field, or one made from the stored name of that version.
    fn ident_at(&self, version: u16, others: &[Self]) -> Ident {
        let Some(ident) = self.name_at(version).and_then(rust_name) else {
            return self.ident.clone();
        };
        let taken = others
            .iter()
            .any(|other| other.ident == ident && other.is_in(version));
        if taken { self.ident.clone() } else { ident }
    }
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

/// A field that is there today.
fn live(
    diag: &Diag,
    event: &Event<'_>,
    newest: u16,
    field: &syn::Field,
    attrs: OnField,
) -> Option<Line> {
    let ident = field.ident.clone()?;
    let reading = Reading::of(&field.attrs);
    let text = ident::text(&ident);
    let since = attrs.since.value().copied();
    if let Some(since) = since.filter(|_| !event.ill_formed) {
        if since.value == 1 {
            diag.at(since.span, wording::since_first());
        } else if since.value > newest {
            diag.at(since.span, wording::since_later(since.value, newest));
        }
    }
    let first = since.map_or(1, |since| since.value);
    let line = Line {
        stored: reading.rename.unwrap_or_else(|| cased(event, &text)),
        vis: event.fields_vis.unwrap_or(&field.vis).clone(),
        ty: field.ty.clone(),
        docs: docs(&field.attrs),
        deserialize: reading.deserialize,
        since: first,
        until: None,
        was: changes(diag, event, newest, first, attrs.was.into_values()),
        default: None,
        ident,
    };
    Some(with_default(
        diag,
        newest,
        &attrs.since,
        attrs.default,
        line,
    ))
}

/// The field with its value for events that were stored before it was there.
fn with_default(
    diag: &Diag,
    newest: u16,
    since: &Slot<Number>,
    default: Slot<Given>,
    mut line: Line,
) -> Line {
    let text = ident::text(&line.ident);
    if let (Some(key), None) = (default.key(), since.key()) {
        diag.at(key.span(), wording::default_without_since(&text));
    }
    let added = since
        .value()
        .is_some_and(|since| since.value > 1 && since.value <= newest);
    if added && default.key().is_none() && !is_option(line.type_at(line.since)) {
        diag.at(
            line.ident.span(),
            wording::added_without_default(&text, line.since),
        );
    }
    line.default = default.into_value();
    line
}

fn cased(event: &Event<'_>, name: &str) -> String {
    event
        .rename_all
        .map_or_else(|| name.to_owned(), |case| case.field(name))
}

fn docs(attrs: &[Attribute]) -> Vec<Attribute> {
    attrs
        .iter()
        .filter(|attr| attr.path().is_ident("doc"))
        .cloned()
        .collect()
}

/// The `was(..)` of one field, those without a fault, in order.
fn changes(
    diag: &Diag,
    event: &Event<'_>,
    newest: u16,
    since: u16,
    list: Vec<Was>,
) -> Vec<(Number, Was)> {
    let mut changes: Vec<(Number, Was)> = Vec::new();
    for was in list {
        let Some(before) = was.before else {
            continue;
        };
        if event.ill_formed {
            continue;
        }
        if before.value > newest {
            diag.at(before.span, wording::before_later(before.value, newest));
        } else if before.value <= since {
            diag.at(before.span, wording::before_first(before.value, since));
        } else if changes.iter().any(|(other, _)| other.value == before.value) {
            diag.at(before.span, wording::two_changes(before.value));
        } else {
            changes.push((before, was));
        }
    }
    changes.sort_by_key(|(before, _)| before.value);
    changes
}

fn is_option(ty: &Type) -> bool {
    let Type::Path(path) = ty else {
        return false;
    };
    path.path.segments.last().is_some_and(|last| {
        last.ident == "Option"
            && matches!(&last.arguments, PathArguments::AngleBracketed(list)
                if matches!(list.args.first(), Some(GenericArgument::Type(_))))
    })
}

fn add_removed(
    diag: &Diag,
    event: &Event<'_>,
    newest: u16,
    lines: &mut Vec<Line>,
    removed: Removed,
) {
    let text = ident::text(&removed.ident);
    let first = removed.since.value().map_or(1, |since| since.value);
    let Some(until) = removed.until else {
        return;
    };
    if !event.ill_formed {
        if until.value > newest || until.value == 1 {
            diag.at(
                until.span,
                wording::removed_out_of_range(until.value, newest),
            );
            return;
        }
        if let Some(since) = removed.since.value().filter(|_| first >= until.value) {
            diag.at(
                since.span,
                wording::removed_before_added(first, until.value),
            );
            return;
        }
    }
    let mut place = lines.len();
    if let Some(after) = &removed.after {
        match lines.iter().position(|line| line.ident == *after) {
            Some(found) => place = found + 1,
            None => diag.at(after.span(), wording::after_unknown(&ident::text(after))),
        }
    }
    let doc = format!("Removed in version {}.", until.value);
    let line = Line {
        stored: removed
            .name
            .map_or_else(|| cased(event, &text), |name| name.value()),
        ident: removed.ident,
        vis: match (removed.vis, event.fields_vis) {
            (Visibility::Inherited, Some(vis)) => vis.clone(),
            (vis, _) => vis,
        },
        ty: removed.ty,
        docs: vec![syn::parse_quote!(#[doc = #doc])],
        deserialize: None,
        since: first,
        until: Some(until.value),
        default: None,
        was: Vec::new(),
    };
    lines.insert(
        place,
        with_default(diag, newest, &removed.since, removed.default, line),
    );
}

fn every_version_differs(
    diag: &Diag,
    event: &Event<'_>,
    version: VersionKey,
    lines: &[Line],
) -> bool {
    let mut changed: BTreeSet<u16> = BTreeSet::new();
    for line in lines {
        changed.insert(line.since);
        changed.extend(line.until);
        changed.extend(line.was.iter().map(|(before, _)| before.value));
    }
    let Some(same) = (2..=version.number).find(|number| !changed.contains(number)) else {
        return true;
    };
    let name = event.name.map(LitStr::value).unwrap_or_default();
    diag.at(version.span, wording::same_shape(same, &name));
    false
}

fn older(event: &Event<'_>, number: u16, newest: u16, lines: &[Line]) -> Version {
    let fields = lines
        .iter()
        .filter(|line| line.is_in(number))
        .map(|line| {
            let retyped = line.at(number, |was| was.ty.as_ref()).is_some();
            Field {
                ident: line.ident_at(number, lines),
                vis: line.vis.clone(),
                ty: line.type_at(number).clone(),
                docs: line.docs.clone(),
                stored: line.stored_at(number),
                deserialize: line.deserialize.clone().filter(|_| !retyped),
            }
        })
        .collect();
    let next = number + 1;
    let assignments = lines
        .iter()
        .filter(|line| line.is_in(next))
        .map(|line| Assignment {
            to: if next == newest {
                line.ident.clone()
            } else {
                line.ident_at(next, lines)
            },
            value: value(line, number, lines),
        })
        .collect();
    Version {
        number,
        ident: format_ident!("{}V{number}", event.prefix, span = event.prefix.span()),
        fields,
        next: assignments,
    }
}

/// What a field has in the version behind `number`.
fn value(line: &Line, number: u16, lines: &[Line]) -> Value {
    if line.since > number {
        return match &line.default {
            Some(given) if given.is_text => Value::Text(given.tokens.clone()),
            Some(given) => Value::Given(given.tokens.clone()),
            None => Value::Absent,
        };
    }
    let from = line.ident_at(number, lines);
    let change = line
        .was
        .iter()
        .find(|(before, _)| before.value == number + 1)
        .map(|(_, was)| was);
    let old = line.type_at(number).clone();
    let new = line.type_at(number + 1).clone();
    match change {
        Some(Was {
            with: Some(function),
            ..
        }) => Value::With {
            from,
            old,
            new,
            function: function.clone(),
        },
        Some(Was { ty: Some(_), .. }) => Value::Converted { from, old, new },
        _ => Value::Moved(from),
    }
}

/// No version may have two fields under one name.
fn distinct_names(diag: &Diag, history: &History, lines: &[Line]) -> bool {
    let mut reported: BTreeSet<String> = BTreeSet::new();
    for version in &history.versions {
        let present = lines.iter().filter(|line| line.is_in(version.number));
        let mut names: BTreeSet<String> = BTreeSet::new();
        let mut idents: BTreeSet<String> = BTreeSet::new();
        // Those that are the same today come first, so that the change is what is at fault.
        let mut pairs: Vec<_> = present.zip(&version.fields).collect();
        pairs.sort_by_key(|(line, _)| {
            (line.until.is_some(), line.name_at(version.number).is_some())
        });
        for (line, field) in pairs {
            let again =
                !names.insert(field.stored.clone()) | !idents.insert(ident::text(&field.ident));
            if again && reported.insert(field.stored.clone()) {
                let (span, removed): (Span, bool) = match line.name_at(version.number) {
                    Some(name) => (name.span(), false),
                    None => (line.ident.span(), line.until.is_some()),
                };
                let text = wording::two_fields(version.number, &field.stored, removed);
                diag.at(span, text);
            }
        }
    }
    reported.is_empty()
}
