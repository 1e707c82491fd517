use switchboard::prelude::*;

#[silent]
fn decorated() {}

fn table() -> Routes {
    routes! {
        "rooms//say" => decorated,
        regex r"(" => decorated,
        "accounts" => include(Routes::new()),
        regex "accounts/" => include(Routes::new()),
        "twice" => (decorated, decorated),
        "none" => (),
        "called" => decorated(),
        decorated,
        "last" -> decorated,
        "missing comma" => decorated
        "after it" => decorated,
    }
}

fn main() {}
