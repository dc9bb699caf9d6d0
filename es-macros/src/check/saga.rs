//! The rules of `#[saga]`.

use crate::{
    attr::{
        self, CratePath, Flag, Place, Single,
        saga::{Method, OnInput, OnMethod, OnSaga},
    },
    diag::Diag,
    ident, messages,
    model::saga::{
        Block, Call, Conditional, Function, Given, Input, Item, Param, Receiver, Saga, Step,
    },
};
use proc_macro2::{Ident, Span};
use quote::{ToTokens, quote};
use syn::{Attribute, GenericArgument, PathArguments, Type, TypePath, spanned::Spanned};

/// A method of the block with the attribute of ours that says what it is.
struct Tagged<'b> {
    attr: &'b Attribute,
    role: &'static str,
    function: &'b Function,
    cfgs: &'b [Attribute],
}

impl Tagged<'_> {
    fn with<T>(&self, value: T) -> Conditional<T> {
        Conditional {
            cfgs: self.cfgs.to_vec(),
            value,
        }
    }
}

/// The saga that the block defines; every fault was reported.
pub(crate) fn check(diag: &Diag, attr: &Attribute, block: &Block) -> Saga {
    let on = OnSaga::read(diag, attr);
    if on.name.is_missing() {
        let place = if matches!(attr.meta, syn::Meta::Path(_)) {
            None
        } else {
            Some(attr::saga::span(attr))
        };
        if let Some(place) = place {
            diag.at(place, messages::saga::saga_without_name());
        }
    }
    if let Some(of_trait) = &block.of_trait {
        diag.at(of_trait.span, messages::saga::saga_on_trait_impl());
    }
    if !block.generics.is_empty() {
        diag.over(&block.generics, messages::saga::saga_generic());
    }
    let tagged = tagged(diag, &block.items);
    let deps = on.deps.into_value().map(|deps| deps.0);
    let names: Vec<_> = tagged
        .iter()
        .filter(|tagged| matches!(tagged.role, "step" | "command"))
        .map(|tagged| ident::text(&tagged.function.name))
        .collect();
    let reader = Reader {
        diag,
        deps: deps.as_ref(),
        all: &names,
    };
    let mut saga = Saga {
        krate: CratePath::or_sagas(on.krate.value()),
        name: on.name.into_valid(),
        version: on.version.value().map_or(1, |version| version.number),
        deps: deps.clone(),
        deadline: on.deadline.into_value(),
        timeout: on.timeout.into_value(),
        retry: on.retry.into_value(),
        undo_retry: on.undo_retry.into_value(),
        continues: on.on_undo_exhausted.value().is_some_and(|on| on.goes_on),
        frozen: on.frozen.value().is_some(),
        starts: Vec::new(),
        cancels: Vec::new(),
        steps: Vec::new(),
        completed: Vec::new(),
        compensated: Vec::new(),
    };
    let mut used = Vec::new();
    let mut pivot: Option<String> = None;
    let mut before: Vec<String> = Vec::new();
    for one in &tagged {
        let name = &one.function.name;
        match one.role {
            "start" => saga.starts.push(input(diag, one, Place::SagaStart)),
            "cancel" => saga.cancels.push(input(diag, one, Place::SagaCancel)),
            "step" | "command" => {
                let step = step(&reader, one, &tagged, &before, &mut pivot, &mut used);
                before.push(ident::text(name));
                saga.steps.push(one.with(step));
            }
            "completed" => end(&reader, one, &names, &mut saga.completed),
            "compensated" => end(&reader, one, &names, &mut saga.compensated),
            _ => {}
        }
    }
    for one in tagged.iter().filter(|one| one.role == "undo") {
        if !used.contains(&ident::text(&one.function.name)) {
            let name = ident::text(&one.function.name);
            diag.at(
                one.function.name.span(),
                messages::saga::undo_of_no_step(&name),
            );
        }
    }
    if saga.steps.is_empty() && diag.is_clean() {
        diag.at(attr::saga::span(attr), messages::saga::saga_without_steps());
    }
    saga
}

/// A method that starts or cancels.
fn input(diag: &Diag, one: &Tagged<'_>, place: Place) -> Conditional<Input> {
    let on = OnInput::read(diag, place, one.attr);
    let first = one.function.params.first();
    one.with(Input {
        name: one.function.name.clone(),
        aggregate: on.aggregate.into_value().map(|of| of.0),
        event: first.and_then(|param| enveloped(&param.ty)).cloned(),
    })
}

/// The `E` of `&Envelope<E>`.
fn enveloped(ty: &Type) -> Option<&Type> {
    match ungrouped(ty) {
        Type::Reference(reference) => enveloped(&reference.elem),
        Type::Path(path) => argument(path).filter(|_| last(ty).as_deref() == Some("Envelope")),
        _ => None,
    }
}

/// The methods that are part of the saga, in their order.
fn tagged<'b>(diag: &Diag, items: &'b [Item]) -> Vec<Tagged<'b>> {
    let mut all = Vec::new();
    for item in items {
        let mut ours = item.ours.iter();
        let Some(attr) = ours.next() else { continue };
        for second in ours {
            diag.at(attr::saga::span(second), messages::saga::two_roles());
        }
        let role = crate::model::saga::OURS
            .into_iter()
            .find(|role| attr.path().is_ident(role));
        match (&item.function, role) {
            (Some(function), Some(role)) => all.push(Tagged {
                attr,
                role,
                function,
                cfgs: &item.cfgs,
            }),
            (_, role) => {
                let role = role.unwrap_or_default();
                diag.at(
                    attr::saga::span(attr),
                    messages::saga::role_of_no_method(role),
                );
            }
        }
    }
    all
}

fn step(
    reader: &Reader<'_>,
    one: &Tagged<'_>,
    tagged: &[Tagged<'_>],
    before: &[String],
    pivot: &mut Option<String>,
    used: &mut Vec<String>,
) -> Step {
    let diag = reader.diag;
    let name = &one.function.name;
    let text = ident::text(name);
    let command = one.role == "command";
    let place = if command {
        Place::SagaCommand
    } else {
        Place::SagaStep
    };
    let on = OnMethod::read(diag, place, one.attr);
    if ["completed", "compensated"].contains(&text.as_str()) {
        diag.at(name.span(), messages::saga::step_name_reserved(&text));
    }
    if one.function.is_async == command {
        diag.at(name.span(), messages::saga::step_async(&text, command));
    }
    let after = pivot.clone();
    ways_back(diag, name, &on, after.as_deref());
    if on.pivot.value().is_some() {
        match &after {
            // Under other conditions it may be the only one. The definition is checked when it runs.
            Some(_) if !one.cfgs.is_empty() => {}
            Some(first) => diag.at(key(&on.pivot, name), messages::saga::two_pivots(first)),
            None => *pivot = Some(text),
        }
    }
    let mut undo = None;
    let (mut undo_timeout, mut undo_retry) = (None, None);
    if let Some(Method(wanted)) = on.undo.value() {
        let found = method(diag, tagged, wanted, one.cfgs, used);
        if let Some(found) = found {
            let given = reader.call(found.function, wanted, before, Other::Effect(name));
            undo = Some((given, !found.function.is_async));
            let on = OnMethod::read(diag, Place::SagaUndo, found.attr);
            undo_timeout = on.timeout.into_value();
            undo_retry = on.retry.into_value();
        }
    }
    // A method that only answers needs no attribute of its own: it is named here.
    let reconcile = on.reconcile.value().map(|Method(wanted)| Call {
        name: wanted.clone(),
        place: wanted.span(),
        returns: wanted.span(),
        given: vec![Given::Deps(wanted.span()), Given::Cx(wanted.span())],
    });
    Step {
        call: reader.call(one.function, name, before, Other::None),
        command,
        undo,
        reconcile,
        pivot: on.pivot.value().is_some(),
        timeout: on.timeout.into_value(),
        retry: on.retry.into_value(),
        undo_timeout,
        undo_retry,
    }
}

fn key<T>(given: &Single<T>, or: &Ident) -> Span {
    given.key().map_or_else(|| or.span(), Ident::span)
}

/// Every step says how it is undone: by a method, not at all, or it lies at or after the pivot.
fn ways_back(diag: &Diag, name: &Ident, on: &OnMethod, after: Option<&str>) {
    let text = ident::text(name);
    let given: Vec<Span> = [
        (!on.undo.is_missing()).then(|| key(&on.undo, name)),
        given(&on.no_undo, name),
        given(&on.pivot, name),
    ]
    .into_iter()
    .flatten()
    .collect();
    match (given.as_slice(), after) {
        ([], None) => diag.at(name.span(), messages::saga::step_without_undo(&text)),
        ([_, second, ..], _) => diag.at(*second, messages::saga::two_ways_back(&text)),
        ([_], Some(pivot)) if !on.undo.is_missing() => {
            diag.at(
                key(&on.undo, name),
                messages::saga::undo_behind_pivot(&text, pivot),
            );
        }
        _ => {}
    }
}

fn given(flag: &Single<Flag>, name: &Ident) -> Option<Span> {
    (!flag.is_missing()).then(|| key(flag, name))
}

/// The undo of this name. Of several, that with the conditions of its step.
fn method<'t, 'b>(
    diag: &Diag,
    tagged: &'t [Tagged<'b>],
    wanted: &Ident,
    cfgs: &[Attribute],
    used: &mut Vec<String>,
) -> Option<&'t Tagged<'b>> {
    let text = ident::text(wanted);
    let is = |one: &&Tagged<'_>| one.role == "undo" && ident::text(&one.function.name) == text;
    let text_of = |cfgs: &[Attribute]| quote!(#(#cfgs)*).to_string();
    let alike = tagged.iter().filter(is);
    let alike = alike.clone().find(|one| text_of(one.cfgs) == text_of(cfgs));
    let found = alike.or_else(|| tagged.iter().find(is));
    if found.is_none() {
        diag.at(wanted.span(), messages::saga::no_such_undo(&text));
    }
    used.push(text);
    found
}

fn end(reader: &Reader<'_>, one: &Tagged<'_>, names: &[String], ends: &mut Vec<Conditional<Call>>) {
    let other = if one.role == "compensated" {
        Other::Failure
    } else {
        Other::None
    };
    let name = &one.function.name;
    if one.function.is_async {
        let text = ident::text(name);
        reader
            .diag
            .at(name.span(), messages::saga::end_async(&text));
    }
    if ends
        .iter()
        .any(|end| end.cfgs.is_empty() || one.cfgs.is_empty())
    {
        let place = attr::saga::span(one.attr);
        reader.diag.at(place, messages::saga::two_ends(one.role));
    }
    ends.push(one.with(reader.call(one.function, name, names, other)));
}

/// What a method may ask for besides dependencies, its call and outputs.
#[derive(Clone, Copy)]
enum Other<'a> {
    None,
    /// It undoes the step of this name.
    Effect(&'a Ident),
    Failure,
}

struct Reader<'a> {
    diag: &'a Diag,
    deps: Option<&'a Type>,
    all: &'a [String],
}

impl Reader<'_> {
    /// What each parameter of a method means. `wanted` is its name where it is referred to.
    fn call(
        &self,
        function: &Function,
        wanted: &Ident,
        before: &[String],
        other: Other<'_>,
    ) -> Call {
        let name = &function.name;
        match &function.receiver {
            Receiver::Ref => {}
            Receiver::None => self
                .diag
                .at(name.span(), messages::saga::needs_self(&ident::text(name))),
            Receiver::Other(written) => self
                .diag
                .over(written, messages::saga::other_self(&ident::text(name))),
        }
        let given = function.params.iter();
        let given = given.filter_map(|param| self.given(function, param, before, other));
        Call {
            name: wanted.clone(),
            place: name.span(),
            returns: function.returns.unwrap_or_else(|| name.span()),
            given: given.collect(),
        }
    }

    fn given(
        &self,
        function: &Function,
        param: &Param,
        before: &[String],
        other: Other<'_>,
    ) -> Option<Given> {
        let ty = ungrouped(&param.ty);
        let (bare, shared) = match ty {
            Type::Reference(reference) => {
                (ungrouped(&reference.elem), reference.mutability.is_none())
            }
            other => (other, false),
        };
        let span = bare.span();
        let tokens = |ty: &Type| attr::compact(&ty.to_token_stream());
        let name = param.name.as_ref().map(ident::text);
        let by_reference = |given: Given| {
            if !shared {
                let name = attr::compact(&param.pattern);
                let text = messages::saga::by_reference(&name, &tokens(bare));
                self.diag.over(ty, text);
            }
            Some(given)
        };
        let is_earlier = name.as_ref().is_some_and(|name| before.contains(name));
        if let Some(name) = param.name.as_ref().filter(|_| is_earlier) {
            return by_reference(Given::Output(name.clone(), span));
        }
        if self.deps.is_some_and(|deps| reaches(deps, bare)) {
            return by_reference(Given::Deps(span));
        }
        match (last(bare).as_deref(), other) {
            (Some("StepCx"), _) => return by_reference(Given::Cx(span)),
            (Some("Failure"), Other::Failure) => return by_reference(Given::Failure(span)),
            (Some("Effect"), Other::Effect(_)) => {
                if !function.is_async {
                    let text = ident::text(&function.name);
                    self.diag
                        .over(ty, messages::saga::effect_without_call(&text));
                } else if matches!(ty, Type::Reference(_)) {
                    let name = attr::compact(&param.pattern);
                    let text = messages::saga::effect_by_value(&name, &tokens(bare));
                    self.diag.over(ty, text);
                }
                return Some(Given::Effect(span));
            }
            _ => {}
        }
        let Some((name, text)) = param.name.as_ref().zip(name) else {
            self.diag
                .over(&param.pattern, messages::saga::odd_parameter());
            return None;
        };
        let place = name.span();
        match other {
            Other::Effect(step) if ident::text(step) == text => {
                let text = messages::saga::output_in_its_undo(&text, &tokens(bare));
                self.diag.at(place, text);
            }
            _ if self.all.contains(&text) => {
                self.diag.at(place, messages::saga::output_of_later(&text));
            }
            _ => {
                let deps = self.deps.map(tokens);
                let known: Vec<&str> = before.iter().map(String::as_str).collect();
                let text = messages::saga::unknown_parameter(&text, deps.as_deref(), &known);
                self.diag.at(place, text);
            }
        }
        None
    }
}

/// Whether a reference to `deps` is one to `wanted`, as far as their names tell: it is that type by any path,
/// or what it points to, such as the `T` of an `Arc<T>`. The compiler checks it.
fn reaches(deps: &Type, wanted: &Type) -> bool {
    let (deps, wanted) = (ungrouped(deps), ungrouped(wanted));
    let tokens = |ty: &Type| attr::compact(&ty.to_token_stream());
    if tokens(deps) == tokens(wanted) {
        return true;
    }
    if let Type::Path(path) = wanted {
        // `<Self as Saga>::Deps`
        if path.qself.is_some() && last(wanted).as_deref() == Some("Deps") {
            return true;
        }
    }
    let Type::Path(path) = deps else {
        return false;
    };
    if last(deps) == last(wanted) {
        return true;
    }
    argument(path).is_some_and(|inner| reaches(inner, wanted))
}

/// The only argument of a generic type.
fn argument(path: &TypePath) -> Option<&Type> {
    let PathArguments::AngleBracketed(list) = &path.path.segments.last()?.arguments else {
        return None;
    };
    match list.args.first()? {
        GenericArgument::Type(inner) if list.args.len() == 1 => Some(inner),
        _ => None,
    }
}

/// The type itself, where parentheses or a macro's fragment are around it.
fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        other => other,
    }
}

/// The last name of a path.
fn last(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|s| ident::text(&s.ident)),
        _ => None,
    }
}
