use switchboard::prelude::*;

struct Level(u8);

#[silent("a")]
fn plain() -> Level {
    Level(1)
}

#[send_all("b")]
async fn asynchronous() -> Result<Option<Level>, Error> {
    Ok(None)
}

fn main() {}
