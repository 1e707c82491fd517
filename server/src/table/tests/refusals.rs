//! What keeps a server from starting, each alone and all at once.

use serde::Deserialize;

use super::*;
use crate::extract::State;
use crate::lifecycle::Disconnected;
use crate::limits::Slow;
use crate::params::Params;
use crate::table::RouteErrorKind;

struct Mixer;

#[derive(Deserialize)]
#[expect(dead_code, reason = "only read")]
struct Place {
    room: String,
    line: u32,
}

fn silent(patterns: &'static [Spelling]) -> Definition {
    Definition {
        rules: Box::leak(Box::new([Rule { patterns, ..SILENT }])),
        ..FUNCTION
    }
}

fn closure() -> Controller {
    let mut controller = Controller::silent(|()| ());
    (controller.file, controller.line) = ("src/main.rs", 7);
    controller.rules[0].line = 7;
    controller
}

fn refused(routes: Routes, expected: &str) {
    let errors = Application::with(routes).refusals();
    assert_eq!(errors, [format!("{expected} ({{closure}} at src/main.rs:7)")]);
}

#[test]
fn an_empty_table() {
    assert_eq!(
        Application::of([]).refusals(),
        [
            "there are no routes: decorate functions, and link the crates that have them with `use that_crate as _;`, \
          or add a table with `.routes(…)`"
        ]
    );
}

#[test]
fn a_bad_pattern() {
    refused(
        Routes::new().include("v1/", Routes::new().route("rooms//say", closure())),
        "the pattern `v1/rooms//say`: empty segment at byte 6: write one `/` between segments, none at the ends",
    );
    refused(
        Routes::new().include("<room>/", Routes::new().route("<room>", closure())),
        "the pattern `<room>/<room>`: the parameter `room` at byte 8 is there already: give it another name",
    );
    let errors = Application::with(Routes::new().regex("a(", closure())).refusals();
    assert!(errors[0].starts_with("the pattern `a(`: unclosed group"), "{errors:?}");
}

#[test]
fn a_bad_prefix_once_for_its_whole_table() {
    let included = Routes::new()
        .route("a", closure())
        .route("b", closure())
        .route("c", closure());
    refused(
        Routes::new().include("accounts", included),
        "the prefix `accounts`: the prefix ends at byte 8 without `/`: end it with `/`, or leave it empty",
    );
}

#[test]
fn a_bad_template() {
    let to = Definition {
        rules: &[Rule {
            patterns: &[Spelling::Path("rooms/<room>/say"), Spelling::Path("say")],
            to: Some("rooms/<room>"),
            reply: Some("said//"),
            ..SEND_TO_MAILBOX
        }],
        ..FUNCTION
    };
    assert_eq!(
        Application::of([to]).refusals(),
        [
            "`reply = \"said//\"` on `rooms/<room>/say`: empty segment at byte 5: write one `/` between segments, none at \
             the ends (chat::rooms::say at src/rooms.rs:12)",
            "`reply = \"said//\"` on `say`: empty segment at byte 5: write one `/` between segments, none at the ends \
             (chat::rooms::say at src/rooms.rs:12)",
            "`to = \"rooms/<room>\"` on `say`: the pattern has no parameter `room`, named at byte 7: add it there or use \
             one that it has (chat::rooms::say at src/rooms.rs:12)",
        ]
    );
    refused(
        Routes::new().route("a", closure().reply("switchboard/hello")),
        "`reply = \"switchboard/hello\"`: names under `switchboard/` are reserved, choose another",
    );
}

#[test]
fn an_argument_that_means_nothing() {
    for (controller, argument) in [
        (closure().to("rooms/lobby"), "to"),
        (closure().except_sender(), "except_sender"),
        (closure().slow(Slow::DropOldest), "slow"),
    ] {
        refused(
            Routes::new().route("a", controller),
            &format!("`{argument}` means nothing on `silent`: leave it out, or use another decorator"),
        );
    }
}

#[test]
fn a_reserved_pattern() {
    let message = |pattern| {
        format!(
            "the pattern `{pattern}`: names under `switchboard/` are reserved, and controllers stand on \
             `switchboard/connected` and `switchboard/disconnected` alone, as paths"
        )
    };
    for reserved in ["switchboard/ping", "switchboard/connected/again", "switchboard/<event>"] {
        refused(Routes::new().route(reserved, closure()), &message(reserved));
    }
    refused(
        Routes::new().include("switchboard/", Routes::new().route("mine", closure())),
        &message("switchboard/mine"),
    );
    refused(
        Routes::new().regex("switchboard/connected", closure()),
        &message("regex r\"switchboard/connected\""),
    );
    Application::with(
        Routes::new()
            .route("switchboards", closure())
            .route("<any>/ping", closure()),
    )
    .table();
}

#[test]
fn the_same_function_pattern_and_decorator_twice() {
    let message = "`#[silent]` twice on the same function and `a`: leave one out (chat::rooms::say at src/rooms.rs:10)";
    assert_eq!(
        Application::of([silent(&[Spelling::Path("a"), Spelling::Path("a")])]).refusals(),
        [message]
    );

    let twice = Definition {
        rules: &[SILENT, SEND_ALL, SILENT],
        ..FUNCTION
    };
    assert_eq!(
        Application::with(Routes::new().route("a", decorated(twice))).refusals(),
        [message]
    );

    let mut both = Application::of([silent(&[Spelling::Path("a")])]);
    both.routes = Routes::new().route("a", decorated(silent(&[])));
    assert_eq!(both.refusals(), [message], "registered and in a table");

    let one = closure();
    refused(
        Routes::new()
            .route("a", one.clone())
            .route("b", one.clone())
            .route("a", one),
        "`#[silent]` twice on the same function and `a`: leave one out",
    );
}

#[test]
fn a_function_that_nobody_hears_or_reaches() {
    let undecorated = decorated(FUNCTION);
    assert_eq!(
        Application::with(Routes::new().route("a", undecorated)).refusals(),
        ["no decorator says who hears this function: add `#[silent]` or another (chat::rooms::say at src/rooms.rs:10)"]
    );
    assert_eq!(
        Application::with(Routes::new().decorated(decorated(silent(&[])))).refusals(),
        [
            "`#[silent]` has no route and no table gives it one: write `#[silent(\"…\")]` (chat::rooms::say at src/rooms.rs:10)"
        ]
    );
}

#[test]
fn a_state_that_nobody_gave() {
    let takes = Definition {
        needs: |needs| {
            State::<Mixer>::needs(needs);
            <Result<State<Mixer>, _>>::needs(needs);
            <(State<String>,)>::needs(needs);
        },
        ..silent(&[Spelling::Path("a"), Spelling::Path("b")])
    };
    let mut application = Application::of([takes]);
    let mixer = "`State<switchboard_server::table::tests::refusals::Mixer>` is taken and nobody gave one: add \
                 `.state(…)` to the server (chat::rooms::say at src/rooms.rs:10)";
    let string = "`State<alloc::string::String>` is taken and nobody gave one: add `.state(…)` to the server \
                  (chat::rooms::say at src/rooms.rs:10)";
    assert_eq!(application.refusals(), [string, mixer], "each once");

    application.states.insert(Arc::new(String::new()));
    assert_eq!(application.refusals(), [mixer]);
    application.states.insert(Arc::new(Mixer));
    application.table();
}

#[test]
fn an_argument_that_the_pattern_does_not_suit() {
    let place = Definition {
        needs: needs::<Params<Place>>,
        ..silent(&[
            Spelling::Path("rooms/<room>/<int:line>"),
            Spelling::Path("rooms/<room>"),
        ])
    };
    assert_eq!(
        Application::of([place]).refusals(),
        [
            "`Params<switchboard_server::table::tests::refusals::Place>` on `rooms/<room>`: no parameter fills the field \
          `line`, the pattern has `room`: give a parameter that name, or make the field an `Option` \
          (chat::rooms::say at src/rooms.rs:10)"
        ]
    );

    let gone = Definition {
        needs: needs::<Disconnected>,
        ..silent(&[Spelling::Path("switchboard/disconnected"), Spelling::Path("gone")])
    };
    assert_eq!(
        Application::of([gone]).refusals(),
        [
            "`Disconnected` on `gone`: only controllers of `switchboard/disconnected` have it: give it that route, or take \
          something else (chat::rooms::say at src/rooms.rs:10)"
        ]
    );
}

#[test]
fn a_parameter_of_a_prefix_fills_an_argument() {
    let routes = Routes::new().include(
        "rooms/<room>/",
        Routes::new().route("<int:line>", Controller::silent(|_: Params<Place>| ())),
    );
    Application::with(routes).table();
}

#[test]
fn a_registry_that_no_listener_serves() {
    let mut application = Application::with(Routes::new().route("a", closure().registry("backend")));
    application.served.push("internal".into());
    assert_eq!(
        application.refusals(),
        [
            "no listener serves the registry `backend`, only `public`, `internal`: add \
          `.listen(Listener::from(address).registry(\"backend\"))` ({closure} at src/main.rs:7)"
        ]
    );
}

#[test]
fn all_offenders_are_told_at_once() {
    let say = Definition {
        needs: needs::<(State<Mixer>, Params<u8>)>,
        rules: &[
            Rule {
                patterns: &[Spelling::Path("say"), Spelling::Path("say/")],
                ..SILENT
            },
            Rule {
                patterns: &[Spelling::Path("say/<n>")],
                to: Some("rooms/<room>"),
                ..SEND_TO_MAILBOX
            },
        ],
        ..FUNCTION
    };
    let mut application = Application::of([say]);
    application.routes = Routes::new()
        .include("open", Routes::new().route("a", closure()))
        .route("b", closure().registry("backend"));
    application.expected.push("lost".into());
    application.selection.push(Selection::Subtree("chatt".into()));

    let errors = application.build().err().unwrap();
    let expected = r#"8 errors in the routes:
  - no decorated functions in `chatt` or below it: there are some in `chat::rooms`; if it is in another crate, write `use that_crate as _;`
  - no route comes from the crate `lost`: the linker leaves out a crate that nothing names, so write `use lost as _;`
  - no listener serves the registry `backend`, only `public`: add `.listen(Listener::from(address).registry("backend"))` ({closure} at src/main.rs:7)
  - the prefix `open`: the prefix ends at byte 4 without `/`: end it with `/`, or leave it empty ({closure} at src/main.rs:7)
  - `Params<u8>` on `say`: the pattern has no parameter: add it to the pattern, or take less (chat::rooms::say at src/rooms.rs:10)
  - `State<switchboard_server::table::tests::refusals::Mixer>` is taken and nobody gave one: add `.state(…)` to the server (chat::rooms::say at src/rooms.rs:10)
  - the pattern `say/`: empty segment at byte 4: write one `/` between segments, none at the ends (chat::rooms::say at src/rooms.rs:10)
  - `to = "rooms/<room>"` on `say/<n>`: the pattern has no parameter `room`, named at byte 7: add it there or use one that it has (chat::rooms::say at src/rooms.rs:12)"#;
    assert_eq!(errors.to_string(), expected);

    let template = errors.iter().last().unwrap();
    assert!(matches!(
        template.kind(),
        RouteErrorKind::BadTemplate { argument: "to", .. }
    ));
    assert_eq!(template.function(), Some("chat::rooms::say"));
    assert_eq!(template.location(), Some(("src/rooms.rs", 12)));
    assert_eq!(errors.iter().next().unwrap().location(), None);
}
