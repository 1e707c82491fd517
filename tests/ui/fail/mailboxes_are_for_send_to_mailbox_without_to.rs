use switchboard::prelude::*;

#[send_all("a")]
fn to_all() -> (u8, Mailbox) {
    (1, Mailbox::new("rooms/a"))
}

#[send_to_mailbox("b", to = "rooms/b")]
async fn declared() -> Option<(u8, Vec<Mailbox>)> {
    None
}

fn main() {}
