use switchboard::prelude::*;

struct Counter(u64);

#[service("counter")]
impl Counter {
    #[silent("next")]
    fn next(&mut self) {}

    #[silent("end")]
    async fn end(self) {}

    #[silent("boxed")]
    async fn boxed(self: Box<Self>) {}
}

fn install(server: Server) -> Server {
    server.install(Counter(1))
}

fn main() {}
