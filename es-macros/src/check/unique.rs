//! The rules of unique values: an event does one thing by a rule, with the values of its newest version.

use super::line::in_option;
use crate::{
    attr::{
        history::OnField,
        name_fault,
        serde::{Case, Reading},
        unique::{Named, Releases, Unique},
    },
    diag::Diag,
    ident, messages,
    model::unique::{Claim, RuleName, UniqueRule},
};
use syn::{Field, LitStr};

/// A field, and the version that added it with one value for all older events.
pub(super) struct Part<'a> {
    field: &'a Field,
    defaults_since: Option<u16>,
}

impl<'a> Part<'a> {
    pub(super) fn of(field: &'a Field, attrs: &OnField) -> Self {
        let since = attrs.since.value().map(|since| since.value);
        let given = attrs.default.value();
        let same = given.is_some_and(|given| given.tokens.to_string() != "None");
        Self {
            field,
            defaults_since: since.filter(|_| same),
        }
    }
}

/// What one event does; `known` are the rules of the other events of its set.
pub(super) fn check(
    diag: &Diag,
    event: Option<&LitStr>,
    rename_all: Option<Case>,
    parts: &[Part<'_>],
    releases: Vec<Releases>,
    known: &mut Vec<String>,
) -> Vec<UniqueRule> {
    let mut rules: Vec<UniqueRule> = Vec::new();
    for part in parts {
        let Some(ident) = &part.field.ident else {
            continue;
        };
        for unique in Unique::read(diag, &part.field.attrs) {
            claims_default(diag, part, &ident::text(ident), &unique);
            let Some(rule) = named(diag, event, rename_all, part.field, &unique) else {
                continue;
            };
            if rules.iter().any(|other| other.rule == rule.text) {
                diag.at(rule.span, messages::unique::rule_twice(&rule.text));
                continue;
            }
            alike(diag, &rule, known);
            let inner = in_option(&part.field.ty);
            rules.push(UniqueRule {
                rule: rule.text,
                claims: Some(Claim {
                    field: ident.clone(),
                    ty: inner.unwrap_or(&part.field.ty).clone(),
                    is_option: inner.is_some(),
                    form: unique.form.into_value().map(|form| form.0),
                }),
                keep: unique.keep.value().map(|time| time.0),
            });
        }
    }
    for releases in releases {
        let Some(rule) = releases.rule else {
            continue;
        };
        let other = rules.iter().find(|other| other.rule == rule.text);
        if let Some(other) = other {
            let text = if other.claims.is_some() {
                messages::unique::claim_and_release(&rule.text)
            } else {
                messages::unique::rule_twice(&rule.text)
            };
            diag.at(rule.span, text);
            continue;
        }
        alike(diag, &rule, known);
        rules.push(UniqueRule {
            rule: rule.text,
            claims: None,
            keep: releases.keep.value().map(|time| time.0),
        });
    }
    rules
}

/// A default is one value, and only one stream can have it.
fn claims_default(diag: &Diag, part: &Part<'_>, field: &str, unique: &Unique) {
    match (part.defaults_since, unique.claims_default.key()) {
        (Some(since), None) => diag.at(
            unique.span,
            messages::unique::claims_of_default(field, since),
        ),
        (None, Some(key)) => diag.at(
            key.span(),
            messages::unique::claims_default_without_default(),
        ),
        _ => {}
    }
}

/// The name of a rule that was given, or that event and field give it.
fn named(
    diag: &Diag,
    event: Option<&LitStr>,
    rename_all: Option<Case>,
    field: &Field,
    unique: &Unique,
) -> Option<RuleName> {
    match &unique.rule {
        Named::Given(rule) => return Some(rule.clone()),
        Named::Reported => return None,
        Named::Absent => {}
    }
    // Without a stored name, which was reported, the event gives no name of a rule either.
    let event = event?.value();
    let field_name = ident::text(field.ident.as_ref()?);
    let stored = Reading::of(&field.attrs).rename.unwrap_or_else(|| {
        rename_all.map_or_else(|| field_name.clone(), |case| case.field(&field_name))
    });
    let text = event
        .split_once('.')
        .filter(|(_, rest)| !rest.contains('.'))
        .map(|(first, _)| format!("{first}.{stored}"))
        .filter(|name| name_fault(name).is_none());
    if text.is_none() {
        let text = messages::unique::rule_without_name(&event, &field_name);
        diag.at(unique.span, text);
    }
    text.map(|text| RuleName {
        text,
        span: unique.span,
    })
}

/// Two names that differ only in case are one name and a slip.
fn alike(diag: &Diag, rule: &RuleName, known: &mut Vec<String>) {
    let other = known
        .iter()
        .find(|other| other.eq_ignore_ascii_case(&rule.text));
    match other {
        Some(other) if *other != rule.text => {
            diag.at(rule.span, messages::unique::rules_alike(&rule.text, other));
        }
        Some(_) => {}
        None => known.push(rule.text.clone()),
    }
}
