use switchboard::prelude::*;

struct Mixer;

#[silent("a")]
fn plain(_number: u8, _message: Message, _mixer: &Mixer) {}

#[silent("b")]
async fn asynchronous(_mixer: Option<Mixer>) {}

fn main() {}
