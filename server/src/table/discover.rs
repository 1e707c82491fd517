//! Which of the decorated functions that the program links a server takes.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::error::{RouteError, RouteErrorKind};
use crate::controller::Definition;

/// A part of the decorated functions that the program links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// All of them.
    All,
    /// Those of this module and of the modules below it: `chat::controllers`.
    Subtree(Cow<'static, str>),
}

impl Selection {
    fn takes(&self, definition: &Definition) -> bool {
        match self {
            Self::All => true,
            Self::Subtree(root) => {
                let below = definition.module.strip_prefix(&**root);
                below.is_some_and(|below| below.is_empty() || below.starts_with("::"))
            }
        }
    }
}

/// The decorated functions that register themselves and that any of the selections takes, each once, in the linker's
/// order, which the table hides.
pub(super) fn registered(
    definitions: impl IntoIterator<Item = &'static Definition>,
    selections: &[Selection],
    errors: &mut Vec<RouteError>,
) -> Vec<&'static Definition> {
    let mut definitions: Vec<_> = definitions
        .into_iter()
        .filter(|definition| definition.rules.iter().any(|rule| !rule.patterns.is_empty()))
        .collect();
    for selection in selections {
        if let Selection::Subtree(module) = selection
            && !definitions.iter().any(|definition| selection.takes(definition))
        {
            let near = nearest(module, definitions.iter().map(|definition| definition.module));
            let module = module.as_ref().into();
            errors.push(RouteError::new(
                RouteErrorKind::NothingDiscovered { module, near },
                None,
            ));
        }
    }
    definitions.retain(|definition| selections.iter().any(|selection| selection.takes(definition)));
    definitions
}

/// The modules that have the most characters in common with this one, from its start.
fn nearest(module: &str, modules: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let common = |other: &str| module.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let mut near: Vec<_> = modules.collect::<BTreeSet<_>>().into_iter().collect();
    near.sort_by_key(|other| std::cmp::Reverse(common(other)));
    near.truncate(NEAR);
    near
}

/// How many modules an error message names.
const NEAR: usize = 5;
