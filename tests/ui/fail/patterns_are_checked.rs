use switchboard::prelude::*;

#[silent("rooms//say", "/rooms", "rooms/<room", "rooms/<uint:n>", "a/<n>/<n>", "x/<path:rest>/y", "")]
fn paths() {}

#[silent(regex = r"rooms/(", regex = r"(\d+)", regex = r"(?<n>a)(?<n>b)")]
fn expressions() {}

fn main() {}
