//! Functions as decorators describe them, and what becomes of them.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::build::build_from;
use super::{RouteErrors, RouteTable, Selection};
use crate::controller::{Decorator, Definition, Options, Rule, Spelling, StaticCall};
use crate::needs::Needs;
use crate::reply::{Outcome, Reply};
use crate::request::{FromRequest, Request, States};
use crate::routes::{Controller, Routes};

mod discovery;
mod grouping;
mod refusals;

const SILENT: Rule = Rule {
    decorator: Decorator::Silent,
    patterns: &[],
    reply: None,
    to: None,
    except_sender: false,
    slow: None,
    registry: None,
    line: 10,
};

const SEND_ALL: Rule = Rule {
    decorator: Decorator::SendAll,
    line: 11,
    ..SILENT
};

const SEND_TO_MAILBOX: Rule = Rule {
    decorator: Decorator::SendToMailbox,
    line: 12,
    ..SILENT
};

const FUNCTION: Definition = Definition {
    function: "say",
    module: "chat::rooms",
    file: "src/rooms.rs",
    line: 10,
    call: StaticCall::Inline(nothing),
    needs: |_| (),
    options: Options {
        timeout: None,
        unordered: false,
    },
    rules: &[],
};

fn nothing(_: &Request) -> Outcome {
    Ok(Reply::nothing())
}

/// What the linker would have collected, and what an application adds to it.
struct Application {
    linked: Vec<&'static Definition>,
    selection: Vec<Selection>,
    routes: Routes,
    states: States,
    served: Vec<Arc<str>>,
    expected: Vec<Cow<'static, str>>,
}

impl Application {
    fn of(linked: impl IntoIterator<Item = Definition>) -> Self {
        Self {
            linked: linked
                .into_iter()
                .map(|definition| &*Box::leak(Box::new(definition)))
                .collect(),
            selection: vec![Selection::All],
            routes: Routes::new(),
            states: States::default(),
            served: vec!["public".into()],
            expected: Vec::new(),
        }
    }

    fn with(routes: Routes) -> Self {
        Self { routes, ..Self::of([]) }
    }

    fn build(&self) -> Result<RouteTable, RouteErrors> {
        build_from(
            self.linked.iter().copied(),
            &self.selection,
            &self.routes,
            &self.states,
            &self.served,
            &self.expected,
        )
    }

    fn table(&self) -> RouteTable {
        self.build().unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// The lines of the refusal, without the first.
    fn refusals(&self) -> Vec<String> {
        let errors = self.build().err().map(|errors| errors.to_string()).unwrap_or_default();
        errors
            .lines()
            .skip(1)
            .map(|line| line.trim_start_matches("  - ").to_owned())
            .collect()
    }
}

/// A decorated function in a table.
fn decorated(definition: Definition) -> Controller {
    Controller::from(&*Box::leak(Box::new(definition)))
}

fn needs<A: FromRequest>(needs: &mut Needs) {
    A::needs(needs);
}
