//! What is written: the arguments of a decorator, and which of a function's attributes are decorators.

use std::fmt;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Ident, LitStr, Meta, Path, Token};

use crate::errors::Errors;

/// Who hears the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decorator {
    Silent,
    SendAll,
    SendToMailbox,
}

impl Decorator {
    const ALL: [Self; 3] = [Self::Silent, Self::SendAll, Self::SendToMailbox];

    /// The decorator that an attribute is, by the last segment of its path.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let last = &path.segments.last()?.ident;
        Self::ALL.into_iter().find(|decorator| last == decorator.name())
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::SendAll => "send_all",
            Self::SendToMailbox => "send_to_mailbox",
        }
    }

    fn delivers(self) -> bool {
        self != Self::Silent
    }

    fn arguments(self) -> &'static str {
        match self {
            Self::Silent => "`regex`, `reply`, `registry`, `timeout`, `blocking`, `unordered` and `crate`",
            Self::SendAll => {
                "`regex`, `reply`, `except_sender`, `slow`, `registry`, `timeout`, `blocking`, `unordered` and `crate`"
            }
            Self::SendToMailbox => {
                "`regex`, `reply`, `to`, `except_sender`, `slow`, `registry`, `timeout`, `blocking`, `unordered` and `crate`"
            }
        }
    }
}

impl fmt::Display for Decorator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#[{}]", self.name())
    }
}

/// A decorator as it is written.
pub(crate) struct Decoration {
    pub(crate) decorator: Decorator,
    pub(crate) span: Span,
    /// Its path, unless it is the outermost.
    pub(crate) path: Option<Path>,
    pub(crate) arguments: Arguments,
}

/// A pattern as it is spelled.
pub(crate) enum Spelling {
    Path(LitStr),
    Regex(LitStr),
}

impl Spelling {
    pub(crate) fn literal(&self) -> &LitStr {
        match self {
            Self::Path(literal) | Self::Regex(literal) => literal,
        }
    }

    pub(crate) fn same_as(&self, other: &Self) -> bool {
        matches!(self, Self::Path(_)) == matches!(other, Self::Path(_))
            && self.literal().value() == other.literal().value()
    }
}

/// What stands in the parentheses of a decorator.
#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) patterns: Vec<Spelling>,
    pub(crate) reply: Option<LitStr>,
    pub(crate) to: Option<LitStr>,
    pub(crate) except_sender: Option<Ident>,
    pub(crate) slow: Option<Ident>,
    pub(crate) registry: Option<LitStr>,
    pub(crate) timeout: Option<LitStr>,
    pub(crate) blocking: Option<Ident>,
    pub(crate) unordered: Option<Ident>,
    pub(crate) krate: Option<Path>,
}

impl Decoration {
    /// The outermost decorator: the compiler hands over its arguments alone.
    pub(crate) fn outermost(decorator: Decorator, arguments: TokenStream, errors: &mut Errors) -> Self {
        Self {
            decorator,
            span: Span::call_site(),
            path: None,
            arguments: Arguments::parse(decorator, arguments, errors),
        }
    }

    /// A decorator among the attributes of an item.
    fn attribute(decorator: Decorator, attribute: &Attribute, errors: &mut Errors) -> Self {
        let tokens = match &attribute.meta {
            Meta::Path(_) => TokenStream::new(),
            Meta::List(list) => list.tokens.clone(),
            Meta::NameValue(_) => {
                errors.at(attribute, format_args!("write `#[{}(…)]`", decorator.name()));
                TokenStream::new()
            }
        };
        Self {
            decorator,
            span: attribute
                .path()
                .segments
                .last()
                .map_or_else(Span::call_site, |last| last.ident.span()),
            path: Some(attribute.path().clone()),
            arguments: Arguments::parse(decorator, tokens, errors),
        }
    }
}

/// Takes the decorators out of an item's attributes, in the order in which they are written.
pub(crate) fn take_decorators(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Vec<Decoration> {
    let mut taken = Vec::new();
    attributes.retain(|attribute| match Decorator::of(attribute.path()) {
        Some(decorator) => {
            taken.push(Decoration::attribute(decorator, attribute, errors));
            false
        }
        None => true,
    });
    taken
}

/// The decorators that stand inside of `cfg_attr`.
pub(crate) fn conditional_decorators(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes.iter().filter(|attribute| {
        attribute.path().is_ident("cfg_attr")
            && attribute.meta.require_list().is_ok_and(|list| {
                let mut after_predicate = list.tokens.clone().into_iter().skip_while(|token| !is_comma(token));
                after_predicate.any(
                |token| matches!(token, TokenTree::Ident(ident) if Decorator::ALL.iter().any(|d| ident == d.name())),
            )
            })
    })
}

/// Whether a keyword or name stands anywhere in these tokens.
pub(crate) fn mentions(tokens: impl ToTokens, word: &str) -> bool {
    fn walk(tokens: TokenStream, word: &str) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == word,
            TokenTree::Group(group) => walk(group.stream(), word),
            TokenTree::Punct(_) | TokenTree::Literal(_) => false,
        })
    }
    walk(tokens.into_token_stream(), word)
}

/// Passes over what is left of a faulty entry, so that the ones after it are read.
pub(crate) fn skip_entry(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        // A token tree always parses where the input is not empty.
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

impl Arguments {
    fn parse(decorator: Decorator, tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut arguments = Self::default();
        let list = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = arguments.argument(decorator, input, errors) {
                    errors.push(error);
                    skip_entry(input);
                }
                if !input.is_empty() && input.parse::<Option<Token![,]>>()?.is_none() {
                    errors.push(input.error("a `,` is missing before this argument"));
                }
            }
            Ok(())
        };
        if let Err(error) = list.parse2(tokens) {
            errors.push(error);
        }
        arguments
    }

    fn argument(&mut self, decorator: Decorator, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        if input.peek(LitStr) {
            self.patterns.push(Spelling::Path(input.parse()?));
            return Ok(());
        }
        if !input.peek(Ident::peek_any) {
            return Err(input.error(format_args!(
                "not an argument of `{decorator}`: it takes routes, each a string literal, and {}",
                decorator.arguments()
            )));
        }
        let key = input.call(Ident::parse_any)?;
        match key.to_string().as_str() {
            "regex" => self.patterns.push(Spelling::Regex(text(&key, input)?)),
            "reply" => once(&mut self.reply, &key, text(&key, input)?, errors),
            "to" if decorator == Decorator::SendToMailbox => once(&mut self.to, &key, text(&key, input)?, errors),
            "except_sender" if decorator.delivers() => once(&mut self.except_sender, &key, flag(&key, input)?, errors),
            "slow" if decorator.delivers() => once(&mut self.slow, &key, slow(&key, input)?, errors),
            "registry" => once(&mut self.registry, &key, text(&key, input)?, errors),
            "timeout" => once(&mut self.timeout, &key, text(&key, input)?, errors),
            "blocking" => once(&mut self.blocking, &key, flag(&key, input)?, errors),
            "unordered" => once(&mut self.unordered, &key, flag(&key, input)?, errors),
            "crate" => once(&mut self.krate, &key, krate(&key, input)?, errors),
            "to" => {
                return Err(syn::Error::new(
                    key.span(),
                    format_args!(
                        "`to` names a mailbox, and `{decorator}` sends to none: use it in `#[send_to_mailbox]`"
                    ),
                ));
            }
            "except_sender" | "slow" => {
                return Err(syn::Error::new(
                    key.span(),
                    format_args!(
                        "`{key}` is about deliveries, and `#[silent]` makes none: it answers the sender alone"
                    ),
                ));
            }
            _ => {
                return Err(syn::Error::new(
                    key.span(),
                    format_args!(
                        "unknown argument `{key}`: `{decorator}` takes routes, each a string literal, and {}",
                        decorator.arguments()
                    ),
                ));
            }
        }
        Ok(())
    }
}

/// `crate = path`, the path at which the framework is found.
pub(crate) fn krate(key: &Ident, input: ParseStream<'_>) -> syn::Result<Path> {
    let wanted = "`crate` takes the path of the framework where it has another name: `crate = board`";
    equals(key, input, wanted)?;
    input
        .call(Path::parse_mod_style)
        .map_err(|error| syn::Error::new(error.span(), wanted))
}

fn once<T>(place: &mut Option<T>, key: &Ident, value: T, errors: &mut Errors) {
    if place.is_some() {
        errors.at(key, format_args!("`{key}` is given twice: keep one"));
    } else {
        *place = Some(value);
    }
}

fn text(key: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let wanted = format!("`{key}` takes a string literal: `{key} = \"…\"`");
    equals(key, input, &wanted)?;
    input
        .parse()
        .map_err(|error: syn::Error| syn::Error::new(error.span(), wanted))
}

fn slow(key: &Ident, input: ParseStream<'_>) -> syn::Result<Ident> {
    let wanted = "`slow` is one of `close`, `drop_oldest` and `drop_newest`: `slow = drop_oldest`";
    equals(key, input, wanted)?;
    match input.call(Ident::parse_any) {
        Ok(policy)
            if ["close", "drop_oldest", "drop_newest"]
                .iter()
                .any(|known| policy == known) =>
        {
            Ok(policy)
        }
        Ok(other) => Err(syn::Error::new(other.span(), wanted)),
        Err(error) => Err(syn::Error::new(error.span(), wanted)),
    }
}

fn flag(key: &Ident, input: ParseStream<'_>) -> syn::Result<Ident> {
    if input.is_empty() || input.peek(Token![,]) {
        Ok(key.clone())
    } else {
        Err(input.error(format_args!("`{key}` takes no value: write `{key}` alone")))
    }
}

fn equals(key: &Ident, input: ParseStream<'_>, wanted: &str) -> syn::Result<()> {
    match input.parse::<Option<Token![=]>>()? {
        Some(_) => Ok(()),
        None => Err(syn::Error::new(key.span(), wanted)),
    }
}

fn is_comma(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',')
}
