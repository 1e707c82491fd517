use std::sync::atomic::{AtomicU32, Ordering};

use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::lifecycle::Disconnected;
use crate::params::Params;
use crate::routes::{Controller, Routes};
use crate::server::Server;
use crate::testing::TestServer;

#[derive(Debug, Deserialize)]
struct Line {
    text: String,
    #[serde(default)]
    marks: Vec<u8>,
}

#[derive(Debug, Deserialize)]
struct Optional {
    text: Option<String>,
}

fn started(server: Server, routes: Routes) -> TestServer {
    TestServer::start(server.routes(routes)).unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn a_payload_is_read_or_its_fault_is_told_with_the_path() {
    let text = |line: Payload<Line>| format!("{} {:?}", line.text, line.marks);
    let server = started(Server::empty(), Routes::new().route("say", Controller::silent(text)));
    let mut client = server.connect().await;
    assert_eq!(
        client
            .request("say", json!({"text": "hello", "marks": [1]}))
            .await
            .unwrap(),
        "hello [1]"
    );

    let error = client
        .request("say", json!({"text": "hello", "marks": [1, "x"]}))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "bad_payload");
    assert_eq!(error.message(), "`marks[1]`: invalid type: string \"x\", expected u8");
    let error = client.request("say", json!(null)).await.unwrap_err();
    assert_eq!(error.code(), "bad_payload");
}

#[tokio::test]
async fn an_absent_payload_is_an_empty_object_to_a_struct() {
    let routes = Routes::new()
        .route(
            "optional",
            Controller::silent(|value: Payload<Optional>| value.text.clone().unwrap_or("none".into())),
        )
        .route("needed", Controller::silent(|value: Payload<Line>| value.text.clone()))
        .route("number", Controller::silent(|Payload(n): Payload<u8>| n));
    let server = started(Server::empty(), routes);
    let mut client = server.connect().await;
    client.send_raw(r#"{"name":"optional","uid":1}"#).await;
    assert_eq!(
        client.receive_text().await,
        r#"{"name":"optional","uid":1,"payload":"none"}"#
    );
    for (name, message) in [
        ("needed", "the payload is missing: missing field `text`"),
        ("number", "the payload is missing, expected u8"),
    ] {
        client.send_raw(format!(r#"{{"name":"{name}","uid":2}}"#)).await;
        let error = format!(r#"{{"code":"bad_payload","message":"{message}"}}"#);
        assert_eq!(
            client.receive_text().await,
            format!(r#"{{"name":"{name}","uid":2,"error":{error}}}"#)
        );
    }
}

#[tokio::test]
async fn who_left_is_told_to_controllers_of_that_name_alone() {
    /// An extractor that does not say what it needs.
    struct Careless;

    impl FromRequest for Careless {
        type Rejection = Error;

        fn from_request(request: &Request) -> Result<Self, Error> {
            Disconnected::from_request(request).map(|_| Self)
        }
    }

    let left = |gone: Disconnected| (gone.code.get(), gone.mailboxes.len(), gone.unsent.len());
    let routes = Routes::new()
        .route("switchboard/disconnected", Controller::send_all(left).reply("left"))
        .route("careless", Controller::silent(|_: Careless| ()));
    let server = started(Server::empty(), routes);
    let (mut stays, leaves) = (server.connect().await, server.connect().await);
    leaves.close().await;
    assert_eq!(stays.expect("left").await, json!([1000, 1, 0]));
    let error = stays.request("careless", json!({})).await.unwrap_err();
    assert_eq!(error.code(), "internal");
}

#[tokio::test]
async fn parameters_are_taken_from_the_name_under_a_prefix_too() {
    let routes = Routes::new().include(
        "rooms/<room>/",
        Routes::new().route(
            "lines/<int:line>",
            Controller::silent(|Params((room, line)): Params<(String, u8)>| format!("{room}:{line}")),
        ),
    );
    let server = started(Server::empty(), routes);
    let mut client = server.connect().await;
    assert_eq!(
        client.request("rooms/lobby/lines/7", json!({})).await.unwrap(),
        "lobby:7"
    );

    let error = client.request("rooms/lobby/lines/300", json!({})).await.unwrap_err();
    assert_eq!(error.code(), "bad_payload");
    assert_eq!(
        error.message(),
        "the parameter `line` is \"300\": expected a whole number from 0 to 255"
    );
}

#[tokio::test]
async fn state_is_shared() {
    let count = |visits: State<AtomicU32>| visits.fetch_add(1, Ordering::Relaxed) + 1;
    let visits = Arc::new(AtomicU32::new(0));
    let server = started(
        Server::empty().shared_state(Arc::clone(&visits)),
        Routes::new().route("count", Controller::silent(count)),
    );
    let mut client = server.connect().await;
    assert_eq!(client.request("count", json!({})).await.unwrap(), 1);
    assert_eq!(client.request("count", json!({})).await.unwrap(), 2);
    assert_eq!(visits.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn what_is_always_there_comes_in_a_tuple() {
    type All = (
        Message,
        Client,
        Switchboard,
        CancellationToken,
        Request,
        (),
        Payload<u8>,
        Result<Payload<bool>, Error>,
    );
    let all = |(message, client, board, token, request, (), Payload(n), bad): All| {
        let same = client.id() == request.client().id();
        let here = board.client(client.id()).is_some();
        let bad = bad.map_err(|error| error.code().to_owned());
        (
            message.name().to_owned(),
            same,
            here,
            token.is_cancelled(),
            n,
            bad == Err("bad_payload".to_owned()),
        )
    };
    let routes = Routes::new().route(
        "all",
        Controller::silent(move |arguments: All| vec![format!("{:?}", all(arguments))]),
    );
    let server = started(Server::empty(), routes);
    let mut client = server.connect().await;
    assert_eq!(
        client.request("all", 7).await.unwrap(),
        json!([r#"("all", true, true, false, 7, true)"#])
    );
}

#[test]
fn what_is_inside_a_tuple_or_a_result_is_needed_too() {
    let mut needs = Needs::default();
    <(
        Message,
        (State<u8>, Payload<u8>),
        Result<Params<u8>, Error>,
        Disconnected,
    )>::needs(&mut needs);
    assert_eq!(needs.states.len(), 1);
    let names: Vec<_> = needs.patterns.iter().map(|pattern| &*pattern.name).collect();
    assert_eq!(names, ["Params<u8>", "Disconnected"]);
}
