//! The call: one extraction an argument, the call itself, and what becomes of the value.
//!
//! Each step is spanned at the argument or the return type that it is about, so that the compiler's message about a wrong
//! one stands under it. The value is taken apart by method calls on its concrete type (see `__private` in the server):
//! that tells a `Result` from a value which merely serialises, without ambiguity.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, ReturnType, Signature, Type};

use crate::model::Controller;

/// A place in the user's code, with names that the user's code does not see.
pub(crate) fn located(at: Span) -> Span {
    Span::mixed_site().located_at(at)
}

/// Writes adapters of one function or method.
pub(crate) struct Adapter<'a> {
    signature: &'a Signature,
    private: TokenStream,
    addressed: bool,
    /// Where the return type begins: on stable, a span cannot cover more than one token.
    output: Span,
}

impl<'a> Adapter<'a> {
    pub(crate) fn new(signature: &'a Signature, controller: &Controller) -> Self {
        let krate = &controller.options.krate;
        Self {
            signature,
            private: quote!(#krate::__private),
            addressed: controller.is_addressed(),
            output: located(match &signature.output {
                ReturnType::Default => signature.ident.span(),
                ReturnType::Type(_, output) => output.span(),
            }),
        }
    }

    /// `|needs| …`, what the arguments need before the server starts.
    pub(crate) fn needs(&self) -> TokenStream {
        let private = &self.private;
        let needs = local("needs", Span::call_site());
        let each = self.types().map(|ty| {
            let span = located(ty.span());
            quote_spanned!(span=> <#ty as #private::Argument>::needs(#needs);)
        });
        quote!(|#needs: &mut #private::Needs| {
            let _ = &#needs;
            #(#each)*
        })
    }

    /// `|request| …`, the run of a function as a closure.
    pub(crate) fn function(&self, name: &Ident) -> TokenStream {
        self.run(&quote!(#name), &TokenStream::new(), &TokenStream::new())
    }

    /// `move |request| …`, the run of a method on `service`, an `Arc<Self>`, or of another function of its block.
    pub(crate) fn method(&self, service: &Ident) -> TokenStream {
        let name = &self.signature.ident;
        let receiver = self
            .signature
            .receiver()
            .map(|_| quote!(&#service,))
            .unwrap_or_default();
        let share = if self.signature.asyncness.is_some() && !receiver.is_empty() {
            quote!(let #service = ::std::sync::Arc::clone(&#service);)
        } else {
            TokenStream::new()
        };
        let run = self.run(&quote!(Self::#name), &receiver, &share);
        quote!(move #run)
    }

    fn run(&self, callee: &TokenStream, receiver: &TokenStream, before: &TokenStream) -> TokenStream {
        let private = &self.private;
        let request = local("request", Span::call_site());
        if self.signature.asyncness.is_some() {
            let body = self.body(callee, receiver, &quote!(&#request));
            let name = located(self.signature.ident.span());
            let future = quote_spanned!(name=> ::std::boxed::Box::pin(async move { #body }));
            quote!(|#request: #private::Request| -> #private::RunFuture {
                #before
                #future
            })
        } else {
            let body = self.body(callee, receiver, &quote!(#request));
            quote!(|#request: &#private::Request| -> #private::Outcome { #body })
        }
    }

    fn body(&self, callee: &TokenStream, receiver: &TokenStream, request: &TokenStream) -> TokenStream {
        let private = &self.private;
        let arguments: Vec<_> = (0..self.types().count())
            .map(|n| local(&format!("argument{n}"), Span::call_site()))
            .collect();
        let extractions = self.types().zip(&arguments).map(|(ty, argument)| {
            let span = located(ty.span());
            quote_spanned! {span=>
                let #argument = match <#ty as #private::Argument>::extract(#request) {
                    ::core::result::Result::Ok(value) => value,
                    ::core::result::Result::Err(rejection) => return ::core::result::Result::Err(rejection),
                };
            }
        });
        let wait = self.signature.asyncness.map(|_| quote!(.await));
        let answer = local("answer", self.output);
        let call = if matches!(&self.signature.output, ReturnType::Type(_, output) if matches!(**output, Type::Never(_)))
        {
            quote!(#callee(#receiver #(#arguments),*) #wait)
        } else {
            let conversion = if self.addressed {
                self.addressed(&answer, request)
            } else {
                self.plain(&answer, request)
            };
            quote! {
                let #answer = #callee(#receiver #(#arguments),*) #wait;
                #conversion
            }
        };
        quote! {
            #[allow(unused_imports)]
            use #private::{AnyAddress as _, AnyItem as _, AnyMessage as _, AnyOption as _, AnyResult as _, AnyValue as _};
            #(#extractions)*
            #call
        }
    }

    /// From a value to an outcome; a stream's items likewise.
    fn plain(&self, answer: &Ident, request: &TokenStream) -> TokenStream {
        let private = &self.private;
        let peel = self.peel(answer);
        let bare = self.bare(answer);
        let item = self.plain_item();
        let reply = self.reply(answer, request);
        quote_spanned! {self.output=>
            #peel
            #bare
            let #answer = #private::Answer(#answer).switchboard_items(#request, #item);
            #reply
        }
    }

    /// From a value and its mailboxes to an outcome; a stream's items likewise, or they share the stream's mailboxes.
    fn addressed(&self, answer: &Ident, request: &TokenStream) -> TokenStream {
        let private = &self.private;
        let peel = self.peel(answer);
        let plain_item = self.plain_item();
        let item = self.item(|item, request| {
            let split = self.split(item);
            let mailboxes = local("mailboxes", self.output);
            let reply = self.reply(item, &quote!(#request));
            quote_spanned! {self.output=>
                #split
                #private::address(#reply, #mailboxes)
            }
        });
        let split = self.split(answer);
        let mailboxes = local("mailboxes", self.output);
        let reply = self.reply(answer, request);
        quote_spanned! {self.output=>
            #peel
            let #answer = #private::Answer(#answer).switchboard_items(#request, #item);
            #split
            let #answer = #private::Answer(#answer).switchboard_items(#request, #plain_item);
            #private::address(#reply, #mailboxes)
        }
    }

    fn plain_item(&self) -> TokenStream {
        self.item(|item, request| {
            let bare = self.bare(item);
            let reply = self.reply(item, &quote!(#request));
            quote_spanned! {self.output=>
                #bare
                #reply
            }
        })
    }

    fn item(&self, convert: impl Fn(&Ident, &Ident) -> TokenStream) -> TokenStream {
        let private = &self.private;
        let item = local("item", self.output);
        let request = local("request", self.output);
        let peel = self.peel(&item);
        let convert = convert(&item, &request);
        quote_spanned! {self.output=>
            |#item, #request: &#private::Request| -> #private::Outcome {
                #peel
                #convert
            }
        }
    }

    fn reply(&self, value: &Ident, request: &TokenStream) -> TokenStream {
        let private = &self.private;
        quote_spanned! {self.output=>
            <_ as #private::IntoReply>::into_reply(#private::Answer(#value).switchboard_message(), #request)
        }
    }

    /// Refuses a value with mailboxes.
    fn bare(&self, value: &Ident) -> TokenStream {
        let private = &self.private;
        quote_spanned! {self.output=>
            let #value = #private::Answer(#value).switchboard_value();
            <_ as #private::Unaddressed>::check(&#value);
            let #value = #value.switchboard_inner();
        }
    }

    /// Refuses a value without mailboxes.
    fn split(&self, value: &Ident) -> TokenStream {
        let private = &self.private;
        let mailboxes = local("mailboxes", self.output);
        quote_spanned! {self.output=>
            let #value = #private::Answer(#value).switchboard_address();
            <_ as #private::Addressed>::check(&#value);
            let (#value, #mailboxes) = #value.switchboard_inner();
            let #mailboxes = match #mailboxes {
                ::core::option::Option::Some(#mailboxes) => {
                    ::core::option::Option::Some(<_ as #private::IntoMailboxes>::into_mailboxes(#mailboxes))
                }
                ::core::option::Option::None => ::core::option::Option::None,
            };
        }
    }

    /// Out of `Result`, `Option`, and a `Result` in an `Option`.
    fn peel(&self, value: &Ident) -> TokenStream {
        let private = &self.private;
        let result = quote_spanned! {self.output=>
            let #value = match #private::Answer(#value).switchboard_result() {
                ::core::result::Result::Ok(value) => value,
                ::core::result::Result::Err(error) => {
                    return ::core::result::Result::Err(<_ as #private::IntoError>::into_error(error));
                }
            };
        };
        quote_spanned! {self.output=>
            #result
            let #value = match #private::Answer(#value).switchboard_option() {
                ::core::option::Option::Some(value) => value,
                ::core::option::Option::None => return ::core::result::Result::Ok(#private::Reply::nothing()),
            };
            #result
        }
    }

    fn types(&self) -> impl Iterator<Item = &'a Type> {
        self.signature.inputs.iter().filter_map(|argument| match argument {
            FnArg::Typed(argument) => Some(&*argument.ty),
            FnArg::Receiver(_) => None,
        })
    }
}

pub(crate) fn local(name: &str, at: Span) -> Ident {
    format_ident!("{name}", span = located(at))
}
