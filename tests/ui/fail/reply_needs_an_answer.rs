use switchboard::prelude::*;

#[silent("a", reply = "b")]
fn nothing() {}

#[send_all("c", reply = "d")]
async fn unit() -> () {}

fn main() {}
