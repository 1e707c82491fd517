use switchboard::prelude::*;

struct Counter;

#[service("counter")]
impl Counter {
    #[silent("rooms//a", timeout = "5s")]
    fn timed<T>(&self, _argument: T) {}

    #[cfg_attr(all(), silent("b"))]
    fn conditional(&self) {}
}

struct Mixer;

#[service("mixer")]
impl Mixer {
    #[silent("a")]
    async fn argument(&self, _number: u8) -> Mixer {
        Mixer
    }
}

fn main() {}
