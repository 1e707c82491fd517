use switchboard::prelude::*;

#[silent("a")]
fn of_types<T: Default>(_payload: Payload<T>) {}

#[silent("b")]
fn of_lifetimes<'a>(_payload: Payload<&'a str>) {}

#[silent("c")]
async fn of_consts<const N: usize>(_payload: Payload<[u8; N]>) {}

#[silent("d")]
fn of_impl(_message: impl FromRequest, _state: State<impl Send>) {}

fn main() {}
