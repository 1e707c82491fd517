use switchboard::prelude::*;

#[silent("a")]
async fn io() -> Result<(), std::io::Error> {
    Ok(())
}

#[send_to_mailbox("b")]
fn text() -> Result<(u8, Mailbox), String> {
    Err(String::new())
}

fn main() {}
