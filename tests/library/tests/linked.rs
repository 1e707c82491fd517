//! A library's controllers are there because it is linked.

use library as _;
use switchboard::testing::TestServer;
use switchboard::Server;

#[tokio::test(start_paused = true)]
async fn controllers_of_a_linked_library_answer() {
    let server = TestServer::start(Server::new().expect_crate("library")).unwrap();
    let mut client = server.connect().await;
    assert_eq!(client.request("library/double", 21).await.unwrap(), 42);
    assert_eq!(client.request("library/echo/word", ()).await.unwrap(), "word");
    assert_eq!(client.request("library/inside", ()).await.unwrap(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_module_of_it_can_be_discovered_alone() {
    let server = TestServer::start(Server::empty().discover("library::inner")).unwrap();
    let mut client = server.connect().await;
    assert_eq!(client.request("library/echo/word", ()).await.unwrap(), "word");
    assert_eq!(
        client.request("library/double", 21).await.unwrap_err().code(),
        "not_found"
    );
}

#[test]
fn its_functions_can_be_called() {
    assert_eq!(library::double(switchboard::Payload(4)), 8);
    assert_eq!(library::call_inside(), 5);
}
