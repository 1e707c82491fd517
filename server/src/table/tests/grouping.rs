//! Which decorators share a run, and how the table looks.

use super::*;

const TWICE: Definition = Definition {
    function: "increase",
    rules: &[
        Rule {
            patterns: &[Spelling::Path("mixer/up")],
            ..SILENT
        },
        Rule {
            patterns: &[Spelling::Path("mixer/up"), Spelling::Path("mixer/touched")],
            reply: Some("mixer/level"),
            except_sender: true,
            ..SEND_ALL
        },
    ],
    ..FUNCTION
};

#[test]
fn decorators_with_the_same_pattern_share_a_run() {
    let table = Application::of([TWICE]).table();
    let [touched, up] = table.routes() else {
        panic!("{table}");
    };
    let decorators = |route: &super::super::Route| route.rules.iter().map(|rule| rule.decorator).collect::<Vec<_>>();
    assert_eq!(touched.pattern().source(), "mixer/touched");
    assert_eq!(decorators(touched), [Decorator::SendAll]);
    assert_eq!(touched.line(), 11);
    assert_eq!(up.pattern().source(), "mixer/up");
    assert_eq!(decorators(up), [Decorator::Silent, Decorator::SendAll]);
    assert_eq!(up.line(), 10);
    assert!(up.delivers());
    assert_eq!(up.function(), "chat::rooms::increase");
    assert_eq!(up.label().to_string(), "mixer/up by chat::rooms::increase");

    let mut runs = 0;
    table.registry("public").unwrap().matches("mixer/up", |_, _| runs += 1);
    assert_eq!(runs, 1);
}

#[test]
fn decorators_of_different_registries_run_apart() {
    let apart = Definition {
        rules: &[
            Rule {
                patterns: &[Spelling::Path("a")],
                ..SILENT
            },
            Rule {
                patterns: &[Spelling::Path("a")],
                registry: Some("backend"),
                ..SEND_ALL
            },
        ],
        ..FUNCTION
    };
    let mut application = Application::of([apart]);
    application.served = vec!["public".into(), "backend".into(), "public".into()];
    let table = application.table();
    assert_eq!(table.registries().collect::<Vec<_>>(), ["backend", "public"]);
    for registry in ["public", "backend"] {
        let router = table.registry(registry).unwrap();
        assert_eq!(router.len(), 1);
        assert!(router.iter().all(|(_, id)| table.route(*id).registry() == registry));
    }
}

#[test]
fn a_served_registry_without_routes_matches_nothing() {
    let mut application = Application::with(Routes::new().route("a", Controller::silent(|()| ())));
    application.served.push("backend".into());
    let table = application.table();
    assert!(table.registry("backend").unwrap().is_empty());
    assert!(table.registry("frontend").is_none());
}

#[test]
fn different_functions_on_one_pattern_run_apart() {
    let a = |n: u32| Controller::silent(move |()| n);
    let table = Application::with(Routes::new().route("a", a(1)).route("a", a(2))).table();
    assert_eq!(table.routes().len(), 2);
    let regex = Routes::new().regex("a", a(1)).route("a", a(2));
    assert_eq!(Application::with(regex).table().routes().len(), 2);
}

#[test]
fn a_table_gives_its_pattern_to_every_decorator() {
    let controller = decorated(Definition {
        rules: &[SILENT, SEND_ALL],
        ..FUNCTION
    });
    let table = Application::with(Routes::new().route("radio/up", controller)).table();
    assert_eq!(table.routes().len(), 1);
    assert_eq!(table.routes()[0].rules.len(), 2);
}

#[test]
fn a_decorated_entry_keeps_its_own_patterns() {
    let table = Application::with(Routes::new().include("v1/", Routes::new().decorated(decorated(TWICE)))).table();
    let patterns: Vec<_> = table.routes().iter().map(|route| route.pattern().source()).collect();
    assert_eq!(patterns, ["v1/mixer/touched", "v1/mixer/up"]);
    let reply = table.routes()[0].rules[0].reply.as_ref().unwrap();
    assert_eq!(reply.source(), "mixer/level", "a reply is an absolute name");
}

#[test]
fn prefixes_add_up_from_the_outside_and_give_parameters() {
    let say = Controller::send_to_mailbox(|()| ())
        .to("rooms/<house>/<room>")
        .reply("said/<house>");
    let inner = Routes::new()
        .route("say", say)
        .regex("up|down", Controller::silent(|()| ()));
    let nested = Routes::new().include("houses/<house>/", Routes::new().include("rooms/<int:room>/", inner));
    let table = Application::with(nested).table();
    let patterns: Vec<_> = table.routes().iter().map(|route| route.pattern().to_string()).collect();
    assert_eq!(
        patterns,
        [
            r#"regex r"houses/(?<house>[^/]+)/rooms/(?<room>-?[0-9]+)/(?:up|down)""#,
            "houses/<house>/rooms/<int:room>/say"
        ]
    );
}

#[test]
fn names_of_switchboards_own_have_no_prefix() {
    let events = Routes::new()
        .route("switchboard/connected", Controller::silent(|()| ()))
        .decorated(decorated(Definition {
            rules: &[Rule {
                patterns: &[Spelling::Path("switchboard/disconnected")],
                ..SEND_ALL
            }],
            ..FUNCTION
        }));
    let table = Application::with(Routes::new().include("chat/", events)).table();
    let patterns: Vec<_> = table.routes().iter().map(|route| route.pattern().source()).collect();
    assert_eq!(patterns, ["switchboard/connected", "switchboard/disconnected"]);
}

#[test]
fn options_come_along() {
    let slow = Controller::silent(|()| ()).timeout(Duration::from_secs(5)).unordered();
    let table = Application::with(Routes::new().route("a", slow)).table();
    assert_eq!(table.routes()[0].timeout, Some(Duration::from_secs(5)));
    assert!(table.routes()[0].unordered);
    assert!(!table.routes()[0].delivers());
}

#[test]
fn it_is_printed_in_columns() {
    let say = Definition {
        rules: &[Rule {
            patterns: &[Spelling::Path("rooms/<room>/say")],
            to: Some("rooms/<room>"),
            registry: Some("backend"),
            ..SEND_TO_MAILBOX
        }],
        ..FUNCTION
    };
    let log = Definition {
        function: "log",
        module: "chat",
        file: "src/main.rs",
        rules: &[Rule {
            patterns: &[Spelling::Regex("grüße/(?<to>.+)")],
            line: 207,
            ..SILENT
        }],
        ..FUNCTION
    };
    let mut application = Application::of([TWICE, say, log]);
    application.served.push("backend".into());
    let expected = r#"
registry  pattern                   decorators                                               function               place
backend   rooms/<room>/say          send_to_mailbox(to = "rooms/<room>")                     chat::rooms::say       src/rooms.rs:12
public    regex r"grüße/(?<to>.+)"  silent                                                   chat::log              src/main.rs:207
public    mixer/touched             send_all(except_sender, reply = "mixer/level")           chat::rooms::increase  src/rooms.rs:11
public    mixer/up                  silent + send_all(except_sender, reply = "mixer/level")  chat::rooms::increase  src/rooms.rs:10"#;
    assert_eq!(format!("\n{}", application.table()), expected);
}
