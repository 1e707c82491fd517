use switchboard::prelude::*;

#[send_to_mailbox("a")]
fn without() -> u8 {
    1
}

#[send_to_mailbox("b")]
async fn optional() -> Result<Option<String>, Error> {
    Ok(None)
}

#[send_to_mailbox("c")]
fn no_mailbox() -> (u8, u8) {
    (1, 2)
}

fn main() {}
