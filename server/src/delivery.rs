//! Who hears a value: the rules of a route, applied to what its controller said.

use smallvec::SmallVec;
use switchboard_router::check_name;
use switchboard_wire::{Error, RawPayload, Text};

use crate::controller::Decorator;
use crate::lifecycle::RESERVED;
use crate::mailbox::{Mailbox, Mailboxes};
use crate::reply::Part;
use crate::request::Request;
use crate::switchboard::{Delivery, Sent};
use crate::table::DeliveryRule;

/// What became of one value.
#[derive(Debug)]
pub(crate) struct Delivered {
    /// What happened to the deliveries.
    pub(crate) sent: Sent,
    /// The names under which the value is to be answered, one a rule that answers; none for the message's own.
    pub(crate) answers: Names,
    /// The value.
    pub(crate) payload: Option<RawPayload>,
}

impl Delivered {
    /// A value that goes to who asked alone, under the message's own name.
    pub(crate) fn answer(payload: Option<RawPayload>) -> Self {
        Self {
            sent: Sent::default(),
            answers: Names::from_iter([None]),
            payload,
        }
    }
}

/// A name a rule; none for the message's own.
type Names = SmallVec<[Option<Text>; 2]>;

/// Delivers one value by every rule of the route. What goes to the one that asked is left to be said after that.
///
/// # Errors
///
/// Where the value has no name that it could travel under; then nobody gets it.
pub(crate) fn deliver(request: &Request, part: Part) -> Result<Delivered, Error> {
    let rules = &request.route().rules;
    let names = rules.iter().map(|rule| name(request, rule, &part));
    let names = names.collect::<Result<Names, _>>()?;
    let mut sent = Sent::default();
    let mut answers = Names::new();
    for (rule, name) in rules.iter().zip(names) {
        let to = match rule.decorator {
            Decorator::Silent => {
                answers.push(name);
                continue;
            }
            Decorator::SendAll => None,
            Decorator::SendToMailbox => Some(mailboxes(request, rule, &part)),
        };
        let delivery = Delivery {
            name: name.unwrap_or_else(|| request.message().name_text().clone()),
            payload: part.payload.clone(),
            except: rule.except_sender.then(|| request.client()),
            slow: rule.slow,
        };
        sent += match to {
            None => request.switchboard().deliver_all(delivery),
            Some(mailboxes) => request.switchboard().deliver_to(&mailboxes, &delivery),
        };
    }
    Ok(Delivered {
        sent,
        answers,
        payload: part.payload,
    })
}

/// The name that a value travels under: the one that the controller set, the one that the route declares, or none, for the
/// message's.
fn name(request: &Request, rule: &DeliveryRule, part: &Part) -> Result<Option<Text>, Error> {
    let declared = || Some(rule.reply.as_ref()?.render(|param| request.param(param))?.into());
    let Some(name) = part.name.clone().or_else(declared) else {
        return Ok(None);
    };
    // What an expression captured, or a controller put together, need not be a name.
    if let Err(error) = check_name(&name, request.client().limits().name_bytes) {
        return Err(Error::internal(format!("a reply cannot be named {name:?}: {error}")));
    }
    if name.starts_with(RESERVED) && name != *request.message().name_text() {
        return Err(Error::internal(format!(
            "a reply cannot be named {name:?}: names under {RESERVED} are the server's"
        )));
    }
    Ok(Some(name))
}

fn mailboxes(request: &Request, rule: &DeliveryRule, part: &Part) -> Mailboxes {
    match &rule.to {
        Some(to) => to.render(|param| request.param(param)).map(Mailbox::from).into(),
        None => part.mailboxes.clone().unwrap_or_default(),
    }
}
