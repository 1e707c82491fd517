use switchboard::prelude::*;

#[silent("a", timeout = "5s")]
fn plain() {}

#[silent("b", blocking)]
async fn asynchronous() {}

fn main() {}
