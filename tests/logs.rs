//! What a server logs: its table when it starts, a line for each client, a bug in full; nothing that grows with the messages.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../examples/mixer/controllers.rs"]
mod mixer;

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use switchboard::prelude::*;
use switchboard::testing::{TestClient, TestServer};
use switchboard::{RawPayload, Shutdown};
use tracing::subscriber::DefaultGuard;

#[tokio::test]
async fn the_start_is_one_event_with_the_table_and_one_for_each_address() {
    let log = Log::start();
    let server = Server::empty().discover("logs::tabled").listen("127.0.0.1:0");
    let running = server.start().await.unwrap();
    let [table, address] = &log.events()[..] else {
        panic!("{:#?}", log.events());
    };
    assert!(table.starts_with(" INFO "), "{table}");
    let routes: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("public "))
        .map(|line| line.split_whitespace().take(5).collect())
        .collect();
    let place = |line| format!("tests/logs.rs:{line}");
    let (first, second) = (place(tabled::FIRST), place(tabled::SECOND));
    assert_eq!(
        routes,
        [
            ["public", "math/double", "silent", "logs::tabled::double", &second],
            ["public", "text/shout", "send_all", "logs::tabled::shout", &first],
        ],
        "{table}"
    );
    let listening = format!("listening on http://{}", running.address().unwrap());
    assert!(address.contains(&listening), "{address}");
    running.shut_down(Shutdown::Now, Duration::from_secs(10)).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_is_one_line_however_much_it_says() {
    let log = Log::start();
    let server = start(Server::empty().routes(harmless()));
    let mut client = server.connect().await;
    let id = client.request("whoami", ()).await.unwrap();
    for n in 0..1_000 {
        assert_eq!(client.request("echo", n).await.unwrap(), n);
    }
    client.close().await;
    server.shut_down(Shutdown::FinishQueues, Duration::from_secs(10)).await;

    let [line] = &log.events()[..] else {
        panic!("{:#?}", log.events());
    };
    assert!(line.starts_with(" INFO "), "{line}");
    assert!(line.contains(id.as_str().unwrap()) && line.contains("1000"), "{line}");
}

#[tokio::test(start_paused = true)]
async fn what_clients_do_wrong_fills_no_log() {
    let log = Log::start();
    let limits = Limits {
        message_bytes: 1 << 10,
        violations: 1_000,
        ..unhurried()
    };
    let server = TestServer::start(Server::empty().routes(harmless()).limits(limits)).unwrap();
    let mut client = server.connect().await;
    let long = format!(r#"{{"name":"echo","uid":1,"payload":"{}"}}"#, "x".repeat(2 << 10));
    for _ in 0..100 {
        for (unit, code) in [
            ("rubbish", "bad_message"),
            (r#"{"name":"nowhere","uid":1}"#, "not_found"),
            (r#"{"name":"double","uid":1,"payload":"two"}"#, "bad_payload"),
            (r#"{"name":"switchboard/connected","uid":1}"#, "forbidden"),
            (r#"{"name":"refuse","uid":1}"#, "no_tea"),
            (&long, "too_large"),
        ] {
            client.send_raw(unit).await;
            let answer = client.receive_text().await;
            assert!(answer.contains(&format!(r#""code":"{code}""#)), "{answer}");
        }
    }
    assert_eq!(log.events(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_logged_in_full_and_told_in_general() {
    let log = Log::start();
    let server = start(Server::empty().discover("logs::buggy"));
    let mut client = server.connect().await;
    for (name, function, line) in [
        ("bugs/plain", "logs::buggy::plain", buggy::PLAIN),
        ("bugs/later", "logs::buggy::later", buggy::LATER),
    ] {
        log.clear();
        client.send_raw(format!(r#"{{"name":"{name}","uid":7}}"#)).await;
        assert_eq!(client.receive_text().await, told_in_general(name));
        let event = log.only();
        assert!(event.starts_with("ERROR "), "{event}");
        for part in [
            "panicked: the tea is cold".to_owned(),
            "uid=7 ".to_owned(),
            name.to_owned(),
            function.to_owned(),
            format!("tests/logs.rs:{line}"),
        ] {
            assert!(event.contains(&part), "{part:?} is not in {event}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_unexpected_error_is_logged_in_full_and_told_in_general() {
    let log = Log::start();
    let server = start(Server::empty().discover("logs::buggy"));
    let mut client = server.connect().await;
    client.send_raw(r#"{"name":"bugs/internal","uid":7}"#).await;
    assert_eq!(client.receive_text().await, told_in_general("bugs/internal"));
    let event = log.only();
    assert!(event.starts_with("ERROR "), "{event}");
    assert!(
        event.contains("the password is mellon") && event.contains("uid=7 "),
        "{event}"
    );
}

#[tokio::test(start_paused = true)]
async fn slow_plain_functions_are_all_counted_and_each_route_is_told_once() {
    let log = Log::start();
    let slow = || {
        Controller::silent(|()| {
            let began = Instant::now();
            while began.elapsed().is_zero() {}
        })
    };
    let limits = Limits {
        inline: Duration::ZERO,
        ..Limits::default()
    };
    let routes = Routes::new().route("slow/one", slow()).route("slow/two", slow());
    let server = TestServer::start(Server::empty().routes(routes).limits(limits)).unwrap();
    let mut client = server.connect().await;
    for _ in 0..500 {
        client.request("slow/one", ()).await.unwrap();
        client.request("slow/two", ()).await.unwrap();
    }
    assert_eq!(server.switchboard().counters().slow_inline.get(), 1_000);
    let events = log.events();
    for route in ["slow/one", "slow/two"] {
        let told = events.iter().filter(|event| event.contains(route)).count();
        assert_eq!(told, 1, "{events:#?}");
    }
    assert_eq!(events.len(), 2, "{events:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_client_s_format_cannot_say_is_all_counted_and_told_once() {
    const TIMES: usize = 100;
    let log = Log::start();
    let odd = || RawPayload::from_message_pack(EXTENSION.to_vec().into()).unwrap();
    let routes = harmless()
        .route("shout", Controller::send_all(|message: Message| message))
        .route(
            "odd",
            Controller::silent(move |message: Message| message.with_payload(odd())),
        );
    let server = start(Server::empty().routes(routes));
    let mut sender = server.connect_message_pack().await;
    let (mut left, mut right) = (server.connect().await, server.connect().await);

    for _ in 0..TIMES {
        sender
            .send_raw([b"\x82\xA4name\xA5shout\xA7payload", EXTENSION].concat())
            .await;
        let delivery = sender.receive_raw().await;
        assert!(delivery.ends_with(EXTENSION), "who can be told it is: {delivery:?}");
    }
    for client in [&mut left, &mut right] {
        client.expect_silence().await;
    }
    let counters = server.switchboard();
    let counters = counters.counters();
    assert_eq!(counters.unwritable.get(), 2 * TIMES as u64);

    for _ in 0..TIMES {
        assert_eq!(left.request("odd", ()).await.unwrap_err().code(), "internal");
    }
    assert_eq!(counters.unwritable.get(), 3 * TIMES as u64);
    assert_eq!(left.request("echo", "alive").await.unwrap(), "alive");

    let event = log.only();
    assert!(event.starts_with(" WARN ") && event.contains("shout"), "{event}");
}

#[tokio::test(start_paused = true)]
async fn the_mixer_logs_which_way_the_volume_is_turned() {
    let log = Log::start();
    let server = start(mixer::server().routes(harmless()));
    let mut client = server.connect().await;
    let id = client.request("whoami", ()).await.unwrap();
    for (name, direction) in [
        ("mixer/volume_up", "direction=Up"),
        ("mixer/volume_down", "direction=Down"),
    ] {
        log.clear();
        turn(&mut client, name).await;
        let event = log.only();
        assert!(event.starts_with(" INFO "), "{event}");
        assert!(
            event.contains(direction) && event.contains(id.as_str().unwrap()),
            "{event}"
        );
    }
}

fn start(server: Server) -> TestServer {
    TestServer::start(server.limits(unhurried())).unwrap()
}

/// A machine that is busy makes any function slow, and so does a backtrace: no line about that here.
fn unhurried() -> Limits {
    Limits {
        inline: Duration::MAX,
        ..Limits::default()
    }
}

async fn turn(client: &mut TestClient, name: &str) {
    client.request(name, json!({ "channel": 1 })).await.unwrap();
}

fn harmless() -> Routes {
    Routes::new()
        .route("whoami", Controller::silent(|client: Client| client.id()))
        .route("echo", Controller::silent(|Payload(value): Payload<Value>| value))
        .route("double", Controller::silent(|Payload(n): Payload<u32>| n * 2))
        .route(
            "refuse",
            Controller::silent(|()| Err::<(), _>(Error::new("no_tea", "there is none"))),
        )
}

fn told_in_general(name: &str) -> String {
    let error = r#"{"code":"internal","message":"something went wrong on the server"}"#;
    format!(r#"{{"name":"{name}","uid":7,"error":{error}}}"#)
}

/// What is logged on this thread, one entry an event.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

/// A log that is written as long as this is held.
struct Logging {
    log: Log,
    _guard: DefaultGuard,
}

impl Log {
    fn start() -> Logging {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .without_time()
            .with_writer(move || writer.clone())
            .finish();
        Logging {
            log,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }
}

impl Logging {
    fn events(&self) -> Vec<String> {
        self.log.0.lock().unwrap().clone()
    }

    fn clear(&self) {
        self.log.0.lock().unwrap().clear();
    }

    /// The one event that there is.
    fn only(&self) -> String {
        let events = self.events();
        assert_eq!(events.len(), 1, "{:#?}", events.iter().take(3).collect::<Vec<_>>());
        events.concat()
    }
}

impl io::Write for Log {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event).into_owned();
        self.0.lock().unwrap().push(text);
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An extension type of MessagePack, which JSON has no form for.
const EXTENSION: &[u8] = &[0xD4, 1, 0];

mod tabled {
    use switchboard::prelude::*;

    pub(super) const FIRST: u32 = line!() + 1;
    #[send_all("text/shout")]
    fn shout(Payload(text): Payload<String>) -> String {
        text
    }

    pub(super) const SECOND: u32 = line!() + 1;
    #[silent("math/double")]
    fn double(Payload(n): Payload<u32>) -> u32 {
        n * 2
    }
}

mod buggy {
    use switchboard::prelude::*;

    pub(super) const PLAIN: u32 = line!() + 1;
    #[silent("bugs/plain")]
    fn plain() -> u32 {
        panic!("the tea is cold")
    }

    pub(super) const LATER: u32 = line!() + 1;
    #[silent("bugs/later")]
    async fn later() -> u32 {
        tokio::task::yield_now().await;
        panic!("the tea is {}", "cold")
    }

    #[silent("bugs/internal")]
    fn internal() -> Result<u32, Error> {
        Err(Error::internal("the password is mellon"))
    }
}
