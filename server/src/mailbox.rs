//! Named sets of clients.

use std::fmt;

use switchboard_wire::Text;

/// The name of a set of clients: a room, a user, a topic.
///
/// A client holds `client/<id>` from the start; controllers let it [`join`](crate::Client::join) and
/// [`leave`](crate::Client::leave) others. A mailbox exists while somebody holds it, and sending to one that nobody holds
/// reaches nobody.
///
/// ```
/// use switchboard_server::{Mailbox, Mailboxes};
///
/// let room = Mailbox::new("rooms/lobby");
/// assert_eq!(room.name(), "rooms/lobby");
/// let both: Mailboxes = [room, Mailbox::new("rooms/attic")].into();
/// assert_eq!(both.iter().count(), 2);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Mailbox(Text);

impl Mailbox {
    /// The mailbox of this name.
    pub fn new(name: impl Into<Text>) -> Self {
        Self(name.into())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }

    pub(crate) fn text(&self) -> &Text {
        &self.0
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mailbox({:?})", self.name())
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<&str> for Mailbox {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Mailbox {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

/// The mailboxes that one delivery goes to. A client that holds several of them gets it once.
///
/// Made from one [`Mailbox`], an array, a vector or an `Option`; from none it reaches nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailboxes(Vec<Mailbox>);

impl Mailboxes {
    /// The mailboxes, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = &Mailbox> {
        self.0.iter()
    }
}

impl From<Mailbox> for Mailboxes {
    fn from(mailbox: Mailbox) -> Self {
        Self(vec![mailbox])
    }
}

impl From<&str> for Mailboxes {
    fn from(name: &str) -> Self {
        Mailbox::new(name).into()
    }
}

impl From<Option<Mailbox>> for Mailboxes {
    fn from(mailbox: Option<Mailbox>) -> Self {
        mailbox.into_iter().collect()
    }
}

impl From<Vec<Mailbox>> for Mailboxes {
    fn from(mailboxes: Vec<Mailbox>) -> Self {
        Self(mailboxes)
    }
}

impl<const N: usize> From<[Mailbox; N]> for Mailboxes {
    fn from(mailboxes: [Mailbox; N]) -> Self {
        Self(mailboxes.into())
    }
}

impl FromIterator<Mailbox> for Mailboxes {
    fn from_iter<I: IntoIterator<Item = Mailbox>>(mailboxes: I) -> Self {
        Self(mailboxes.into_iter().collect())
    }
}
