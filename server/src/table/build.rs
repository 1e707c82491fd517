//! The checks before the start: everything is looked at, and all that is wrong is told at once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use switchboard_router::Router;

use super::discover::{Selection, registered};
use super::error::{Place, RouteError, RouteErrorKind, RouteErrors};
use super::plan::{Planned, place, plan};
use super::{Route, RouteId, RouteTable};
use crate::controller::{Decorator, Definition};
use crate::needs::Needs;
use crate::request::States;
use crate::routes::{Entry, Routes};
use crate::throttle::Throttle;

/// Lays out the routes of the decorated functions that the selections take, and of the tables.
///
/// # Errors
///
/// All that would keep one of them from being served.
pub(crate) fn build(
    selections: &[Selection],
    routes: &Routes,
    states: &States,
    served: &[Arc<str>],
    expected_crates: &[Cow<'static, str>],
) -> Result<RouteTable, RouteErrors> {
    let linked = inventory::iter::<&'static Definition>.into_iter().copied();
    build_from(linked, selections, routes, states, served, expected_crates)
}

/// The same, of these definitions instead of those that the program links.
pub(super) fn build_from(
    linked: impl IntoIterator<Item = &'static Definition>,
    selections: &[Selection],
    routes: &Routes,
    states: &States,
    served: &[Arc<str>],
    expected_crates: &[Cow<'static, str>],
) -> Result<RouteTable, RouteErrors> {
    let mut errors = Vec::new();
    let mut entries: Vec<Entry> = registered(linked, selections, &mut errors)
        .into_iter()
        .map(|definition| Entry {
            prefixes: Vec::new(),
            pattern: None,
            controller: definition.into(),
        })
        .collect();
    entries.extend(routes.entries.iter().cloned());

    if entries.is_empty() && errors.is_empty() {
        errors.push(RouteError::new(RouteErrorKind::NoRoutes, None));
    }
    check_crates(&entries, expected_crates, &mut errors);
    let planned = plan_all(&entries, &mut errors);
    for entry in &entries {
        check_states(entry, states, &mut errors);
    }
    for planned in &planned {
        check_arguments(planned, &mut errors);
        check_registry(planned, served, &mut errors);
    }

    match RouteErrors::of(errors) {
        Some(errors) => Err(errors),
        None => lay_out(planned, served),
    }
}

fn check_crates(entries: &[Entry], expected: &[Cow<'static, str>], errors: &mut Vec<RouteError>) {
    for name in expected {
        let name = name.replace('-', "_");
        let crate_of = |entry: &Entry| entry.controller.module.split("::").next() == Some(&*name);
        if !entries.iter().any(crate_of) {
            errors.push(RouteError::new(RouteErrorKind::MissingCrate(name.into()), None));
        }
    }
}

/// The routes of all entries. A function that stands twice on a pattern is found across the entries, too.
fn plan_all<'e>(entries: &'e [Entry], errors: &mut Vec<RouteError>) -> Vec<Planned<'e>> {
    let mut all: Vec<Planned<'e>> = Vec::new();
    let mut by_pattern: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for planned in entries.iter().flat_map(|entry| plan(entry, errors)).collect::<Vec<_>>() {
        let same_pattern = by_pattern.entry(planned.pattern.clone()).or_default();
        let earlier = same_pattern.iter().copied().find(|&at| all[at].is_same_run(&planned));
        match earlier {
            Some(at) => {
                let place = planned.place.clone();
                all[at].join(planned, &mut |kind| {
                    errors.push(RouteError::new(kind, Some(place.clone())))
                });
            }
            None => {
                same_pattern.push(all.len());
                all.push(planned);
            }
        }
    }
    all
}

fn check_states(entry: &Entry, states: &States, errors: &mut Vec<RouteError>) {
    let controller = &entry.controller;
    for needed in needs(controller.needs).states {
        if !states.contains(needed.id) {
            let place = place(controller, controller.line);
            errors.push(RouteError::new(RouteErrorKind::MissingState(needed.name), Some(place)));
        }
    }
}

fn check_arguments(planned: &Planned<'_>, errors: &mut Vec<RouteError>) {
    for needed in needs(planned.controller.needs).patterns {
        if let Err(reason) = (needed.check)(&planned.pattern) {
            let kind = RouteErrorKind::BadArgument {
                argument: needed.name.into(),
                pattern: planned.pattern.to_string().into(),
                reason: reason.into(),
            };
            errors.push(RouteError::new(kind, Some(planned.place.clone())));
        }
    }
}

fn check_registry(planned: &Planned<'_>, served: &[Arc<str>], errors: &mut Vec<RouteError>) {
    if !served.iter().any(|registry| **registry == *planned.registry) {
        let kind = RouteErrorKind::UnservedRegistry {
            registry: planned.registry.into(),
            served: served.iter().map(|registry| (**registry).into()).collect(),
        };
        errors.push(RouteError::new(kind, Some(planned.place.clone())));
    }
}

fn lay_out(planned: Vec<Planned<'_>>, served: &[Arc<str>]) -> Result<RouteTable, RouteErrors> {
    let mut routes: Vec<_> = planned.into_iter().map(route).collect();
    routes.sort_by(|a, b| {
        let key = |route: &Route| {
            (
                Arc::clone(&route.registry),
                route.pattern.clone(),
                route.file,
                route.line,
            )
        };
        (&a.registry, &a.pattern, &a.function)
            .cmp(&(&b.registry, &b.pattern, &b.function))
            .then_with(|| key(a).cmp(&key(b)))
    });
    let mut registries = BTreeMap::new();
    for registry in served {
        if registries.contains_key(registry) {
            continue;
        }
        let own = (0..).zip(&routes).filter(|(_, route)| route.registry == *registry);
        let router = Router::build(own.map(|(id, route)| (route.pattern.clone(), RouteId(id))))
            .map_err(|error| RouteErrors::from(RouteError::new(RouteErrorKind::Router(error), None)))?;
        registries.insert(Arc::clone(registry), Arc::new(router));
    }
    Ok(RouteTable { routes, registries })
}

fn route(planned: Planned<'_>) -> Arc<Route> {
    let Place { file, line, function } = planned.place;
    Arc::new(Route {
        pattern: planned.pattern,
        registry: planned.registry.into(),
        function,
        file,
        line,
        call: planned.controller.call.clone(),
        only_answers: matches!(&*planned.rules, [rule] if rule.decorator == Decorator::Silent && rule.reply.is_none()),
        rules: planned.rules,
        timeout: planned.controller.options.timeout,
        unordered: planned.controller.options.unordered,
        slow_told: Throttle::default(),
    })
}

fn needs(collect: fn(&mut Needs)) -> Needs {
    let mut needs = Needs::default();
    collect(&mut needs);
    needs
}
