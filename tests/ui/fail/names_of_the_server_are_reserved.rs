use switchboard::prelude::*;

#[send_to_mailbox("say", to = "switchboard/all", reply = "switchboard/hello")]
fn say() -> u8 {
    1
}

#[silent("a", registry = "")]
fn registry() {}

fn main() {}
