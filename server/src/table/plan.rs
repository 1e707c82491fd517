//! From one line of a table to its routes: patterns behind their prefixes, decorators that share a run.

use std::borrow::Cow;
use std::sync::Arc;

use switchboard_router::{Pattern, PatternError, Prefix, Template};

use super::DeliveryRule;
use super::error::{Place, RouteError, RouteErrorKind};
use crate::controller::{Call, Decorator};
use crate::lifecycle::{CONNECTED, DISCONNECTED, RESERVED};
use crate::routes::{Controller, Entry, OwnedRule, PatternSource};
use crate::server::PUBLIC;

/// A route that is to be: one run of one controller.
#[derive(Debug)]
pub(super) struct Planned<'e> {
    pub(super) registry: &'e str,
    pub(super) pattern: Pattern,
    pub(super) controller: &'e Controller,
    pub(super) rules: Vec<DeliveryRule>,
    pub(super) place: Place,
}

impl Planned<'_> {
    /// Whether the two are one run: the same function on the same pattern.
    pub(super) fn is_same_run(&self, other: &Self) -> bool {
        self.registry == other.registry
            && self.pattern == other.pattern
            && is_same_function(self.controller, other.controller)
    }
}

/// The routes of one line of a table.
pub(super) fn plan<'e>(entry: &'e Entry, errors: &mut Vec<RouteError>) -> Vec<Planned<'e>> {
    let controller = &entry.controller;
    let mut planned: Vec<Planned<'e>> = Vec::new();
    if controller.rules.is_empty() {
        let place = place(controller, controller.line);
        errors.push(RouteError::new(RouteErrorKind::NoDecorator, Some(place)));
    }
    for rule in &controller.rules {
        let place = place(controller, rule.line);
        let mut refuse = |kind| errors.push(RouteError::new(kind, Some(place.clone())));
        let sources = match &entry.pattern {
            Some(source) => std::slice::from_ref(source),
            None => &rule.patterns[..],
        };
        for argument in useless(rule) {
            let decorator = rule.decorator;
            refuse(RouteErrorKind::UselessArgument { argument, decorator });
        }
        if sources.is_empty() {
            refuse(RouteErrorKind::NoPattern(rule.decorator));
        }
        for source in sources {
            let pattern = match resolve(source, &entry.prefixes) {
                Ok(pattern) => pattern,
                Err(kind) => {
                    refuse(kind);
                    continue;
                }
            };
            let Some(delivery) = delivery(rule, &pattern, &mut refuse) else {
                continue;
            };
            let next = Planned {
                registry: rule.registry.as_deref().unwrap_or(PUBLIC),
                pattern,
                controller,
                rules: vec![delivery],
                place: place.clone(),
            };
            match planned.iter_mut().find(|earlier| earlier.is_same_run(&next)) {
                Some(earlier) => earlier.join(next, &mut refuse),
                None => planned.push(next),
            }
        }
    }
    planned
}

impl Planned<'_> {
    /// Adds the decorators of another that is the same run.
    pub(super) fn join(&mut self, other: Self, refuse: &mut impl FnMut(RouteErrorKind)) {
        for rule in other.rules {
            if self.rules.iter().any(|earlier| earlier.decorator == rule.decorator) {
                refuse(RouteErrorKind::Duplicate {
                    decorator: rule.decorator,
                    pattern: self.pattern.to_string().into(),
                });
            } else {
                self.rules.push(rule);
            }
        }
    }
}

/// The path of the function, with the line of one of its decorators.
pub(super) fn place(controller: &Controller, line: u32) -> Place {
    let function = match controller.module {
        "" => controller.function.as_ref().into(),
        module => format!("{module}::{}", controller.function).into(),
    };
    Place {
        file: controller.file,
        line,
        function,
    }
}

/// The pattern behind the prefixes around it. Names of Switchboard's own have no prefix.
fn resolve(source: &PatternSource, prefixes: &[Cow<'static, str>]) -> Result<Pattern, RouteErrorKind> {
    let (PatternSource::Path(written) | PatternSource::Regex(written)) = source;
    let prefixes = match written.starts_with(RESERVED) {
        true => &[],
        false => prefixes,
    };
    let bad_pattern = |error: PatternError| RouteErrorKind::BadPattern {
        pattern: prefixes
            .iter()
            .map(|prefix| &**prefix)
            .chain([&**written])
            .collect::<String>()
            .into(),
        error,
    };
    let mut pattern = match source {
        PatternSource::Path(path) => Pattern::path(path),
        PatternSource::Regex(regex) => Pattern::regex(regex),
    }
    .map_err(bad_pattern)?;
    for prefix in prefixes.iter().rev() {
        let checked = Prefix::parse(prefix).map_err(|error| RouteErrorKind::BadPrefix {
            prefix: prefix.as_ref().into(),
            error,
        })?;
        pattern = pattern.under(&checked).map_err(bad_pattern)?;
    }
    let is_event = pattern.is_literal() && [CONNECTED, DISCONNECTED].contains(&pattern.source());
    match pattern.source().starts_with(RESERVED) && !is_event {
        true => Err(RouteErrorKind::ReservedPattern(pattern.to_string().into())),
        false => Ok(pattern),
    }
}

fn delivery(rule: &OwnedRule, pattern: &Pattern, refuse: &mut impl FnMut(RouteErrorKind)) -> Option<DeliveryRule> {
    let mut checked = |argument, template: &Option<Cow<'static, str>>| match template {
        None => Some(None),
        Some(template) => match check_template(argument, template, pattern) {
            Ok(template) => Some(Some(template)),
            Err(kind) => {
                refuse(kind);
                None
            }
        },
    };
    let (reply, to) = (checked("reply", &rule.reply), checked("to", &rule.to));
    Some(DeliveryRule {
        decorator: rule.decorator,
        reply: reply?,
        to: to?,
        except_sender: rule.except_sender,
        slow: rule.slow,
    })
}

/// The arguments that a builder gave and that no decorator would have taken.
fn useless(rule: &OwnedRule) -> impl Iterator<Item = &'static str> {
    let is_silent = rule.decorator == Decorator::Silent;
    let is_to_mailbox = rule.decorator == Decorator::SendToMailbox;
    [
        ("to", rule.to.is_some() && !is_to_mailbox),
        ("except_sender", rule.except_sender && is_silent),
        ("slow", rule.slow.is_some() && is_silent),
    ]
    .into_iter()
    .filter_map(|(argument, is_useless)| is_useless.then_some(argument))
}

fn check_template(argument: &'static str, template: &str, pattern: &Pattern) -> Result<Template, RouteErrorKind> {
    if template.starts_with(RESERVED) {
        let template = template.into();
        return Err(RouteErrorKind::ReservedTemplate { argument, template });
    }
    let checked = Template::parse(template).and_then(|checked| checked.check(pattern).map(|()| checked));
    checked.map_err(|error| RouteErrorKind::BadTemplate {
        argument,
        template: template.into(),
        pattern: pattern.to_string().into(),
        error,
    })
}

/// Closures of one line have the same name, and are told apart by what they call.
fn is_same_function(a: &Controller, b: &Controller) -> bool {
    let written = |controller: &Controller| (controller.file, controller.line, controller.module);
    let is_closure = a.module.is_empty();
    written(a) == written(b) && a.function == b.function && (!is_closure || is_same_call(&a.call, &b.call))
}

fn is_same_call(a: &Call, b: &Call) -> bool {
    match (a, b) {
        (Call::Inline(a) | Call::Blocking(a), Call::Inline(b) | Call::Blocking(b)) => {
            std::ptr::addr_eq(Arc::as_ptr(a), Arc::as_ptr(b))
        }
        (Call::Async(a), Call::Async(b)) => std::ptr::addr_eq(Arc::as_ptr(a), Arc::as_ptr(b)),
        (Call::Inline(_) | Call::Blocking(_), Call::Async(_))
        | (Call::Async(_), Call::Inline(_) | Call::Blocking(_)) => false,
    }
}
