use switchboard::prelude::*;

#[silent("a")]
fn later() -> impl Future<Output = u8> {
    std::future::ready(1)
}

fn main() {}
