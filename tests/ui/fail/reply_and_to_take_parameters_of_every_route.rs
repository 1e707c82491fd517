use switchboard::prelude::*;

#[send_to_mailbox("rooms/<room>/say", "say", to = "rooms/<room>", reply = "rooms/<rom>/said")]
fn say() -> u8 {
    1
}

#[send_all(regex = r"mixer/(?<what>\w+)", reply = "mixer/<direction>")]
fn mixer() -> u8 {
    1
}

// Without a route, the table's is checked when the server starts; the grammar already here.
#[send_to_mailbox(to = "rooms/<int:room>", reply = "rooms//said")]
fn later() -> u8 {
    1
}

fn main() {}
