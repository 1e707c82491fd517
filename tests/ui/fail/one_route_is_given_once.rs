use switchboard::prelude::*;

#[silent("a", "b", "a")]
#[send_all("a", regex = "a")]
#[send_all(regex = "a")]
fn twice() -> u8 {
    1
}

fn main() {}
