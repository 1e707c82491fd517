//! `routes!`: a table of routes, checked when it is compiled.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use switchboard_router::Prefix;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, Ident, LitStr, Path, Token, parenthesized, token};

use crate::adapter::{local, located};
use crate::errors::Errors;
use crate::model::{check_pattern, crate_tokens, report};
use crate::parse::{Spelling, krate, skip_entry};

/// Expands `routes!`.
pub(crate) fn routes(tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let table = Table::parse(tokens, &mut errors);
    table.check(&mut errors);
    let krate = crate_tokens(table.krate.as_ref());
    let private = quote!(#krate::__private);
    let routes = local("routes", Span::call_site());
    let entries = table.entries.iter().map(|entry| entry.expand(&private, &routes));
    let entries: TokenStream = if errors.is_empty() {
        entries.collect()
    } else {
        errors.to_tokens()
    };
    quote!({
        let #routes = #private::Routes::new();
        #entries
        #routes
    })
}

#[derive(Default)]
struct Table {
    krate: Option<Path>,
    entries: Vec<Entry>,
}

enum Entry {
    Route(Spelling, Vec<Path>),
    Include(LitStr, Expr),
}

impl Table {
    fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut table = Self::default();
        let list = |input: ParseStream<'_>| {
            if input.peek(Token![crate]) {
                let key = input.call(Ident::parse_any)?;
                table.krate = Some(krate(&key, input)?);
                input.parse::<Token![;]>()?;
            }
            while !input.is_empty() {
                match Entry::parse(input) {
                    Ok(entry) => table.entries.push(entry),
                    Err(error) => {
                        errors.push(error);
                        skip_entry(input);
                    }
                }
                if !input.is_empty() && input.parse::<Option<Token![,]>>()?.is_none() {
                    errors.push(input.error("a `,` is missing after the entry before this"));
                    skip_entry(input);
                    input.parse::<Option<Token![,]>>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = list.parse2(tokens) {
            errors.push(error);
        }
        table
    }

    fn check(&self, errors: &mut Errors) {
        let mut seen: Vec<(&Spelling, String)> = Vec::new();
        for entry in &self.entries {
            match entry {
                Entry::Include(prefix, _) => {
                    report(Prefix::parse(&prefix.value()), prefix, errors);
                }
                Entry::Route(spelling, controllers) => {
                    check_pattern(spelling, errors);
                    for controller in controllers {
                        let name = controller.to_token_stream().to_string();
                        if seen
                            .iter()
                            .any(|(other, earlier)| other.same_as(spelling) && *earlier == name)
                        {
                            errors.at(
                                controller,
                                "this controller has this route already and would run twice: remove one",
                            );
                        } else {
                            seen.push((spelling, name));
                        }
                    }
                }
            }
        }
    }
}

impl Entry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let spelling = if input.peek(LitStr) {
            Spelling::Path(input.parse()?)
        } else if input.peek(syn::Ident) && input.fork().parse::<Ident>()? == "regex" {
            input.parse::<Ident>()?;
            Spelling::Regex(input.parse().map_err(|error: syn::Error| {
                syn::Error::new(
                    error.span(),
                    "`regex` is followed by a string literal: `regex r\"…\" => controller`",
                )
            })?)
        } else {
            return Err(input.error(
                "an entry is `\"path\" => controller`, `regex r\"…\" => (controller, controller)` or `\"prefix/\" => include(table)`",
            ));
        };
        input.parse::<Token![=>]>()?;
        if input.peek(syn::Ident) && input.peek2(token::Paren) {
            return Self::included(spelling, input);
        }
        if !input.peek(token::Paren) {
            return Ok(Self::Route(spelling, vec![controller(input)?]));
        }
        let list;
        let parens = parenthesized!(list in input);
        let controllers = Punctuated::<Path, Token![,]>::parse_terminated_with(&list, controller)?;
        if controllers.is_empty() {
            return Err(syn::Error::new(
                parens.span.join(),
                "a route has at least one controller: name it here",
            ));
        }
        Ok(Self::Route(spelling, controllers.into_iter().collect()))
    }

    fn included(spelling: Spelling, input: ParseStream<'_>) -> syn::Result<Self> {
        let word: Ident = input.parse()?;
        let table;
        parenthesized!(table in input);
        if word != "include" {
            return Err(syn::Error::new(
                word.span(),
                format_args!(
                    "a route names its controller and does not call it: write `{word}`, or `include({word}(…))` for a table"
                ),
            ));
        }
        let table = table.parse()?;
        match spelling {
            Spelling::Path(prefix) => Ok(Self::Include(prefix, table)),
            Spelling::Regex(regex) => Err(syn::Error::new(
                regex.span(),
                "a table is included under a path: write `\"prefix/\" => include(…)`",
            )),
        }
    }

    fn expand(&self, private: &TokenStream, routes: &Ident) -> TokenStream {
        match self {
            Self::Include(prefix, table) => quote!(let #routes = #routes.include(#prefix, #table);),
            Self::Route(spelling, controllers) => {
                let (method, pattern) = match spelling {
                    Spelling::Path(path) => (quote!(route), path),
                    Spelling::Regex(regex) => (quote!(regex), regex),
                };
                let controllers = controllers.iter().map(|path| {
                    let controller = named(path, private);
                    quote!(let #routes = #routes.#method(#pattern, #controller);)
                });
                quote!(#(#controllers)*)
            }
        }
    }
}

fn controller(input: ParseStream<'_>) -> syn::Result<Path> {
    input.call(Path::parse_mod_style).map_err(|error| {
        syn::Error::new(
            error.span(),
            "the path of a decorated function belongs here, such as `rooms::say`",
        )
    })
}

/// The controller that a path names. The import of a function without a decorator brings no type along; the name then
/// means the one of the glob, which says so.
fn named(path: &Path, private: &TokenStream) -> TokenStream {
    let span = located(path.segments.last().map_or_else(|| path.span(), |last| last.span()));
    let controller = quote_spanned!(span=> <NotDecorated as #private::Decorated>::DEFINITION);
    let import = quote_spanned!(span=> use #path as NotDecorated;);
    quote!({
        #[allow(unused_imports)]
        use #private::undecorated::*;
        #[allow(unused_imports)]
        #import
        #private::Controller::from(#controller)
    })
}
