//! The decorators of a renamed dependency register, fill tables and make services like any other.

use board::Server;
use board::testing::TestServer;

#[tokio::test(start_paused = true)]
async fn decorated_functions_answer() {
    let server = TestServer::start(Server::empty().discover("renamed").install(renamed::Counter)).unwrap();
    let (mut client, mut other) = (server.connect().await, server.connect().await);
    assert_eq!(client.request("renamed/name", 1).await.unwrap(), 2);
    assert_eq!(other.expect("renamed/told").await, 2);
    assert_eq!(client.request("renamed/absolute", 1).await.unwrap(), 3);
    assert_eq!(client.request("renamed/reexported", 1).await.unwrap(), 4);
    assert_eq!(client.request("counter/next", 1).await.unwrap(), 5);
}

#[tokio::test(start_paused = true)]
async fn tables_answer() {
    let server = TestServer::start(Server::empty().routes(renamed::urls())).unwrap();
    let mut client = server.connect().await;
    assert_eq!(client.request("table/name", 1).await.unwrap(), 2);
    assert_eq!(client.request_frames("table/relative", 1).await.len(), 2);
}
