//! A saga as an `impl` block says it. Bodies are kept as tokens, so nothing of them has to be
//! understood, and half-typed ones survive.

use crate::attr::{CratePath, Time, saga::Retry};
use proc_macro2::{Delimiter, Group, Ident, Spacing, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Attribute, LitStr, Token, Type, braced,
    ext::IdentExt,
    parenthesized,
    parse::{Parse, ParseStream},
    token::{Brace, Paren},
};

pub(crate) struct Saga {
    pub(crate) krate: CratePath,
    /// `None` where it is missing or ill-formed, which was reported.
    pub(crate) name: Option<LitStr>,
    pub(crate) version: u16,
    pub(crate) deps: Option<Type>,
    pub(crate) deadline: Option<Time>,
    pub(crate) timeout: Option<Time>,
    pub(crate) retry: Option<Retry>,
    pub(crate) undo_retry: Option<Retry>,
    pub(crate) continues: bool,
    pub(crate) frozen: bool,
    pub(crate) starts: Vec<Conditional<Input>>,
    pub(crate) cancels: Vec<Conditional<Input>>,
    pub(crate) steps: Vec<Conditional<Step>>,
    /// Several only where each has a condition of its own.
    pub(crate) completed: Vec<Conditional<Call>>,
    pub(crate) compensated: Vec<Conditional<Call>>,
}

/// A method that an event starts or cancels a saga by.
pub(crate) struct Input {
    pub(crate) name: Ident,
    /// Whose reading of the event counts: that of this aggregate, or of the event alone.
    pub(crate) aggregate: Option<Type>,
    /// The event, where its parameter is an `&Envelope<..>`.
    pub(crate) event: Option<Type>,
}

/// What is there only under the `#[cfg(..)]`s of its method.
pub(crate) struct Conditional<T> {
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) value: T,
}

pub(crate) struct Step {
    pub(crate) call: Call,
    pub(crate) command: bool,
    pub(crate) undo: Option<(Call, bool)>,
    pub(crate) reconcile: Option<Call>,
    pub(crate) pivot: bool,
    pub(crate) timeout: Option<Time>,
    pub(crate) retry: Option<Retry>,
    pub(crate) undo_timeout: Option<Time>,
    pub(crate) undo_retry: Option<Retry>,
}

/// A method and what its parameters mean.
#[derive(Clone)]
pub(crate) struct Call {
    /// The name as it was written where the method is referred to, so that an editor finds the way from there.
    pub(crate) name: Ident,
    /// Where the method stands.
    pub(crate) place: Span,
    /// Where it says what it returns.
    pub(crate) returns: Span,
    pub(crate) given: Vec<Given>,
}

/// What a parameter is given, and where its type is.
#[derive(Clone)]
pub(crate) enum Given {
    Deps(Span),
    Cx(Span),
    Effect(Span),
    Failure(Span),
    /// The output of the step of this name.
    Output(Ident, Span),
}

/// The block as it was written.
pub(crate) struct Block {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) impl_token: Token![impl],
    pub(crate) generics: TokenStream,
    pub(crate) of_trait: Option<Token![for]>,
    pub(crate) ty: TokenStream,
    pub(crate) brace: Brace,
    /// The attributes inside, `#![..]`.
    pub(crate) inner: Vec<Attribute>,
    pub(crate) items: Vec<Item>,
}

pub(crate) struct Item {
    /// The attributes of ours that stand on it.
    pub(crate) ours: Vec<Attribute>,
    pub(crate) function: Option<Function>,
    /// The conditions under which it is there.
    pub(crate) cfgs: Vec<Attribute>,
    /// The whole of it without ours.
    pub(crate) tokens: TokenStream,
}

pub(crate) struct Function {
    pub(crate) name: Ident,
    pub(crate) is_async: bool,
    pub(crate) receiver: Receiver,
    pub(crate) params: Vec<Param>,
    /// Where its return type is, if it has one.
    pub(crate) returns: Option<Span>,
}

/// A parameter after `self`.
pub(crate) struct Param {
    pub(crate) pattern: TokenStream,
    /// The pattern, if it is a plain name.
    pub(crate) name: Option<Ident>,
    pub(crate) ty: Type,
}

pub(crate) enum Receiver {
    None,
    Ref,
    /// As it is written.
    Other(TokenStream),
}

/// The attributes of methods.
pub(crate) const OURS: [&str; 7] = [
    "step",
    "command",
    "undo",
    "start",
    "cancel",
    "completed",
    "compensated",
];

impl Parse for Block {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let impl_token = input.parse()?;
        let mut generics = TokenStream::new();
        if input.peek(Token![<]) {
            let all: syn::Generics = input.parse()?;
            all.to_tokens(&mut generics);
        }
        let mut ty = TokenStream::new();
        let mut of_trait = None;
        while !input.peek(Brace) {
            if input.peek(Token![for]) {
                of_trait = Some(input.parse::<Token![for]>()?);
                of_trait.to_tokens(&mut ty);
                continue;
            }
            input.parse::<TokenTree>()?.to_tokens(&mut ty);
        }
        let content;
        let brace = braced!(content in input);
        let inner = content.call(Attribute::parse_inner)?;
        let mut items = Vec::new();
        while !content.is_empty() {
            items.push(content.parse()?);
        }
        Ok(Self {
            attrs,
            impl_token,
            generics,
            of_trait,
            ty,
            brace,
            inner,
            items,
        })
    }
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let is_ours = |attr: &Attribute| OURS.iter().any(|name| attr.path().is_ident(name));
        let (ours, theirs): (Vec<_>, Vec<_>) = attrs.into_iter().partition(is_ours);
        let cfgs = theirs.iter().filter(|attr| attr.path().is_ident("cfg"));
        let cfgs = cfgs.cloned().collect();
        let function = Function::ahead(&input.fork());
        let mut rest = TokenStream::new();
        let mut angles = Angles::default();
        while !input.is_empty() {
            let token: TokenTree = input.parse()?;
            let ends = match &token {
                TokenTree::Punct(punct) => punct.as_char() == ';',
                TokenTree::Group(group) => {
                    function.is_some() && angles.are_closed() && ends_with_braces(group)
                }
                _ => false,
            };
            angles.see(&token);
            rest.extend([token]);
            if ends {
                break;
            }
        }
        Ok(Self {
            ours,
            function,
            cfgs,
            tokens: quote!(#(#theirs)* #rest),
        })
    }
}

/// Whether it is a body: braces, or what a `macro_rules!` made of a fragment that ends with them.
fn ends_with_braces(group: &Group) -> bool {
    match group.delimiter() {
        Delimiter::Brace => true,
        Delimiter::None => match group.stream().into_iter().last() {
            Some(TokenTree::Group(last)) => ends_with_braces(&last),
            _ => false,
        },
        _ => false,
    }
}

/// How many `<` are open. Braces in them are constants and not a body.
#[derive(Default)]
struct Angles {
    open: usize,
    /// Whether the token before may be the beginning of `->` or `=>`.
    arrow: bool,
}

impl Angles {
    fn see(&mut self, token: &TokenTree) {
        let arrow = self.arrow;
        self.arrow = false;
        let TokenTree::Punct(punct) = token else {
            return;
        };
        match punct.as_char() {
            '<' => self.open += 1,
            '>' if !arrow => self.open = self.open.saturating_sub(1),
            '-' | '=' => self.arrow = punct.spacing() == Spacing::Joint,
            _ => {}
        }
    }

    const fn are_closed(&self) -> bool {
        self.open == 0
    }
}

impl Function {
    /// The signature that begins here, if it is one.
    fn ahead(input: ParseStream<'_>) -> Option<Self> {
        let mut is_async = false;
        while !input.peek(Token![fn]) {
            if input.peek(Token![=]) || input.peek(Token![;]) || input.peek(Brace) {
                return None;
            }
            is_async |= input.peek(Token![async]);
            input.parse::<TokenTree>().ok()?;
        }
        input.parse::<Token![fn]>().ok()?;
        let name = input.call(Ident::parse_any).ok()?;
        if input.peek(Token![<]) {
            input.parse::<syn::Generics>().ok()?;
        }
        let mut function = Self {
            name,
            is_async,
            receiver: Receiver::None,
            params: Vec::new(),
            returns: None,
        };
        if input.peek(Paren) {
            let mut read = |input: ParseStream<'_>| -> syn::Result<()> {
                let content;
                parenthesized!(content in input);
                while !content.is_empty() {
                    function.param(&content)?;
                    if !content.is_empty() {
                        content.parse::<Token![,]>()?;
                    }
                }
                if input.peek(Token![->]) {
                    input.parse::<Token![->]>()?;
                    function.returns = Some(input.span());
                }
                Ok(())
            };
            // Where it is no signature rustc says what is wrong with it.
            let _ = read(input);
        }
        Some(function)
    }

    fn param(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        input.call(Attribute::parse_outer)?;
        let ahead = input.fork();
        let mut by_ref = false;
        let mut plain = true;
        while !ahead.is_empty() && !ahead.peek(Token![,]) && !ahead.peek(Token![self]) {
            match ahead.parse::<TokenTree>()? {
                TokenTree::Punct(punct) if punct.as_char() == '&' => by_ref = true,
                TokenTree::Punct(punct) if punct.as_char() == ':' => break,
                TokenTree::Ident(ident) if ident == "mut" => plain = false,
                _ => {}
            }
        }
        if ahead.peek(Token![self]) {
            let mut written = TokenStream::new();
            while !input.is_empty() && !input.peek(Token![,]) {
                input.parse::<TokenTree>()?.to_tokens(&mut written);
            }
            self.receiver = if by_ref && plain {
                Receiver::Ref
            } else {
                Receiver::Other(written)
            };
            return Ok(());
        }
        let mut pattern = TokenStream::new();
        while !input.is_empty() && !is_colon(input) {
            if input.peek(Token![::]) {
                input.parse::<Token![::]>()?.to_tokens(&mut pattern);
            } else {
                input.parse::<TokenTree>()?.to_tokens(&mut pattern);
            }
        }
        input.parse::<Token![:]>()?;
        self.params.push(Param {
            name: syn::parse::Parser::parse2(plain_name, pattern.clone()).ok(),
            pattern,
            ty: input.parse()?,
        });
        Ok(())
    }
}

/// Whether a `:` comes that is no part of `::`.
fn is_colon(input: ParseStream<'_>) -> bool {
    input.peek(Token![:]) && !input.peek(Token![::])
}

/// `name` or `mut name`.
fn plain_name(input: ParseStream<'_>) -> syn::Result<Ident> {
    let _: Option<Token![mut]> = input.parse()?;
    input.call(Ident::parse_any)
}
