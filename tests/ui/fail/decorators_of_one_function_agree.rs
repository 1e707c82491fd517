use switchboard::prelude::*;

#[silent("a", timeout = "5s")]
#[send_all("a", timeout = "6s")]
async fn timeouts() -> u8 {
    1
}

#[silent("b", crate = ::switchboard)]
#[send_all("b", crate = switchboard)]
fn crates() -> u8 {
    1
}

fn main() {}
