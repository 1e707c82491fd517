#![deny(warnings)]

use switchboard::silent as quiet;
use switchboard::{send_all, send_to_mailbox};

// The imports of decorators below another, which it takes along, are in use.
#[quiet("aliased")]
#[send_all("aliased")]
#[send_to_mailbox("aliased", to = "rooms/a")]
#[switchboard::silent("paths")]
#[::switchboard::send_all("paths")]
fn aliased() -> u8 {
    1
}

mod service {
    use switchboard::{service, silent};

    struct Counter;

    #[service("counter")]
    impl Counter {
        #[silent("a")]
        #[switchboard::send_all("a")]
        fn a(&self) {}
    }
}

fn main() {
    assert_eq!(aliased(), 1);
}
