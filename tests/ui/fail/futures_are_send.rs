use switchboard::prelude::*;

use std::rc::Rc;

#[silent("a")]
async fn across_await() -> usize {
    let shared = Rc::new(1);
    std::future::ready(()).await;
    *shared
}

fn main() {}
