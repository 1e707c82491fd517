use switchboard::prelude::*;

struct Counter;

impl Counter {
    #[silent("version")]
    fn version() -> u8 {
        1
    }
}

fn main() {}
