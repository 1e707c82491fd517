use switchboard::prelude::*;

fn table() -> Routes {
    routes! { "say" => missing }
}

fn main() {}
