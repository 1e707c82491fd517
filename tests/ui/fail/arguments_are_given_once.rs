use switchboard::prelude::*;

#[send_all("a", reply = "b", reply = "c", except_sender, except_sender)]
fn twice() -> u8 {
    1
}

fn main() {}
