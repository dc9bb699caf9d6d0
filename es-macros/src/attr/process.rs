//! `#[process_manager(..)]`.

use super::{
    CratePath, Flag, Key, Place, Single, Value,
    aggregate::Listed,
    compact, items, list,
    projection::{List, aggregate},
    read, rest_of_item,
};
use crate::{diag::Diag, messages};
use proc_macro2::Ident;
use quote::ToTokens;
use syn::{Attribute, Path, braced, parse::ParseStream, token::Paren};

pub(crate) struct OnProcessManager {
    pub(crate) reacts: Single<List>,
    pub(crate) sends: Single<Sends>,
    pub(crate) timers: Single<Flag>,
    pub(crate) rejections: Single<Flag>,
    pub(crate) krate: Single<CratePath>,
}

impl OnProcessManager {
    pub(crate) fn read(diag: &Diag, attrs: &[Attribute]) -> Self {
        let mut this = Self {
            reacts: Single::new("reacts"),
            sends: Single::new("sends"),
            timers: Single::new("timers"),
            rejections: Single::new("rejections"),
            krate: Single::new("crate"),
        };
        let mut keys: [&mut dyn Key; 5] = [
            &mut this.reacts,
            &mut this.sends,
            &mut this.timers,
            &mut this.rejections,
            &mut this.krate,
        ];
        read(diag, Place::ProcessManager, attrs, None, &mut keys);
        this
    }
}

/// `sends(Order::{CancelOrder}, Customer::{Credit})`.
pub(crate) struct Sends(pub(crate) Vec<SentTo>);

/// The commands to one aggregate.
pub(crate) struct SentTo {
    pub(crate) aggregate: Path,
    pub(crate) commands: Vec<Listed>,
}

impl SentTo {
    fn read(input: ParseStream<'_>, diag: &Diag) -> syn::Result<Self> {
        let Some(aggregate) = aggregate(input)? else {
            let listed = Listed::read(input, "a command", &[])?;
            let given = compact(&listed.path.to_token_stream());
            return Err(syn::Error::new_spanned(
                listed.path,
                messages::process::sent_to_whom(&given),
            ));
        };
        let content;
        let brace = braced!(content in input);
        let faults = diag.count();
        let mut commands = Vec::new();
        items(&content, diag, |input| {
            commands.push(Listed::plain(input, "a command", &[], diag)?);
            Ok(())
        });
        if commands.is_empty() && diag.count() == faults {
            let text = compact(&aggregate.to_token_stream());
            diag.at(brace.span.join(), messages::process::nothing_sent_to(&text));
        }
        Ok(Self {
            aggregate,
            commands,
        })
    }
}

impl Value for Sends {
    const TAKEN_WHEN_MISSPELT: bool = true;

    fn read(key: &Ident, input: ParseStream<'_>, diag: &Diag) -> syn::Result<Self> {
        if !input.peek(Paren) {
            rest_of_item(input);
            return Err(syn::Error::new(
                key.span(),
                messages::process::sends_need_a_list(),
            ));
        }
        let empty = messages::process::sends_empty;
        let list = list(key, input, diag, empty, |input, list| {
            list.push(SentTo::read(input, diag)?);
            Ok(())
        });
        list.map(Self)
    }
}
