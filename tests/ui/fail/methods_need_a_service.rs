use switchboard::prelude::*;

struct Counter;

impl Counter {
    #[silent("next")]
    #[send_all("next")]
    fn next(&self) {}

    #[silent("new")]
    fn new() -> Self {
        Counter
    }
}

fn main() {}
