use switchboard::prelude::*;

mod rooms {
    pub(crate) fn say() {}
}

fn plain() {}

#[silent]
fn decorated() {}

fn table() -> Routes {
    routes! { "plain" => (plain, decorated), "say" => rooms::say }
}

fn main() {}
