//! Which of the linked functions a server takes.

use super::*;

fn function(module: &'static str, function: &'static str, pattern: &'static str) -> Definition {
    let patterns: &'static [Spelling] = Box::leak(Box::new([Spelling::Path(pattern)]));
    Definition {
        module,
        function,
        rules: Box::leak(Box::new([Rule { patterns, ..SILENT }])),
        ..FUNCTION
    }
}

fn linked() -> Application {
    Application::of([
        function("chat", "hello", "hello"),
        function("chat::rooms", "say", "rooms/<room>/say"),
        function("chat::rooms::private", "whisper", "whisper"),
        function("chat::rooms_archive", "search", "search"),
        function("mixer", "up", "mixer/up"),
        function("mixer", "log", "mixer/up"),
        function("ablaze", "log", "mixer/up"),
    ])
}

fn functions(table: &RouteTable) -> Vec<&str> {
    table.routes().iter().map(|route| route.function()).collect()
}

#[test]
fn a_subtree_is_a_module_and_those_below_it() {
    let mut application = linked();
    application.selection = vec![Selection::Subtree("chat::rooms".into())];
    assert_eq!(
        functions(&application.table()),
        ["chat::rooms::say", "chat::rooms::private::whisper"]
    );

    application.selection.push(Selection::Subtree("mixer".into()));
    application
        .selection
        .push(Selection::Subtree("chat::rooms::private".into()));
    assert_eq!(
        functions(&application.table()),
        [
            "mixer::log",
            "mixer::up",
            "chat::rooms::say",
            "chat::rooms::private::whisper"
        ]
    );
}

#[test]
fn nothing_is_taken_unless_it_is_selected() {
    let mut application = linked();
    application.selection = Vec::new();
    application.routes = Routes::new().route("a", Controller::silent(|()| ()));
    assert_eq!(functions(&application.table()), ["{closure}"]);
}

#[test]
fn the_order_of_the_linker_does_not_show() {
    let mut application = linked();
    let printed = application.table().to_string();
    for turn in 0..application.linked.len() {
        application.linked.rotate_left(1);
        application.linked.swap(0, turn);
        assert_eq!(application.table().to_string(), printed);
    }

    application.served = vec!["nobody".into()];
    let refused = application.refusals();
    assert_eq!(refused.len(), 7);
    application.linked.reverse();
    assert_eq!(application.refusals(), refused);
}

#[test]
fn what_only_a_table_can_name_is_not_taken_by_itself() {
    let mut application = linked();
    application.linked.push(Box::leak(Box::new(Definition {
        rules: &[SILENT],
        ..FUNCTION
    })));
    assert_eq!(application.table().routes().len(), 7);
}

#[test]
fn a_subtree_without_functions_is_refused_with_what_is_near() {
    let mut application = linked();
    application.selection.push(Selection::Subtree("chat::room".into()));
    assert_eq!(
        application.refusals(),
        [
            "no decorated functions in `chat::room` or below it: there are some in `chat::rooms`, `chat::rooms::private`, \
          `chat::rooms_archive`, `chat`, `ablaze`; if it is in another crate, write `use that_crate as _;`"
        ]
    );

    let mut application = Application::of([]);
    application.selection = vec![Selection::Subtree("chat".into())];
    assert_eq!(
        application.refusals(),
        [
            "no decorated functions in `chat` or below it: the program links none at all; if another crate has them, \
          write `use that_crate as _;`"
        ]
    );
}

#[test]
fn a_crate_that_is_expected_must_be_there() {
    let mut application = linked();
    application.expected = vec!["chat".into(), "mixer".into()];
    application.table();

    application.expected = vec!["my-controllers".into(), "cha".into(), "rooms".into()];
    let missing = |name| {
        format!(
            "no route comes from the crate `{name}`: the linker leaves out a crate that nothing names, \
             so write `use {name} as _;`"
        )
    };
    assert_eq!(application.refusals(), ["cha", "my_controllers", "rooms"].map(missing));

    let mut application = linked();
    application.selection = vec![Selection::Subtree("chat".into())];
    application.expected = vec!["mixer".into()];
    assert_eq!(
        application.refusals(),
        [missing("mixer")],
        "only what is installed counts"
    );
}
