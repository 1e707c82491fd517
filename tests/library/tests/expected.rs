//! What a program finds of the crates that it links, and what it is told of one that it does not.

use library as _;
use switchboard::{RouteErrorKind, Server, ServerError};

#[test]
fn a_crate_that_is_not_linked_is_refused_with_what_to_write() {
    let server = Server::empty().discover("library").expect_crate("absent");
    let error = server.check().unwrap_err();
    let text = error.to_string();
    assert!(text.contains("no route comes from the crate `absent`"), "{text}");
    assert!(text.contains("`use absent as _;`"), "{text}");
    let ServerError::Routes(errors) = error else {
        panic!("{text}")
    };
    let kinds: Vec<_> = errors.iter().map(|error| error.kind().clone()).collect();
    assert_eq!(kinds, [RouteErrorKind::MissingCrate("absent".into())]);
}

#[test]
fn a_crate_without_an_installed_route_is_missing_too() {
    let routes = switchboard::Routes::new().route("here", switchboard::Controller::silent(|()| 1));
    let error = Server::empty()
        .routes(routes)
        .expect_crate("library")
        .check()
        .unwrap_err();
    assert!(error.to_string().contains("the crate `library`"), "{error}");
}

#[test]
fn a_server_has_every_route_of_a_linked_library() {
    let table = Server::new().expect_crate("library").check().unwrap();
    let found: Vec<_> = table
        .routes()
        .iter()
        .map(|route| (route.pattern().source().to_string(), route.function().to_string()))
        .collect();
    let expected = [
        ("library/double", "library::double"),
        ("library/echo/<word>", "library::inner::echo"),
        ("library/inside", "library::inner::inside"),
    ];
    assert_eq!(
        found,
        expected.map(|(pattern, function)| (pattern.to_owned(), function.to_owned()))
    );
}
