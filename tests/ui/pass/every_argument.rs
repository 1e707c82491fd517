use switchboard::prelude::*;

#[silent("a", r"b/<n>", regex = r"c/(?<n>\d+)", regex = "d", reply = "e", registry = "backend", timeout = "250ms", unordered)]
async fn of_silent() -> u8 {
    1
}

#[send_all("a/<n>", reply = "b/<n>", except_sender, slow = close, registry = "backend", timeout = "2m", blocking, unordered,)]
fn of_send_all() -> u8 {
    1
}

#[send_to_mailbox("a/<n>", to = "b/<n>", except_sender, slow = drop_newest, crate = ::switchboard)]
#[send_to_mailbox("c/<n>", to = "d/<n>", slow = drop_oldest)]
fn of_send_to_mailbox() -> u8 {
    1
}

fn main() {}
