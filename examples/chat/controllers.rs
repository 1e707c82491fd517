//! The whole chat: what may be said to it, and who hears what.
//!
//! A room is a mailbox, `rooms/<room>`; it exists while somebody is in it.

#![allow(clippy::needless_pass_by_value, reason = "a controller is given what it takes")]

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use switchboard::Needs;
use switchboard::prelude::*;

/// The chat, before it is told where to listen.
pub(crate) fn server() -> Server {
    Server::new().state(Users::default())
}

/// Gives the client a name that nobody else has.
#[silent("accounts/login")]
fn login(Payload(login): Payload<Login>, client: Client, users: State<Users>) -> Result<Account, Error> {
    let name = checked_name(&login.name)?;
    if let Some(account) = client.session::<Account>()
        && account.name != name
    {
        let message = format!(
            "you are logged in as {}; open another connection for another name",
            account.name
        );
        return Err(Error::new(code::FORBIDDEN, message));
    }
    users.add(name, &client)?;
    let account = Account {
        id: client.id(),
        name: name.to_owned(),
    };
    client.set_session(account.clone());
    Ok(account)
}

/// Lets the sender into a room, answers with everyone who is there, and tells the others, once.
#[silent("rooms/<room>/join")]
async fn join(member: Member, Params(room): Params<String>, board: Switchboard) -> Result<Room, Error> {
    let mailbox = Mailbox::new(format!("rooms/{room}"));
    let is_new = member.client.join(mailbox.clone())?;
    let present = board.holders(&mailbox).await;
    if is_new {
        board.except(&member.client).send_to_mailbox(
            mailbox,
            format!("rooms/{room}/joined"),
            &Named { name: member.name },
        )?;
    }
    let mut members: Vec<_> = present
        .iter()
        .filter_map(Client::session::<Account>)
        .map(|account| account.name.clone())
        .collect();
    members.sort();
    Ok(Room { room, members })
}

/// Lets the sender out of a room and tells those who stay.
#[send_to_mailbox("rooms/<room>/leave", to = "rooms/<room>", reply = "rooms/<room>/left")]
fn leave(Participant { member, mailbox }: Participant) -> Named {
    member.client.leave(&mailbox);
    Named { name: member.name }
}

/// A line for everybody in the room.
#[send_to_mailbox("rooms/<room>/say", to = "rooms/<room>")]
fn say(Participant { member, .. }: Participant, Payload(line): Payload<Line>) -> Said {
    Said {
        from: member.name,
        text: line.text,
    }
}

/// Shows the others in the room that the sender is about to say something.
#[send_to_mailbox("rooms/<room>/typing", to = "rooms/<room>", except_sender)]
fn typing(Participant { member, .. }: Participant) -> Typing {
    Typing { from: member.name }
}

/// A line for one user.
#[send_to_mailbox("messages/private")]
fn private(member: Member, Payload(line): Payload<PrivateLine>, users: State<Users>) -> Result<(Said, Mailbox), Error> {
    let addressee = users.find(&line.to)?;
    Ok((
        Said {
            from: member.name,
            text: line.text,
        },
        addressee.mailbox(),
    ))
}

/// A line for everyone on the server, whatever room they are in.
#[send_all("messages/broadcast")]
fn broadcast(member: Member, Payload(line): Payload<Line>) -> Said {
    Said {
        from: member.name,
        text: line.text,
    }
}

/// Frees the name of a client that is gone and tells the rooms that it was in.
#[silent("switchboard/disconnected")]
fn hang_up(client: Client, gone: Disconnected, users: State<Users>, board: Switchboard) -> Result<(), Error> {
    let Some(account) = client.session::<Account>() else {
        return Ok(());
    };
    users.remove(&account.name);
    for room in gone
        .mailboxes
        .iter()
        .filter(|mailbox| mailbox.name().starts_with("rooms/"))
    {
        let left = Named {
            name: account.name.clone(),
        };
        board.send_to_mailbox(room.clone(), format!("{}/left", room.name()), &left)?;
    }
    Ok(())
}

/// A client that has logged in. A controller that takes it fails with `unauthenticated` for all others.
#[derive(Debug)]
struct Member {
    name: String,
    client: Client,
}

impl FromRequest for Member {
    type Rejection = Error;

    fn from_request(request: &Request) -> Result<Self, Error> {
        let client = request.client().clone();
        match client.session::<Account>() {
            Some(account) => Ok(Self {
                name: account.name.clone(),
                client,
            }),
            None => Err(Error::new(
                code::UNAUTHENTICATED,
                "log in first: send accounts/login with your name",
            )),
        }
    }
}

/// A member who is in the room that the route names. A controller that takes it fails with `forbidden` for all others.
#[derive(Debug)]
struct Participant {
    member: Member,
    mailbox: Mailbox,
}

impl FromRequest for Participant {
    type Rejection = Error;

    fn from_request(request: &Request) -> Result<Self, Error> {
        let member = Member::from_request(request)?;
        let Params(room) = Params::<String>::from_request(request)?;
        let mailbox = Mailbox::new(format!("rooms/{room}"));
        if member.client.holds(&mailbox) {
            Ok(Self { member, mailbox })
        } else {
            Err(Error::new(
                code::FORBIDDEN,
                format!("you are not in the room {room}; join it first"),
            ))
        }
    }

    fn needs(needs: &mut Needs) {
        Params::<String>::needs(needs);
    }
}

/// Who is logged in, by name in lower case: nobody passes for Ada by calling themselves ADA.
#[derive(Debug, Default)]
struct Users(Mutex<HashMap<String, Client>>);

impl Users {
    fn add(&self, name: &str, client: &Client) -> Result<(), Error> {
        match self.lock().entry(name.to_lowercase()) {
            Entry::Occupied(entry) if entry.get() != client => Err(Error::new(
                "name_taken",
                format!("somebody is called {name} already; choose another name"),
            )),
            Entry::Occupied(_) => Ok(()),
            Entry::Vacant(entry) => {
                entry.insert(client.clone());
                Ok(())
            }
        }
    }

    fn find(&self, name: &str) -> Result<Client, Error> {
        let found = self.lock().get(&name.to_lowercase()).cloned();
        found.ok_or_else(|| Error::new("no_such_user", "nobody of this name is logged in"))
    }

    fn remove(&self, name: &str) {
        self.lock().remove(&name.to_lowercase());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Client>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize)]
struct Login {
    name: String,
}

#[derive(Clone, Serialize)]
struct Account {
    id: ClientId,
    name: String,
}

#[derive(Serialize)]
struct Room {
    room: String,
    members: Vec<String>,
}

#[derive(Serialize)]
struct Named {
    name: String,
}

#[derive(Serialize)]
struct Typing {
    from: String,
}

#[derive(Deserialize)]
struct Line {
    text: Words,
}

#[derive(Deserialize)]
struct PrivateLine {
    to: String,
    text: Words,
}

#[derive(Serialize)]
struct Said {
    from: String,
    text: Words,
}

/// What somebody says. Anything else fails with `bad_payload`, which names the field.
#[derive(Deserialize, Serialize)]
#[serde(try_from = "String")]
struct Words(String);

impl TryFrom<String> for Words {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if !text.trim().is_empty() && text.chars().count() <= LONGEST_TEXT {
            Ok(Self(text))
        } else {
            Err(format!("say something, in at most {LONGEST_TEXT} characters"))
        }
    }
}

/// The name without the blanks around it.
fn checked_name(name: &str) -> Result<&str, Error> {
    let name = name.trim();
    let is_good = (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.chars().any(is_unseen);
    if is_good {
        Ok(name)
    } else {
        let message = format!("a name has 1 to {LONGEST_NAME} characters, all of which can be seen");
        Err(Error::new("bad_name", message))
    }
}

/// Whether two names could differ by this character and look the same.
fn is_unseen(c: char) -> bool {
    let is_blank = c.is_whitespace() && c != ' ';
    let is_format = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    c.is_control() || is_blank || is_format
}

const LONGEST_NAME: usize = 32;
const LONGEST_TEXT: usize = 2_000;
