use switchboard::prelude::*;

#[silent("a")]
struct Type;

trait Trait {
    #[send_all("b")]
    fn declared();
}

fn main() {}
