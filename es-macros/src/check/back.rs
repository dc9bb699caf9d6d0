//! The way back from the newest version to the one before it, for programs that still write that
//! one while others cannot read the newest.

use super::line::{Line, is_option};
use crate::{
    attr::{
        compact,
        history::{Given, Number, Upcaster, Was},
    },
    diag::Diag,
    ident, messages,
    model::history::BackField,
};
use quote::ToTokens;
use syn::Type;

/// A fault was reported.
pub(super) struct Reported;

/// How each field of the version before is written, in its order; `None` without `write`.
pub(super) fn check(
    diag: &Diag,
    write: Option<Number>,
    newest: u16,
    upcasters: &[Upcaster],
    lines: &[Line],
) -> Result<Option<Vec<BackField>>, Reported> {
    let Some(write) = write else {
        return Ok(None);
    };
    let before = newest.saturating_sub(1);
    if write.value >= newest {
        diag.at(
            write.span,
            messages::history::write_newest(write.value, newest),
        );
        return Err(Reported);
    }
    if write.value < before {
        diag.at(
            write.span,
            messages::history::write_too_old(write.value, newest),
        );
        return Err(Reported);
    }
    if upcasters
        .iter()
        .any(|upcaster| upcaster.from.value == before)
    {
        diag.at(
            write.span,
            messages::history::write_without_fields("upcast"),
        );
        return Err(Reported);
    }
    let mut fields = Vec::new();
    let mut complete = true;
    for line in lines.iter().filter(|line| line.is_in(before)) {
        match back(line, newest) {
            Ok(field) => fields.push(field),
            Err(types) => {
                let field = ident::text(&line.ident);
                let text = messages::history::no_way_back(newest, before, &field, types.as_ref());
                diag.at(write.span, text);
                complete = false;
            }
        }
    }
    if complete {
        Ok(Some(fields))
    } else {
        Err(Reported)
    }
}

/// The value of one field of the version before. `Err` has the types of the field now and before, and none where
/// the field is gone today.
fn back(line: &Line, newest: u16) -> Result<BackField, Option<(String, String)>> {
    if !line.is_in(newest) {
        return match &line.back {
            Some(Given {
                tokens,
                is_text: true,
            }) => Ok(BackField::Text(tokens.clone())),
            Some(Given { tokens, .. }) => Ok(BackField::Given(tokens.clone())),
            None if is_option(&line.ty) => Ok(BackField::Absent),
            None => Err(None),
        };
    }
    let (from, ty) = (line.ident.clone(), line.ty.clone());
    let change = line.was.iter().find(|change| change.before.value == newest);
    match change.map(|change| &change.was) {
        Some(Was {
            ty: Some(before),
            back,
            ..
        }) => match back {
            Some(function) => Ok(BackField::With {
                from,
                new: ty,
                function: function.clone(),
            }),
            None => Err(Some((shown(&ty), shown(before)))),
        },
        _ => Ok(BackField::Same { from, ty }),
    }
}

fn shown(ty: &Type) -> String {
    compact(&ty.to_token_stream())
}
