use std::sync::{Arc, Mutex};

use serde::Serialize;
use switchboard::{Error, Message, Payload, Service, routes, send_all, service, silent};

struct PubSub<T> {
    name: String,
    last: Mutex<T>,
}

#[service]
impl<T> PubSub<T>
where
    T: Clone + Serialize + Send + Sync + 'static,
{
    fn name(&self) -> &str {
        &self.name
    }

    #[silent("last", timeout = "5s")]
    #[send_all("last", reply = "messaging/last")]
    async fn last(&self, _: Message) -> Result<T, Error> {
        Ok(self.lock())
    }

    #[silent("count", blocking)]
    fn count(self: &Self, Payload(n): Payload<usize>) -> usize {
        n
    }

    #[silent("version")]
    fn version() -> &'static str {
        "1"
    }

    #[silent("absent")]
    #[cfg(any())]
    fn absent(&self) -> ThatExists {}

    fn lock(&self) -> T {
        self.last.lock().expect("no controller panics").clone()
    }
}

struct Fixed;

#[service("fixed", crate = ::switchboard)]
impl Fixed {
    #[silent("it")]
    fn it(&self) {}
}

fn main() {
    let service = Arc::new(PubSub { name: "messaging".into(), last: Mutex::new(1) });
    assert_eq!(Service::name(&*service), "messaging");
    assert_eq!(service.routes().len(), 3);
    assert_eq!(Fixed.name(), "fixed");
    assert!(routes! {}.is_empty());
}
