//! What is meant: decorators and a signature, checked against each other.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use switchboard_router::{Pattern, PatternError, Template, check_name};
use syn::{FnArg, Ident, LitStr, Path, ReturnType, Safety, Signature, Type, TypeParamBound};

use crate::errors::Errors;
use crate::parse::{Decoration, Decorator, Spelling, mentions};

/// A function or method with all that its decorators say, checked.
pub(crate) struct Controller {
    pub(crate) decorations: Vec<Decoration>,
    pub(crate) options: Options,
}

/// What holds for the function's run, whichever decorator says it.
pub(crate) struct Options {
    /// In milliseconds.
    pub(crate) timeout: Option<u64>,
    pub(crate) blocking: bool,
    pub(crate) unordered: bool,
    pub(crate) krate: TokenStream,
}

impl Controller {
    /// Checks the decorators of one function, the outermost first. What is wrong goes into `errors`.
    ///
    /// `krate` is where the framework is found if no decorator says so.
    pub(crate) fn check(
        decorations: Vec<Decoration>,
        signature: &Signature,
        krate: Option<&Path>,
        errors: &mut Errors,
    ) -> Self {
        check_signature(signature, errors);
        for decoration in &decorations {
            check_templates(decoration, errors);
            if returns_nothing(&signature.output)
                && let Some(reply) = &decoration.arguments.reply
            {
                errors.at(
                    reply,
                    format_args!(
                        "`reply` names an answer, and `{}` returns nothing: return one or leave it out",
                        signature.ident
                    ),
                );
            }
        }
        check_duplicates(&decorations, errors);
        let options = Options::check(&decorations, signature, krate, errors);
        Self { decorations, options }
    }

    /// Whether the mailboxes come with the value: some decorator sends to mailboxes and says not to which.
    pub(crate) fn is_addressed(&self) -> bool {
        self.decorations
            .iter()
            .any(|d| d.decorator == Decorator::SendToMailbox && d.arguments.to.is_none())
    }

    /// The variant of `Call` and `StaticCall`.
    pub(crate) fn kind(&self, signature: &Signature) -> TokenStream {
        if signature.asyncness.is_some() {
            quote!(Async)
        } else if self.options.blocking {
            quote!(Blocking)
        } else {
            quote!(Inline)
        }
    }

    /// Whether some decorator gives a route.
    pub(crate) fn has_pattern(&self) -> bool {
        self.decorations.iter().any(|d| !d.arguments.patterns.is_empty())
    }
}

impl Options {
    fn check(decorations: &[Decoration], signature: &Signature, krate: Option<&Path>, errors: &mut Errors) -> Self {
        let arguments = || decorations.iter().map(|decoration| &decoration.arguments);
        let timeout = agreed(
            arguments().filter_map(|a| a.timeout.as_ref()),
            |a, b| a.value() == b.value(),
            "timeout",
            errors,
        );
        let own_krate = agreed(
            arguments().filter_map(|a| a.krate.as_ref()),
            same_tokens,
            "crate",
            errors,
        );
        let blocking = arguments().find_map(|a| a.blocking.as_ref());
        let unordered = arguments().any(|a| a.unordered.is_some());
        if let (Some(blocking), Some(_)) = (blocking, &signature.asyncness) {
            errors.at(
                blocking,
                format_args!(
                    "`blocking` is for a plain `fn`, and `{}` is `async`: leave one of the two out",
                    signature.ident
                ),
            );
        }
        if let (Some(timeout), None, None) = (timeout, &signature.asyncness, blocking) {
            errors.at(
                timeout,
                format_args!(
                    "a plain `fn` runs on the connection's task and cannot be timed out: make `{}` an `async fn`, or add `blocking`",
                    signature.ident
                ),
            );
        }
        Self {
            timeout: timeout.and_then(|literal| match milliseconds(&literal.value()) {
                Ok(timeout) => Some(timeout),
                Err(message) => {
                    errors.at(literal, message);
                    None
                }
            }),
            blocking: blocking.is_some(),
            unordered,
            krate: crate_tokens(own_krate.or(krate)),
        }
    }
}

/// Where the framework is found: under its own name, unless said otherwise.
pub(crate) fn crate_tokens(path: Option<&Path>) -> TokenStream {
    path.map_or_else(|| quote!(::switchboard), ToTokens::to_token_stream)
}

/// Checks a pattern with the router's own grammar.
pub(crate) fn check_pattern(spelling: &Spelling, errors: &mut Errors) -> Option<Pattern> {
    let checked = match spelling {
        Spelling::Path(literal) => Pattern::path(&literal.value()),
        Spelling::Regex(literal) => Pattern::regex(&literal.value()),
    };
    report(checked, spelling.literal(), errors)
}

/// Passes a value on, or the error of the text in a literal.
pub(crate) fn report<T>(checked: Result<T, PatternError>, literal: &LitStr, errors: &mut Errors) -> Option<T> {
    match checked {
        Ok(value) => Some(value),
        Err(error) => {
            errors.at(literal, error);
            None
        }
    }
}

/// `10s`, `250ms`, `2m` or `1h`, in milliseconds.
pub(crate) fn milliseconds(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    match number.parse::<u32>() {
        Ok(number) if number > 0 && factor > 0 => Ok(u64::from(number) * factor),
        _ => Err(format!(
            "`{text}` is no time-out: write a whole number from 1 to {} and a unit, `ms`, `s`, `m` or `h`, as in `\"5s\"`",
            u32::MAX
        )),
    }
}

fn check_signature(signature: &Signature, errors: &mut Errors) {
    let name = &signature.ident;
    if !signature.generics.params.is_empty() {
        errors.at(
            &signature.generics,
            format_args!(
                "a controller cannot be generic, for a message says nothing of types or lifetimes: write `{name}` for concrete, owned types"
            ),
        );
    }
    if let Safety::Unsafe(token) = &signature.safety {
        errors.at(
            token,
            format_args!(
                "a controller is called by the server, which upholds no contract of yours: make `{name}` safe"
            ),
        );
    }
    if let Some(abi) = &signature.abi {
        errors.at(
            abi,
            format_args!("a controller is a Rust function: remove `extern` from `{name}`"),
        );
    }
    if let Some(variadic) = &signature.variadic {
        errors.at(
            variadic,
            format_args!("a controller takes extractors, one an argument: remove `...` from `{name}`"),
        );
    }
    for argument in &signature.inputs {
        if let FnArg::Typed(argument) = argument
            && mentions(&argument.ty, "impl")
        {
            errors.at(
                &argument.ty,
                "a message says nothing of types, so an argument cannot be `impl Trait`: name a type that is `FromRequest`",
            );
        }
    }
    if let (ReturnType::Type(_, output), None) = (&signature.output, &signature.asyncness)
        && is_impl_future(output)
    {
        errors.at(
            output,
            format_args!("a plain `fn` answers at once, and this answers with a future: make `{name}` an `async fn`"),
        );
    }
}

fn is_impl_future(output: &Type) -> bool {
    let Type::ImplTrait(output) = output else {
        return false;
    };
    output.bounds.iter().any(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().is_some_and(|last| last.ident == "Future"),
        _ => false,
    })
}

fn returns_nothing(output: &ReturnType) -> bool {
    match output {
        ReturnType::Default => true,
        ReturnType::Type(_, output) => {
            matches!(&**output, Type::Tuple(tuple) if tuple.elems.is_empty())
        }
    }
}

fn check_templates(decoration: &Decoration, errors: &mut Errors) {
    let arguments = &decoration.arguments;
    let patterns: Vec<_> = arguments
        .patterns
        .iter()
        .filter_map(|spelling| check_pattern(spelling, errors).map(|pattern| (spelling, pattern)))
        .collect();
    for (key, template) in [("reply", &arguments.reply), ("to", &arguments.to)] {
        let Some(literal) = template else { continue };
        let Some(template) = report(Template::parse(&literal.value()), literal, errors) else {
            continue;
        };
        if template.source().split('/').next() == Some("switchboard") {
            errors.at(
                literal,
                format_args!("`{key}`: names under `switchboard/` are the server's own: use another"),
            );
        }
        for (spelling, pattern) in &patterns {
            if let Err(error) = template.check(pattern) {
                errors.at(
                    literal,
                    format_args!(
                        "`{key}` does not fit the route {:?}: {error}",
                        spelling.literal().value()
                    ),
                );
            }
        }
    }
    if let Some(literal) = &arguments.registry
        && let Err(error) = check_name(&literal.value(), Pattern::MAX_BYTES)
    {
        errors.at(literal, format_args!("`registry`: {error}"));
    }
}

fn check_duplicates(decorations: &[Decoration], errors: &mut Errors) {
    let mut seen: Vec<(Decorator, &Spelling)> = Vec::new();
    for decoration in decorations {
        for spelling in &decoration.arguments.patterns {
            let decorator = decoration.decorator;
            if seen
                .iter()
                .any(|(other, earlier)| *other == decorator && earlier.same_as(spelling))
            {
                errors.at(
                    spelling.literal(),
                    format_args!("`{decorator}` has this route already and would deliver the answer twice: remove one"),
                );
            } else {
                seen.push((decorator, spelling));
            }
        }
    }
}

/// The one value that all decorators of a function give which give any.
fn agreed<'a, T: ToTokens>(
    mut values: impl Iterator<Item = &'a T>,
    same: impl Fn(&T, &T) -> bool,
    key: &str,
    errors: &mut Errors,
) -> Option<&'a T> {
    let first = values.next()?;
    for other in values {
        if !same(first, other) {
            errors.at(
                other,
                format_args!(
                    "another decorator of this function gives another `{key}`, and they share one run: keep one"
                ),
            );
        }
    }
    Some(first)
}

fn same_tokens(a: &Path, b: &Path) -> bool {
    let idents = |path: &Path| {
        path.segments
            .iter()
            .map(|segment| segment.ident.clone())
            .collect::<Vec<Ident>>()
    };
    a.leading_colon.is_some() == b.leading_colon.is_some() && idents(a) == idents(b)
}

#[cfg(test)]
mod tests;
