use switchboard::prelude::*;

#[silent("rooms//join", repply = "joined", timeout = "soon")]
#[send_all("rooms/<room>/join", reply = "rooms/<name>/joined")]
fn join<T>(_room: Params<T>) -> u8 {
    1
}

// The mistakes above are told once, not again where the function is used.
fn table() -> Routes {
    assert_eq!(join::<u8>(Params(1)), 1);
    routes! { "join" => join }
}

fn main() {}
