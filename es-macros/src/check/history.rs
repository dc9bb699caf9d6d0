//! The rules of an event's history: every version has a shape of its own, every field a value in
//! the next one.

use super::{
    back::Reported,
    line::{Change, Line, idents_at, is_option},
};
use crate::{
    attr::{
        self, Single, Version as VersionKey,
        history::{Given, Number, OnField, Previous, Removed, Upcaster, Was},
        serde::{Case, Reading},
    },
    diag::Diag,
    ident, messages,
    model::{
        history::{Assignment, Field, Form, History, Next, Spare, Value, Version},
        value_shape::ValueShape,
    },
    place::On,
};
use proc_macro2::{Ident, Span};
use quote::{ToTokens, format_ident};
use std::collections::BTreeSet;
use syn::{Attribute, LitStr, Path, Type, Visibility};

/// The event whose history it is.
pub(crate) struct Event<'a> {
    /// The struct or enum.
    pub(crate) ident: &'a Ident,
    /// What the names of the generated types begin with, and where they are shown.
    pub(crate) prefix: Ident,
    /// What its fields are visible as; `None` where each field says it.
    pub(crate) fields_vis: Option<&'a Visibility>,
    /// What serde's attributes on a field stand on.
    pub(crate) on: On,
    pub(crate) name: Option<&'a LitStr>,
    /// `None` for version 1 without a key.
    pub(crate) version: Option<VersionKey>,
    /// The version could not be understood, which was reported.
    pub(crate) ill_formed: bool,
    /// `write`, a version that is written instead of the newest.
    pub(crate) write: Option<Number>,
    pub(crate) rename_all: Option<Case>,
    /// How many faults there were before this event was looked at.
    pub(crate) faults: usize,
}

/// What the attribute of the event or type declares of its older versions.
pub(crate) struct Declared {
    pub(crate) removed: Vec<Removed>,
    pub(crate) previous: Single<Previous>,
    pub(crate) upcasters: Vec<Upcaster>,
}

/// The history that fields and attribute declare; every fault was reported.
pub(crate) fn check<'a>(
    diag: &Diag,
    event: &Event<'_>,
    fields: impl IntoIterator<Item = (&'a syn::Field, OnField, ValueShape)>,
    declared: Declared,
) -> History {
    let newest = event.version.map_or(1, |version| version.number);
    let upcasters = distinct_upcasters(diag, event, newest, declared.upcasters);
    let mut lines: Vec<Line> = Vec::new();
    let mut described = !upcasters.is_empty() || !declared.removed.is_empty();
    for (field, attrs, shape) in fields {
        let line = live(diag, event, newest, &upcasters, field, attrs, shape);
        described |= line
            .as_ref()
            .is_some_and(|line| line.since > 1 || !line.was.is_empty());
        lines.extend(line);
    }
    for removed in declared.removed {
        add_removed(diag, event, newest, &upcasters, &mut lines, removed);
    }
    let today = lines.iter().filter(|line| line.is_in(newest));
    super::stored::distinct(diag, today.map(|line| (line.stored.clone(), &line.ident)));
    if let Some(key) = declared.previous.key() {
        if let Some(write) = event.write {
            diag.at(
                write.span,
                messages::history::write_without_fields("previous"),
            );
        }
        let previous = previous(diag, event, newest, key, &declared.previous, described);
        return History {
            versions: Vec::new(),
            newest: shapes(newest, &lines),
            back: None,
            spare: Vec::new(),
            previous,
        };
    }
    if diag.count() != event.faults
        || !each_upcast_once(diag, &upcasters, &lines)
        || !each_change_differs(diag, &lines)
    {
        return History::default();
    }
    let differ = event
        .version
        .is_none_or(|version| every_version_differs(diag, event, version, &upcasters, &lines));
    if !differ {
        return History::default();
    }
    let back = match super::back::check(diag, event.write, newest, &upcasters, &lines) {
        Ok(back) => back,
        Err(Reported) => return History::default(),
    };
    let history = History {
        spare: spare(event.write.map(|_| newest), &lines),
        versions: (1..newest)
            .map(|number| older(event, number, newest, &upcasters, &lines))
            .collect(),
        newest: shapes(newest, &lines),
        back,
        previous: None,
    };
    if distinct_names(diag, &history, &lines) {
        history
    } else {
        History::default()
    }
}

/// The ways back but for those to the version before `written`, which are used.
fn spare(written: Option<u16>, lines: &[Line]) -> Vec<Spare> {
    let mut spare = Vec::new();
    for line in lines {
        for Change { before, was, .. } in &line.was {
            let function = was.back.clone().filter(|_| Some(before.value) != written);
            spare.extend(function.map(|function| Spare {
                function,
                old: line.type_at(before.value.saturating_sub(1)).clone(),
                new: line.type_at(before.value).clone(),
            }));
        }
    }
    spare
}

/// The fields of the newest version as they are stored.
fn shapes(newest: u16, lines: &[Line]) -> Vec<(String, ValueShape)> {
    lines
        .iter()
        .filter(|line| line.is_in(newest))
        .map(|line| (line.stored.clone(), line.form.shape.clone()))
        .collect()
}

/// The type after `previous`, if nothing else describes the older versions.
fn previous(
    diag: &Diag,
    event: &Event<'_>,
    newest: u16,
    key: &Ident,
    previous: &Single<Previous>,
    described: bool,
) -> Option<Path> {
    let path = &previous.value()?.0;
    if diag.count() != event.faults {
        return None;
    }
    let text = if newest == 1 {
        messages::history::previous_of_first()
    } else if described {
        messages::history::previous_and_history(newest)
    } else if path.is_ident(event.ident) {
        messages::history::previous_is_itself(&ident::text(event.ident))
    } else {
        return Some(path.clone());
    };
    diag.at(key.span(), text);
    None
}

/// The upcasters of this event, one from each version at most.
fn distinct_upcasters(
    diag: &Diag,
    event: &Event<'_>,
    newest: u16,
    upcasters: Vec<Upcaster>,
) -> Vec<Upcaster> {
    let mut kept: Vec<Upcaster> = Vec::new();
    for upcaster in upcasters {
        let from = upcaster.from;
        if event.ill_formed {
            continue;
        }
        if from.value >= newest {
            diag.at(
                from.span,
                messages::history::upcast_beyond(from.value, newest),
            );
        } else if kept.iter().any(|other| other.from.value == from.value) {
            diag.at(from.span, messages::history::two_upcasters(from.value));
        } else {
            kept.push(upcaster);
        }
    }
    kept
}

fn is_covered(upcasters: &[Upcaster], version: u16) -> bool {
    upcasters
        .iter()
        .any(|upcaster| u32::from(upcaster.from.value) + 1 == u32::from(version))
}

/// An upcaster makes the next version whole: nothing else says where a value of it comes from.
fn each_upcast_once(diag: &Diag, upcasters: &[Upcaster], lines: &[Line]) -> bool {
    let mut once = true;
    for upcaster in upcasters {
        let next = upcaster.from.value + 1;
        let other = lines.iter().find_map(|line| {
            let with = line
                .was
                .iter()
                .any(|change| change.before.value == next && change.was.with.is_some());
            if with {
                Some((line, "with"))
            } else if line.since == next && line.default.is_some() {
                Some((line, "default"))
            } else {
                None
            }
        });
        if let Some((line, key)) = other {
            let field = ident::text(&line.ident);
            diag.at(
                upcaster.from.span,
                messages::history::upcast_and_field(upcaster.from.value, &field, key),
            );
            once = false;
        }
    }
    once
}

/// A field that is there today.
fn live(
    diag: &Diag,
    event: &Event<'_>,
    newest: u16,
    upcasters: &[Upcaster],
    field: &syn::Field,
    attrs: OnField,
    shape: ValueShape,
) -> Option<Line> {
    let ident = field.ident.clone()?;
    let reading = Reading::of(&field.attrs);
    let text = ident::text(&ident);
    let since = attrs.since.value().copied();
    if let Some(since) = since.filter(|_| !event.ill_formed) {
        if since.value == 1 {
            diag.at(since.span, messages::history::since_first());
        } else if since.value > newest {
            diag.at(
                since.span,
                messages::history::since_later(since.value, newest),
            );
        }
    }
    let first = since.map_or(1, |since| since.value);
    let line = Line {
        stored: reading.rename.unwrap_or_else(|| cased(event, &text)),
        vis: event.fields_vis.unwrap_or(&field.vis).clone(),
        ty: field.ty.clone(),
        docs: docs(&field.attrs),
        form: Form {
            deserialize: reading.deserialize,
            serialize: reading.serialize,
            absent: reading.absent,
            shape,
        },
        since: first,
        until: None,
        was: changes(diag, event, newest, first, attrs.was.into_values()),
        default: None,
        back: None,
        ident,
    };
    Some(with_default(
        diag,
        newest,
        upcasters,
        &attrs.since,
        attrs.default,
        line,
    ))
}

/// The field with its value for events that were stored before it was there.
fn with_default(
    diag: &Diag,
    newest: u16,
    upcasters: &[Upcaster],
    since: &Single<Number>,
    default: Single<Given>,
    mut line: Line,
) -> Line {
    let text = ident::text(&line.ident);
    if let (Some(key), None) = (default.key(), since.key()) {
        diag.at(key.span(), messages::history::default_without_since(&text));
    }
    let added = since
        .value()
        .is_some_and(|since| since.value > 1 && since.value <= newest);
    if added
        && !is_covered(upcasters, line.since)
        && default.key().is_none()
        && !is_option(line.type_at(line.since))
    {
        diag.at(
            line.ident.span(),
            messages::history::added_without_default(&text, line.since),
        );
    }
    line.default = default.into_value();
    line
}

/// How values of a type were stored, from what stood on the field while it had that type.
fn older_form(diag: &Diag, event: &Event<'_>, ty: &Type, attrs: &[Attribute]) -> Form {
    for attr in attrs {
        let counts = ["serde", "shape", "doc"]
            .iter()
            .any(|name| attr.path().is_ident(name));
        if !counts {
            let text = if attr.path().is_ident("unique") {
                messages::unique::unique_of_the_past()
            } else if attr.path().is_ident("tag") {
                messages::tag::tag_of_the_past()
            } else {
                messages::history::attribute_of_the_past()
            };
            diag.over(attr, text);
        }
    }
    attr::serde::refuse(diag, event.on, attrs);
    let said = attr::shape::OnField::read(diag, attr::Place::ShapePart, attrs);
    let reading = Reading::of(attrs);
    Form {
        deserialize: reading.deserialize,
        serialize: reading.serialize,
        absent: reading.absent,
        shape: super::value_shape::check(diag, None, ty, attrs, said),
    }
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
fn changes(diag: &Diag, event: &Event<'_>, newest: u16, since: u16, list: Vec<Was>) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for was in list {
        let Some(before) = was.before else {
            continue;
        };
        if event.ill_formed {
            continue;
        }
        if before.value > newest {
            diag.at(
                before.span,
                messages::history::before_later(before.value, newest),
            );
        } else if before.value <= since {
            diag.at(
                before.span,
                messages::history::before_first(before.value, since),
            );
        } else if changes.iter().any(|c| c.before.value == before.value) {
            diag.at(before.span, messages::history::two_changes(before.value));
        } else {
            let old = was
                .ty
                .clone()
                .map(|ty| (ty.clone(), older_form(diag, event, &ty, &was.attrs)));
            changes.push(Change { before, was, old });
        }
    }
    changes.sort_by_key(|change| change.before.value);
    changes
}

fn add_removed(
    diag: &Diag,
    event: &Event<'_>,
    newest: u16,
    upcasters: &[Upcaster],
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
                messages::history::removed_out_of_range(until.value, newest),
            );
            return;
        }
        if let Some(since) = removed.since.value().filter(|_| first >= until.value) {
            diag.at(
                since.span,
                messages::history::removed_before_added(first, until.value),
            );
            return;
        }
    }
    let mut place = if removed.first { 0 } else { lines.len() };
    if let Some(after) = &removed.after {
        match lines.iter().position(|line| line.ident == *after) {
            Some(found) => place = found + 1,
            None => diag.at(
                after.span(),
                messages::history::after_unknown(&ident::text(after)),
            ),
        }
    }
    let form = older_form(diag, event, &removed.ty, &removed.attrs);
    let doc = format!("Removed in version {}.", until.value);
    let mut docs = docs(&removed.attrs);
    docs.push(syn::parse_quote!(#[doc = #doc]));
    let line = Line {
        stored: match removed.name {
            Some(name) => name.value(),
            None => Reading::of(&removed.attrs)
                .rename
                .unwrap_or_else(|| cased(event, &text)),
        },
        ident: removed.ident,
        vis: match (removed.vis, event.fields_vis) {
            (Visibility::Inherited, Some(vis)) => vis.clone(),
            (vis, _) => vis,
        },
        docs,
        form,
        ty: removed.ty,
        since: first,
        until: Some(until.value),
        default: None,
        back: removed.back,
        was: Vec::new(),
    };
    lines.insert(
        place,
        with_default(
            diag,
            newest,
            upcasters,
            &removed.since,
            removed.default,
            line,
        ),
    );
}

/// What `was` says of a version must differ from what the next one has.
fn each_change_differs(diag: &Diag, lines: &[Line]) -> bool {
    let faults = diag.count();
    for line in lines {
        let field = ident::text(&line.ident);
        for Change { before, was, .. } in &line.was {
            let (older, next) = (before.value.saturating_sub(1), before.value);
            let renamed = line.stored_at(older) != line.stored_at(next);
            if let Some(name) = &was.name {
                if !renamed {
                    let text = messages::history::same_name(&field, &name.value(), next);
                    diag.at(name.span(), text);
                }
            }
            if let Some(ty) = &was.ty {
                if !renamed && line.value_at(older) == line.value_at(next) {
                    let ty = attr::compact(&ty.to_token_stream());
                    let text = messages::history::same_type(&field, &ty, next, was.with.is_some());
                    diag.over(&was.ty, text);
                }
            }
        }
    }
    diag.count() == faults
}

fn every_version_differs(
    diag: &Diag,
    event: &Event<'_>,
    version: VersionKey,
    upcasters: &[Upcaster],
    lines: &[Line],
) -> bool {
    let shape = |version| -> BTreeSet<(String, Vec<String>)> {
        let present = lines.iter().filter(|line| line.is_in(version));
        let stored = present.map(|line| (line.stored_at(version), line.value_at(version)));
        stored.collect()
    };
    let same = |number: &u16| {
        !is_covered(upcasters, *number) && shape(number.saturating_sub(1)) == shape(*number)
    };
    let Some(same) = (2..=version.number).find(same) else {
        return true;
    };
    let name = event
        .name
        .map_or_else(|| ident::text(event.ident), LitStr::value);
    diag.at(version.span, messages::history::same_shape(same, &name));
    false
}

fn older(
    event: &Event<'_>,
    number: u16,
    newest: u16,
    upcasters: &[Upcaster],
    lines: &[Line],
) -> Version {
    let next = number + 1;
    let idents = idents_at(number, lines);
    let next_idents = idents_at(next, lines);
    let fields = lines
        .iter()
        .zip(&idents)
        .filter(|(line, _)| line.is_in(number))
        .map(|(line, ident)| Field {
            ident: ident.clone(),
            vis: line.vis.clone(),
            ty: line.type_at(number).clone(),
            docs: line.docs.clone(),
            stored: line.stored_at(number),
            form: line.form_at(number).clone(),
        })
        .collect();
    let next = match upcasters
        .iter()
        .find(|upcaster| upcaster.from.value == number)
    {
        Some(upcaster) => Next::Upcaster(upcaster.kind, upcaster.function.clone()),
        None => Next::Fields(
            lines
                .iter()
                .zip(idents)
                .zip(next_idents)
                .filter(|((line, _), _)| line.is_in(next))
                .map(|((line, ident), next_ident)| Assignment {
                    to: if next == newest {
                        line.ident.clone()
                    } else {
                        next_ident
                    },
                    value: value(line, number, ident),
                })
                .collect(),
        ),
    };
    Version {
        number,
        ident: format_ident!("{}V{number}", event.prefix, span = event.prefix.span()),
        fields,
        next,
    }
}

/// What a field has in the version after `number`.
fn value(line: &Line, number: u16, from: Ident) -> Value {
    if line.since > number {
        return match &line.default {
            Some(given) if given.is_text => Value::Text(given.tokens.clone()),
            Some(given) => Value::Given(given.tokens.clone()),
            None => Value::Absent,
        };
    }
    let change = line
        .was
        .iter()
        .find(|change| change.before.value == number + 1)
        .map(|change| &change.was);
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
        // Those that are the same today come first, so that the change is what is at fault.
        let mut pairs: Vec<_> = present.zip(&version.fields).collect();
        pairs.sort_by_key(|(line, _)| {
            (line.until.is_some(), line.name_at(version.number).is_some())
        });
        for (line, field) in pairs {
            let again = !names.insert(field.stored.clone());
            if again && reported.insert(field.stored.clone()) {
                let (span, removed): (Span, bool) = match line.name_at(version.number) {
                    Some(name) => (name.span(), false),
                    None => (line.ident.span(), line.until.is_some()),
                };
                let text = messages::history::two_fields(version.number, &field.stored, removed);
                diag.at(span, text);
            }
        }
    }
    reported.is_empty()
}
