use switchboard::prelude::*;

#[send_all(reply = 5, slow = fast, timeout = "5", except_sender = true, "a" regex "b", crate = "board", "last//")]
async fn forms() -> u8 {
    1
}

fn main() {}
