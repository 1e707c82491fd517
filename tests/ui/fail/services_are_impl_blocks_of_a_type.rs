use switchboard::prelude::*;

#[service("a")]
struct Counter;

#[service("b")]
impl Drop for Counter {
    #[silent("drop")]
    fn drop(&mut self) {}
}

struct Idle;

#[service("c")]
impl Idle {
    fn undecorated(&self) {}
}

fn main() {}
