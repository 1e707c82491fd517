//! Who hears a value: the rules of a route, applied to what its controller said.

use switchboard_router::check_name;
use switchboard_wire::{Error, Text};

use crate::controller::Decorator;
use crate::lifecycle::RESERVED;
use crate::mailbox::{Mailbox, Mailboxes};
use crate::reply::Part;
use crate::request::Request;
use crate::switchboard::{Delivery, Sent};
use crate::table::DeliveryRule;

/// What became of one value.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    /// What happened to the deliveries.
    pub(crate) sent: Sent,
    /// The names under which the value is to be answered, one a rule that answers.
    pub(crate) answers: Vec<Text>,
}

/// Delivers one value by every rule of the route. What goes to the one that asked is left to be said after that.
///
/// # Errors
///
/// Where the value has no name that it could travel under; then nobody gets it.
pub(crate) fn deliver(request: &Request, part: &Part) -> Result<Delivered, Error> {
    let rules = &request.route.rules;
    let names = rules.iter().map(|rule| name(request, rule, part));
    let names = names.collect::<Result<Vec<_>, _>>()?;
    let mut delivered = Delivered::default();
    for (rule, name) in rules.iter().zip(names) {
        let to = match rule.decorator {
            Decorator::Silent => {
                delivered.answers.push(name);
                continue;
            }
            Decorator::SendAll => None,
            Decorator::SendToMailbox => Some(mailboxes(request, rule, part)),
        };
        let delivery = Delivery {
            name,
            payload: part.payload.clone(),
            except: rule.except_sender.then(|| request.client()),
            slow: rule.slow.unwrap_or(request.switchboard().limits().slow),
        };
        delivered.sent += match to {
            None => request.switchboard().deliver_all(&delivery),
            Some(mailboxes) => request.switchboard().deliver_to(&mailboxes, &delivery),
        };
    }
    Ok(delivered)
}

/// The name that a value travels under: the one that the controller set, the one that the route declares, or the message's.
fn name(request: &Request, rule: &DeliveryRule, part: &Part) -> Result<Text, Error> {
    let declared = || Some(rule.reply.as_ref()?.render(|param| request.param(param))?.into());
    let Some(name) = part.name.clone().or_else(declared) else {
        return Ok(request.message().name_text().clone());
    };
    // What an expression captured, or a controller put together, need not be a name.
    if let Err(error) = check_name(&name, request.switchboard().limits().name_bytes) {
        return Err(Error::internal(format!("a reply cannot be named {name:?}: {error}")));
    }
    if name.starts_with(RESERVED) && name != *request.message().name_text() {
        return Err(Error::internal(format!(
            "a reply cannot be named {name:?}: names under {RESERVED} are the server's"
        )));
    }
    Ok(name)
}

fn mailboxes(request: &Request, rule: &DeliveryRule, part: &Part) -> Mailboxes {
    match &rule.to {
        Some(to) => to.render(|param| request.param(param)).map(Mailbox::from).into(),
        None => part.mailboxes.clone().unwrap_or_default(),
    }
}
