//! A decorated function.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Ident, Signature, Token, Visibility};

use crate::adapter::Adapter;
use crate::errors::Errors;
use crate::model::Controller;
use crate::parse::{Decoration, Decorator, Spelling, mentions, take_decorators};

/// Expands the outermost decorator of a function, together with those below it.
pub(crate) fn decorator(decorator: Decorator, arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let mut function = match syn::parse2::<Function>(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            errors.push(syn::Error::new(
                error.span(),
                format_args!("`{decorator}` stands on a function with a body, `fn` or `async fn`: move it to one"),
            ));
            let errors = errors.to_tokens();
            return quote!(#item #errors);
        }
    };
    if function.take_marker() {
        errors.at(
            Ident::new(decorator.name(), Span::call_site()),
            format_args!(
                "this is `{decorator}` under another name, which the decorator above it cannot see: write `{decorator}`, or move this one to the top"
            ),
        );
        take_decorators(&mut function.attributes, &mut errors);
        let errors = errors.to_tokens();
        return quote!(#function #errors);
    }
    // The compiler has evaluated `cfg` and `cfg_attr` by now, wherever they stand.
    let mut decorations = vec![Decoration::outermost(decorator, arguments, &mut errors)];
    decorations.extend(take_decorators(&mut function.attributes, &mut errors));
    if !function.may_be_free(&mut errors) {
        let errors = errors.to_tokens();
        return quote!(#function #errors);
    }
    let controller = Controller::check(decorations, &function.signature, None, &mut errors);
    let added = if errors.is_empty() {
        function.definition(&controller)
    } else {
        function.refused(&controller, &errors)
    };
    function.add_marker();
    function.attributes.push(by_value());
    let hidden = function.hidden_type();
    quote!(#function #hidden #added)
}

/// Extractors are taken by value, whatever the function does with them.
pub(crate) fn by_value() -> Attribute {
    syn::parse_quote!(#[allow(clippy::needless_pass_by_value)])
}

/// Imports of the decorators that were taken out, whose own imports would count as unused.
pub(crate) fn uses(decorations: &[Decoration]) -> TokenStream {
    let paths = decorations.iter().filter_map(|decoration| decoration.path.as_ref());
    quote!(#(#[allow(unused_imports)] use #paths as _;)*)
}

/// The words of a definition that do not depend on how the function is called.
pub(crate) fn description(controller: &Controller, signature: &Signature) -> TokenStream {
    let krate = &controller.options.krate;
    let private = quote!(#krate::__private);
    let name = signature.ident.unraw().to_string();
    let timeout = option(
        controller
            .options
            .timeout
            .map(|timeout| quote!(::core::time::Duration::from_millis(#timeout))),
    );
    let unordered = controller.options.unordered;
    let rules = controller
        .decorations
        .iter()
        .map(|decoration| rule(decoration, &private));
    let span = controller
        .decorations
        .first()
        .map_or_else(Span::call_site, |first| first.span);
    let line = quote_spanned!(span=> ::core::line!());
    quote! {
        function: #name,
        module: ::core::module_path!(),
        file: ::core::file!(),
        line: #line,
        options: #private::Options { timeout: #timeout, unordered: #unordered },
        rules: &[#(#rules),*],
    }
}

fn rule(decoration: &Decoration, private: &TokenStream) -> TokenStream {
    let decorator = match decoration.decorator {
        Decorator::Silent => quote!(Silent),
        Decorator::SendAll => quote!(SendAll),
        Decorator::SendToMailbox => quote!(SendToMailbox),
    };
    let arguments = &decoration.arguments;
    let patterns = arguments.patterns.iter().map(|spelling| match spelling {
        Spelling::Path(path) => quote!(#private::Spelling::Path(#path)),
        Spelling::Regex(regex) => quote!(#private::Spelling::Regex(#regex)),
    });
    let reply = option(arguments.reply.as_ref());
    let to = option(arguments.to.as_ref());
    let registry = option(arguments.registry.as_ref());
    let except_sender = arguments.except_sender.is_some();
    let slow = option(arguments.slow.as_ref().map(|policy| {
        if policy == "close" {
            quote!(#private::Slow::Close)
        } else if policy == "drop_oldest" {
            quote!(#private::Slow::DropOldest)
        } else {
            quote!(#private::Slow::DropNewest)
        }
    }));
    let line = quote_spanned!(decoration.span=> ::core::line!());
    quote! {
        #private::Rule {
            decorator: #private::Decorator::#decorator,
            patterns: &[#(#patterns),*],
            reply: #reply,
            to: #to,
            except_sender: #except_sender,
            slow: #slow,
            registry: #registry,
            line: #line,
        }
    }
}

fn option(value: Option<impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

/// A function whose body is not looked into.
struct Function {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    signature: Signature,
    body: TokenStream,
}

impl Function {
    /// Whether this can be a function outside of an `impl` block; where not, what to do.
    fn may_be_free(&self, errors: &mut Errors) -> bool {
        if let Some(receiver) = self.signature.receiver() {
            errors.at(
                receiver,
                "a method is a controller only in an `impl` block with `#[service]` above it: put it there, or take the state as `State<T>`",
            );
        } else if mentions(&self.signature, "Self") || mentions(&self.body, "Self") {
            errors.at(
                &self.signature.ident,
                "a function of an `impl` block is a controller only with `#[service]` above the block: put it there, or move the function out",
            );
        } else {
            return true;
        }
        false
    }

    /// The uninhabited type by which tables name the function.
    fn hidden_type(&self) -> TokenStream {
        let Self { visibility, .. } = self;
        let name = self.type_name();
        quote! {
            #[doc(hidden)]
            #[allow(non_camel_case_types, dead_code, missing_debug_implementations, unreachable_pub)]
            #visibility enum #name {}
        }
    }

    fn definition(&self, controller: &Controller) -> TokenStream {
        let krate = &controller.options.krate;
        let private = quote!(#krate::__private);
        let name = self.type_name();
        let adapter = Adapter::new(&self.signature, controller);
        let run = adapter.function(&name);
        let needs = adapter.needs();
        let kind = controller.kind(&self.signature);
        let description = description(controller, &self.signature);
        let submit = controller
            .has_pattern()
            .then(|| quote!(#private::inventory::submit!(<#name as #private::Decorated>::DEFINITION);));
        let uses = uses(&controller.decorations);
        quote! {
            #[automatically_derived]
            #[allow(deprecated)]
            impl #private::Decorated for #name {
                const DEFINITION: &'static #private::Definition = {
                    #uses
                    #submit
                    &#private::Definition {
                        #description
                        call: #private::StaticCall::#kind(#run),
                        needs: #needs,
                    }
                };
            }
        }
    }

    /// What stands in the place of the definition of a faulty controller, so that a table which names it is no second mistake.
    fn refused(&self, controller: &Controller, errors: &Errors) -> TokenStream {
        let krate = &controller.options.krate;
        let name = self.type_name();
        let uses = uses(&controller.decorations);
        let errors = errors.to_tokens();
        quote! {
            impl #krate::__private::Decorated for #name {
                const DEFINITION: &'static #krate::__private::Definition = {
                    #uses
                    #krate::__private::REFUSED
                };
            }
            #errors
        }
    }

    /// The name in the type namespace. It stands at the function's name and belongs to the macro, so that lints about
    /// the user's code pass it over.
    fn type_name(&self) -> Ident {
        let mut name = self.signature.ident.clone();
        name.set_span(Span::call_site().located_at(name.span()));
        name
    }

    /// Leaves word for an aliased decorator that may stand among the remaining attributes. An attribute in `rustfmt`'s
    /// namespace is accepted everywhere and means nothing to the compiler.
    fn add_marker(&mut self) {
        const PLAIN: [&str; 12] = [
            "doc",
            "allow",
            "warn",
            "deny",
            "forbid",
            "expect",
            "cfg",
            "inline",
            "must_use",
            "deprecated",
            "cold",
            "track_caller",
        ];
        let is_plain = |attribute: &Attribute| PLAIN.iter().any(|plain| attribute.path().is_ident(plain));
        if !self.attributes.iter().all(is_plain) {
            self.attributes
                .push(syn::parse_quote!(#[rustfmt::switchboard_decorated]));
        }
    }

    /// Whether a decorator has been at this function before.
    fn take_marker(&mut self) -> bool {
        let before = self.attributes.len();
        self.attributes.retain(|attribute| {
            attribute
                .path()
                .segments
                .last()
                .is_none_or(|last| last.ident != "switchboard_decorated")
        });
        self.attributes.len() < before
    }
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let start = input.span();
        let at_start = |_| syn::Error::new(start, "not a function");
        let signature = input.parse().map_err(at_start)?;
        if input.peek(Token![;]) {
            return Err(at_start(input.error("no body")));
        }
        Ok(Self {
            attributes,
            visibility,
            signature,
            body: input.parse()?,
        })
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        for attribute in &self.attributes {
            attribute.to_tokens(tokens);
        }
        self.visibility.to_tokens(tokens);
        self.signature.to_tokens(tokens);
        self.body.to_tokens(tokens);
    }
}
