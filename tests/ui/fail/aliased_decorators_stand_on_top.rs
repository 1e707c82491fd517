use switchboard::prelude::*;

use switchboard::send_all as shout;

#[silent("a")]
#[shout("b")]
#[send_to_mailbox("c", to = "d")]
fn aliased() -> u8 {
    1
}

fn main() {}
