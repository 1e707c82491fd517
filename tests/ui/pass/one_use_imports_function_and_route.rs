use switchboard::prelude::*;

mod rooms {
    pub mod inner {
        use switchboard::prelude::*;

        #[silent]
        pub fn say() -> u8 {
            1
        }

        #[silent]
        pub(in crate::rooms) fn join() {}
    }

    pub use inner::say as speak;

    pub fn urls() -> switchboard::Routes {
        switchboard::routes! { "join" => inner::join, "say" => self::inner::say }
    }
}

use rooms::speak;

#[allow(dead_code)]
fn table() -> Routes {
    assert_eq!(speak(), 1);
    routes! {
        crate = ::switchboard;
        "say" => (speak, crate::rooms::inner::say),
        regex r"say/(?<what>\w+)" => speak,
        "rooms/" => include(rooms::urls()),
        "empty/" => include(Routes::new()),
    }
}

fn main() {}
