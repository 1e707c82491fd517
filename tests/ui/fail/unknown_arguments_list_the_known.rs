use switchboard::prelude::*;

#[silent("a", name = "b", 5, reply)]
fn of_silent() -> u8 {
    1
}

#[send_all("a", to = "rooms")]
fn of_send_all() -> u8 {
    1
}

#[send_to_mailbox("a", too = "rooms")]
fn of_send_to_mailbox() {}

#[silent("a", except_sender, slow = close)]
fn deliveries() {}

fn main() {}
