//! `#[service]`: an `impl` block whose decorated methods are the routes of a service.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use switchboard_router::check_name;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Ident, ImplItem, ImplItemFn, ItemImpl, LitStr, Path, Receiver, ReceiverKind, Token, Type};

use crate::adapter::{Adapter, local};
use crate::errors::Errors;
use crate::expand::{by_value, description, uses};
use crate::model::{Controller, crate_tokens};
use crate::parse::{conditional_decorators, krate, skip_entry, take_decorators};

/// Expands `#[service]`.
pub(crate) fn service(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let arguments = Arguments::parse(arguments, &mut errors);
    let Ok(mut block) = syn::parse2::<ItemImpl>(item.clone()) else {
        errors.at(
            Ident::new("service", Span::call_site()),
            "`#[service]` stands on an `impl` block: put it above the one whose methods are decorated",
        );
        let errors = errors.to_tokens();
        return quote!(#item #errors);
    };
    let routes = routes(&mut block, &arguments, &mut errors);
    if let Some((of_trait, _)) = &block.trait_ {
        errors.at(
            of_trait,
            "`#[service]` stands on a type's own `impl` block: move the decorated methods into one without a trait",
        );
    }
    let implementation = implementation(&block, &arguments, &routes, &errors);
    let errors = errors.to_tokens();
    quote!(#block #implementation #errors)
}

/// What stands in the parentheses of `#[service]`.
#[derive(Default)]
struct Arguments {
    name: Option<LitStr>,
    krate: Option<Path>,
}

impl Arguments {
    fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut arguments = Self::default();
        let list = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = arguments.argument(input, errors) {
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

    fn argument(&mut self, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        if input.peek(LitStr) {
            let name: LitStr = input.parse()?;
            if self.name.is_some() {
                errors.at(&name, "a service is installed under one name: keep one");
            } else if let Err(error) = check_name(&name.value(), switchboard_router::Pattern::MAX_BYTES) {
                errors.at(&name, error);
            } else if name.value().split('/').next() == Some("switchboard") {
                errors.at(
                    &name,
                    "names under `switchboard/` are the server's own: give the service another",
                );
            }
            self.name = Some(name);
        } else if input.peek(Token![crate]) {
            let key = input.call(Ident::parse_any)?;
            self.krate = Some(krate(&key, input)?);
        } else {
            return Err(input.error(
                "`#[service]` takes the name that the service is installed under, `#[service(\"messaging\")]`, and `crate = path`",
            ));
        }
        Ok(())
    }
}

/// Takes the decorators out of the block; a statement for each decorated function.
fn routes(block: &mut ItemImpl, arguments: &Arguments, errors: &mut Errors) -> Vec<TokenStream> {
    let mut routes = Vec::new();
    let mut decorated = false;
    for item in &mut block.items {
        let ImplItem::Fn(function) = item else {
            continue;
        };
        for attribute in conditional_decorators(&function.attrs) {
            errors.at(
                attribute,
                "`#[service]` cannot see what this `cfg_attr` will be: put a `#[cfg]` on the method, beside the decorator",
            );
            decorated = true;
        }
        function
            .attrs
            .retain(|attribute| conditional_decorators(std::slice::from_ref(attribute)).next().is_none());
        let decorations = take_decorators(&mut function.attrs, errors);
        if decorations.is_empty() {
            continue;
        }
        decorated = true;
        function.attrs.push(by_value());
        if let Some(receiver) = function.sig.receiver() {
            check_receiver(receiver, errors);
        }
        let controller = Controller::check(decorations, &function.sig, arguments.krate.as_ref(), errors);
        let uses = uses(&controller.decorations);
        let route = route(function, &controller);
        routes.push(quote!(#uses #route));
    }
    if !decorated {
        errors.at(
            &block.self_ty,
            "no method of this service is decorated, so it has no routes: decorate one, or remove `#[service]`",
        );
    }
    routes
}

fn check_receiver(receiver: &Receiver, errors: &mut Errors) {
    let shared = match &receiver.kind {
        ReceiverKind::Reference(_, _, mutability) => mutability.is_none(),
        ReceiverKind::Typed(_, ty) => matches!(
            &**ty,
            Type::Reference(reference)
                if reference.mutability.is_none()
                    && matches!(&*reference.elem, Type::Path(path) if path.path.is_ident("Self"))
        ),
        _ => false,
    };
    if !shared {
        errors.at(
            receiver,
            "a service is shared by all its messages at once: take `&self`, and keep what changes in a lock or an atomic",
        );
    }
}

fn route(function: &ImplItemFn, controller: &Controller) -> TokenStream {
    let krate = &controller.options.krate;
    let private = quote!(#krate::__private);
    let conditions = function
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"));
    let routes = local("routes", Span::call_site());
    let service = local("service", Span::call_site());
    let adapter = Adapter::new(&function.sig, controller);
    let run = adapter.method(&service);
    let needs = adapter.needs();
    let kind = controller.kind(&function.sig);
    let description = description(controller, &function.sig);
    quote! {
        #(#conditions)*
        let #routes = {
            let #service = ::std::sync::Arc::clone(&self);
            let _ = &#service;
            let call = #private::Call::#kind(::std::sync::Arc::new(#run));
            let method = #private::Method { #description needs: #needs };
            #routes.decorated(method.controller(call))
        };
    }
}

/// The `impl` of the trait; without its routes where something is wrong, so that installing the service is no second mistake.
fn implementation(block: &ItemImpl, arguments: &Arguments, routes: &[TokenStream], errors: &Errors) -> TokenStream {
    let krate = crate_tokens(arguments.krate.as_ref());
    let private = quote!(#krate::__private);
    let (generics, _, conditions) = block.generics.split_for_impl();
    let ty = &block.self_ty;
    let attributes = block.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    let routes_name = local("routes", Span::call_site());
    let (name, routes) = if errors.is_empty() {
        (name(block, arguments, &private), routes)
    } else {
        (Name::default(), Default::default())
    };
    let Name {
        statement: name,
        item: naming,
    } = name;
    quote! {
        #(#attributes)*
        #[allow(deprecated, unreachable_code)]
        const _: () = {
            #naming

            #[automatically_derived]
            impl #generics #private::Service for #ty #conditions {
                fn name(&self) -> &str {
                    #name
                }

                fn routes(self: ::std::sync::Arc<Self>) -> #private::Routes {
                    let #routes_name = #private::Routes::new();
                    #(#routes)*
                    #routes_name
                }
            }
        };
    }
}

/// How the service finds its name.
struct Name {
    statement: TokenStream,
    item: TokenStream,
}

impl Default for Name {
    fn default() -> Self {
        Self {
            statement: quote!(""),
            item: TokenStream::new(),
        }
    }
}

fn name(block: &ItemImpl, arguments: &Arguments, private: &TokenStream) -> Name {
    if let Some(name) = &arguments.name {
        return Name {
            statement: quote!(#name),
            ..Name::default()
        };
    }
    let of_block = block.items.iter().find_map(|item| match item {
        ImplItem::Fn(function) if function.sig.ident == "name" => Some(&function.sig.ident),
        _ => None,
    });
    if let Some(name) = of_block {
        return Name {
            statement: quote_spanned!(name.span()=> Self::name(self)),
            ..Name::default()
        };
    }
    // Where the trait `Service` is in scope, its own `name` would be found; inside of its implementation it always is.
    let (generics, _, conditions) = block.generics.split_for_impl();
    let ty = &block.self_ty;
    Name {
        statement: quote!(#private::OwnName::own_name(self)),
        item: quote! {
            impl #generics #private::OwnName for #ty #conditions {
                fn own_name(&self) -> &str {
                    #[allow(unused_imports)]
                    use #private::AnyName as _;
                    self.name()
                }
            }
        },
    }
}
