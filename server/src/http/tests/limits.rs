use super::*;

/// How many places are taken, in all and by addresses.
impl House {
    async fn places_are(&self, expected: (usize, usize)) {
        within(async {
            while self.door.taken() != expected {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

fn limits(connections: usize, per_address: usize) -> Limits {
    Limits {
        connections,
        connections_per_address: per_address,
        ..Limits::default()
    }
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_and_a_place_is_free_again() {
    let mut house = House::open(limits(1, 10), &HttpConfig::default()).await;
    let mut first = house.connect().await;
    first.send(opening(&[])).await;
    assert_eq!(first.answer().await.status, 101);
    let session = house.session().await;

    let mut second = house.connect().await;
    second.send(opening(&[])).await;
    let answer = second.answer().await;
    assert_eq!((answer.status, answer.headers["retry-after"].as_str()), (503, "10"));
    assert_eq!(answer.headers["connection"], "close");
    assert!(answer.body.contains("Limits::connections"), "{}", answer.body);
    assert_eq!(second.rest().await, "");
    assert_eq!(house.counters().refused_connections.get(), 1);

    drop(session);
    house.places_are((0, 0)).await;
    assert_eq!(house.ask(&opening(&[])).await.status, 101);
}

#[tokio::test]
async fn one_address_cannot_take_all_places() {
    let house = House::open(limits(10, 1), &HttpConfig::default()).await;
    let first = house.connect().await;
    house.places_are((1, 1)).await;
    let answer = house.ask(&get("/")).await;
    assert_eq!((answer.status, answer.headers["retry-after"].as_str()), (429, "10"));
    assert!(
        answer.body.contains("Limits::connections_per_address"),
        "{}",
        answer.body
    );
    assert_eq!(house.counters().refused_address.get(), 1);

    drop(first);
    house.places_are((0, 0)).await;
    assert_eq!(house.ask(&opening(&[])).await.status, 101);
}

#[tokio::test]
async fn behind_a_proxy_clients_are_counted_by_their_own_address() {
    let mut config = HttpConfig::default();
    config.trust_proxy("127.0.0.1");
    let mut house = House::open(limits(10, 1), &config).await;
    let mut sessions = Vec::new();
    for (client, status) in [("198.51.100.1", 101), ("198.51.100.2", 101), ("198.51.100.1", 429)] {
        let answer = house.ask(&opening(&[&format!("X-Forwarded-For: {client}")])).await;
        assert_eq!(answer.status, status, "{client}");
        if status == 101 {
            let opened = house.session().await;
            assert_eq!(opened.hello.address.unwrap().to_string(), format!("{client}:0"));
            sessions.push(opened);
        }
    }
    assert_eq!(house.counters().refused_address.get(), 1);
    house.places_are((2, 2)).await;
    drop(sessions);
    house.places_are((0, 0)).await;
}

#[tokio::test]
async fn what_an_untrusted_peer_says_of_its_address_is_nothing() {
    let mut house = House::open(Limits::default(), &HttpConfig::default()).await;
    house.ask(&opening(&["X-Forwarded-For: 198.51.100.1"])).await;
    assert_eq!(
        house.session().await.hello.address.unwrap().ip().to_string(),
        "127.0.0.1"
    );
}

#[tokio::test]
async fn a_refused_upgrade_gives_its_place_back() {
    let house = House::open(limits(10, 10), &HttpConfig::default()).await;
    let mut peer = house.connect().await;
    peer.send(opening(&["Origin: https://evil.example"])).await;
    assert_eq!(peer.answer().await.status, 403);
    house.places_are((1, 1)).await;
    drop(peer);
    house.places_are((0, 0)).await;
}

#[tokio::test]
async fn a_flood_of_connections_over_the_limit_does_not_pile_up() {
    let house = House::open(limits(0, 10), &HttpConfig::default()).await;
    let mut waiting = Vec::new();
    while house.door.turned_away_now() < 64 {
        waiting.push(house.connect().await);
        tokio::task::yield_now().await;
    }
    let mut dropped = house.connect().await;
    assert_eq!(dropped.rest().await, "");
    waiting[0].send(get("/")).await;
    assert_eq!(waiting[0].answer().await.status, 503);
    assert!(house.counters().refused_connections.get() >= 65);
}

#[test]
fn a_host_of_version_6_is_counted_by_its_network() {
    let (host, _opened) = TestHost::new();
    let door = Door::of(host, Arc::new(limits(10, 1)), &HttpConfig::default());
    let address = |text: &str| Some(text.parse().expect("is an address"));
    let _first = door.enter(address("2001:db8:0:1::1")).expect("there is a place");
    assert!(door.enter(address("2001:db8:0:1:ffff::2")).is_err());
    let _other = door.enter(address("2001:db8:0:2::1")).expect("another network");
    let _four = door.enter(address("192.0.2.1")).expect("another address");
    assert!(door.enter(address("::ffff:192.0.2.1")).is_err());
}
