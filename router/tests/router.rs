//! What the router promises beside which patterns match.

use std::thread;

use switchboard_router::{Params, Pattern, PatternErrorKind, Prefix, Router, Template};

#[test]
fn each_route_of_a_pattern_is_found_once() {
    let say = || Pattern::path("rooms/<room>/say").unwrap();
    let hello = || Pattern::path("hello").unwrap();
    let up = || Pattern::regex("(?<what>.+)_up").unwrap();
    let router = Router::build([
        (say(), 0),
        (hello(), 1),
        (up(), 2),
        (say(), 3),
        (up(), 4),
        (hello(), 5),
        (say(), 6),
    ])
    .unwrap();
    let found = |name: &str| {
        let mut found = Vec::new();
        router.matches(name, |target, params| found.push((*target, params.len())));
        found.sort_unstable();
        found
    };
    assert_eq!(found("rooms/lobby/say"), [(0, 1), (3, 1), (6, 1)]);
    assert_eq!(found("hello"), [(1, 0), (5, 0)]);
    assert_eq!(found("volume_up"), [(2, 1), (4, 1)]);
    let listed: Vec<_> = router
        .iter()
        .map(|(pattern, target)| (pattern.source(), *target))
        .collect();
    assert_eq!(
        listed[..4],
        [("(?<what>.+)_up", 2), ("(?<what>.+)_up", 4), ("hello", 1), ("hello", 5)]
    );
    assert_eq!(
        listed[4..],
        [
            ("rooms/<room>/say", 0),
            ("rooms/<room>/say", 3),
            ("rooms/<room>/say", 6)
        ]
    );
}

#[test]
fn whatever_else_matches_a_literal_is_found_with_it() {
    let patterns = [
        Pattern::path("mixer/volume_up"),
        Pattern::path("mixer/<command>"),
        Pattern::path("mixer/<command>"),
        Pattern::path("mixer/<other>"),
        Pattern::path("<path:all>"),
        Pattern::regex("mixer/(?<what>.+)_(?<direction>up|down)(?<more>!)?"),
        Pattern::path("mixer/<int:channel>"),
        Pattern::path("mixer/volume_up"),
        Pattern::path("mixer/7"),
    ];
    let router = Router::build(patterns.into_iter().map(Result::unwrap).zip(0..)).unwrap();
    let found = |name: &str| {
        let mut found = Vec::new();
        router.matches(name, |target, params| {
            let params = params
                .iter(name)
                .map(|(param, value)| format!("{}={value}", param.name()));
            found.push((*target, params.collect::<Vec<_>>().join(" ")));
        });
        found.sort_unstable();
        found
    };
    let expected = |expected: &[(i32, &str)]| {
        expected
            .iter()
            .map(|(nth, params)| (*nth, (*params).to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found("mixer/volume_up"),
        expected(&[
            (0, ""),
            (1, "command=volume_up"),
            (2, "command=volume_up"),
            (3, "other=volume_up"),
            (4, "all=mixer/volume_up"),
            (5, "what=volume direction=up"),
            (7, ""),
        ])
    );
    assert_eq!(
        found("mixer/7"),
        expected(&[
            (1, "command=7"),
            (2, "command=7"),
            (3, "other=7"),
            (4, "all=mixer/7"),
            (6, "channel=7"),
            (8, ""),
        ])
    );
    assert_eq!(found("mixer"), expected(&[(4, "all=mixer")]));
}

/// So many that the router does not note them all beforehand, and around that.
#[test]
fn a_literal_may_match_any_number_of_other_patterns() {
    for others in 0..20 {
        let named = (0..others).map(|nth| Pattern::path(&format!("<p{nth}>/say")).unwrap());
        let literals = ["lobby/say", "lobby/leave"].map(|path| Pattern::path(path).unwrap());
        let router = Router::build(named.chain(literals).zip(0..)).unwrap();
        let mut found = Vec::new();
        router.matches("lobby/say", |target, params| {
            let captured = params
                .iter("lobby/say")
                .map(|(param, value)| (param.name().to_owned(), value))
                .next();
            found.push((*target, captured));
        });
        found.sort_unstable();
        let mut expected: Vec<_> = (0..others)
            .map(|nth| (nth, Some((format!("p{nth}"), "lobby"))))
            .collect();
        expected.push((others, None));
        assert_eq!(found, expected);

        let mut found = Vec::new();
        router.matches("lobby/leave", |target, params| found.push((*target, params.len())));
        assert_eq!(found, [(others + 1, 0)]);
    }
}

#[test]
fn reserved_names_can_be_kept_to_literal_routes() {
    let patterns = [
        Pattern::path("switchboard/connected"),
        Pattern::path("switchboard/<what>"),
        Pattern::path("<path:all>"),
        Pattern::regex(".*"),
    ];
    let router = Router::build(patterns.into_iter().map(|pattern| (pattern.unwrap(), ()))).unwrap();
    let count = |name: &str| {
        let mut count = 0;
        router.matches_literal(name, |(), params| count += usize::from(params.is_empty()));
        count
    };
    assert_eq!(count("switchboard/connected"), 1);
    assert_eq!(count("switchboard/other"), 0);
}

#[test]
fn a_match_may_start_another() {
    let router = Router::build([
        (Pattern::regex("a/(?<x>.+)").unwrap(), "regex"),
        (Pattern::path("<int:n>/<rest>").unwrap(), "path"),
    ])
    .unwrap();
    let mut found = Vec::new();
    router.matches("a/1/b", |_, outer| {
        let inner_name = outer.get("a/1/b", "x").unwrap();
        router.matches(inner_name, |target, params| {
            found.push((*target, params.get(inner_name, "rest").unwrap()))
        });
        router.matches("a/c", |target, params| {
            found.push((*target, params.get("a/c", "x").unwrap()))
        });
    });
    assert_eq!(found, [("path", "b"), ("regex", "c")]);
}

#[test]
fn params_outlive_the_match_and_keep_more_than_four_values() {
    let name = "1/2/3/4/5/6";
    let pattern = Pattern::path("<a>/<b>/<c>/<d>/<int:e>/<f>").unwrap();
    let router = Router::build([(pattern, ())]).unwrap();
    let mut kept = Params::default();
    router.matches(name, |(), params| kept = params);
    drop(router);
    let values: Vec<_> = kept
        .iter(name)
        .map(|(param, value)| format!("{}={value}", param.name()))
        .collect();
    assert_eq!(values, ["a=1", "b=2", "c=3", "d=4", "e=5", "f=6"]);
    assert_eq!(kept.get(name, "g"), None);
    assert_eq!(
        kept.get("é", "a"),
        None,
        "another name than the one matched is no panic"
    );
}

#[test]
fn threads_share_a_router() {
    let regexes = (0..100).map(|nth| (Pattern::regex(&format!(r"s/(?<a>\w+)_{nth}_(?<b>.*)")).unwrap(), nth));
    let router = Router::build(regexes).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for nth in 0..100 {
                    let name = format!("s/größe_{nth}_rest");
                    let mut found = Vec::new();
                    router.matches(&name, |target, params| {
                        found.push((*target, params.get(&name, "a").unwrap().to_owned()));
                    });
                    assert_eq!(found, [(nth, "größe".to_owned())]);
                }
            });
        }
    });
}

#[test]
fn sets_of_any_size_find_all() {
    for count in [1, 31, 32, 33, 150] {
        let patterns = (0..count).map(|nth| match nth % 3 {
            0 => format!("x/item{nth}"),
            1 => format!("x/(?<a>.*)item{nth}"),
            _ => format!("x/.*m{nth}.*"),
        });
        let router = Router::build(
            patterns
                .enumerate()
                .map(|(nth, regex)| (Pattern::regex(&regex).unwrap(), nth)),
        )
        .unwrap();
        for nth in 0..count {
            let mut found = false;
            router.matches(&format!("x/item{nth}"), |target, _| found |= *target == nth);
            assert!(found, "item{nth} of {count}");
        }
    }
}

#[test]
fn the_open_end_of_an_expression_takes_what_it_says() {
    let router = Router::build(
        [
            "x/.*a.*",
            "x/.*a(?s:.)*",
            "x/.*a.{2,}",
            "x/.*a[^é]*",
            "x/.*a[^b]*",
            "x/(?<head>.*)a.*",
            "x/.*",
        ]
        .iter()
        .map(|regex| (Pattern::regex(regex).unwrap(), *regex)),
    )
    .unwrap();
    for name in [
        "x/a",
        "x/aa",
        "x/bab",
        "x/babb",
        "x/ab\n",
        "x/ba\né",
        "x/aé",
        "x/éaéb",
        "x/b",
        "x/\n",
        "x/ba\u{e8}bb",
    ] {
        let mut found = Vec::new();
        router.matches(name, |regex, _| found.push(*regex));
        found.sort_unstable();
        let mut expected: Vec<_> = router
            .iter()
            .filter_map(|(pattern, regex)| pattern.matches(name).map(|_| *regex))
            .collect();
        expected.sort_unstable();
        assert_eq!(found, expected, "{name:?}");
    }
}

#[test]
fn long_names_are_matched_in_full() {
    let router = Router::build([
        (Pattern::regex(r"a/(?<x>(?:\w|-)+)z").unwrap(), "regex"),
        (Pattern::path("a/<path:x>").unwrap(), "path"),
    ])
    .unwrap();
    for letter in ["b", "é"] {
        let name = format!("a/{}z", letter.repeat(100_000));
        let mut found = 0;
        router.matches(&name, |_, params| found += params.get(&name, "x").unwrap().len());
        assert_eq!(found, 2 * (name.len() - 2) - 1);
    }
}

#[test]
fn deep_patterns_and_names_are_walked() {
    let deep = vec!["<a>"; 1]
        .into_iter()
        .chain(std::iter::repeat_n("x", 500))
        .collect::<Vec<_>>()
        .join("/");
    let other = format!("{}y", &deep[..deep.len() - 1]);
    let router = Router::build([(Pattern::path(&deep).unwrap(), 1), (Pattern::path(&other).unwrap(), 2)]).unwrap();
    let mut found = Vec::new();
    router.matches(&deep.replace("<a>", "é"), |target, _| found.push(*target));
    assert_eq!(found, [1]);
    router.matches(&"x/".repeat(100_000), |target, _| found.push(*target));
    assert_eq!(found, [1]);
}

#[test]
fn segments_end_where_a_slash_is() {
    let router = Router::build([
        (Pattern::path("<a>").unwrap(), 1),
        (Pattern::path("<a>/<b>").unwrap(), 2),
        (Pattern::path("<a>/<b>/<c>").unwrap(), 3),
    ])
    .unwrap();
    // The neighbours of the slash, which sums of eight bytes at a time might take for one, and bytes with the highest bit.
    for text in ["./0.é/a/..", "a/./.b", "////", "0/./0/./0/./0/./"] {
        for (start, end) in (0..=text.len()).flat_map(|end| (0..=end).map(move |start| (start, end))) {
            let Some(part) = text.get(start..end) else { continue };
            for len in 0..20 {
                let name = format!("{}{part}", "x".repeat(len));
                let mut found = Vec::new();
                router.matches(&name, |segments, params| {
                    let values: Vec<_> = params.iter(&name).map(|(_, value)| value.to_owned()).collect();
                    found.push((*segments, values.join("/")));
                });
                let is_plain = name.split('/').all(|segment| !segment.is_empty());
                let segments = name.split('/').count();
                let expected = (is_plain && segments <= 3).then_some((segments, name));
                assert_eq!(found, Vec::from_iter(expected));
            }
        }
    }
}

#[test]
fn patterns_have_a_longest_length() {
    let longest = "x".repeat(Pattern::MAX_BYTES);
    assert!(Pattern::path(&longest).is_ok() && Pattern::regex(&longest).is_ok());
    assert!(Template::parse(&longest).is_ok());
    let too_long = format!("{longest}/");
    let errors = [
        Pattern::path(&too_long).unwrap_err(),
        Pattern::regex(&too_long).unwrap_err(),
        Prefix::parse(&too_long).unwrap_err(),
        Template::parse(&too_long).unwrap_err(),
        Pattern::path(&longest)
            .unwrap()
            .under(&Prefix::parse("a/").unwrap())
            .unwrap_err(),
    ];
    for error in errors {
        assert!(
            matches!(
                error.kind(),
                PatternErrorKind::TooLong {
                    max_bytes: Pattern::MAX_BYTES
                }
            ),
            "{error}"
        );
        assert_eq!(error.position(), Pattern::MAX_BYTES);
    }
}

#[test]
fn templates_are_checked_against_patterns_and_filled_in() {
    let pattern = Pattern::regex("rooms/(?<room>[^/]+)(?:/(?<topic>.+))?").unwrap();
    let template = Template::parse("r/<room>/<topic>/<room>").unwrap();
    assert!(template.check(&pattern).is_ok());
    let render = |name: &str| {
        let params = pattern.matches(name).unwrap();
        template.render(|param| params.get(name, param))
    };
    assert_eq!(render("rooms/lobby/tea").as_deref(), Some("r/lobby/tea/lobby"));
    assert_eq!(render("rooms/lobby"), None, "the topic took no part");

    let error = Template::parse("rooms/<place>").unwrap().check(&pattern).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the pattern has no parameter `place`, named at byte 7: add it there or use one that it has"
    );
}

#[test]
fn patterns_are_told_apart_by_spelling() {
    let path = Pattern::path("a.b").unwrap();
    let regex = Pattern::regex("a.b").unwrap();
    assert_ne!(path, regex);
    assert!(path.is_literal() && !regex.is_literal());
    assert_eq!(
        (path.to_string().as_str(), regex.to_string().as_str()),
        ("a.b", r#"regex r"a.b""#)
    );
    assert_ne!(Pattern::path("<a>").unwrap(), Pattern::path("<str:a>").unwrap());

    let converted = Pattern::regex("x")
        .unwrap()
        .under(&Prefix::parse("<int:n>/").unwrap())
        .unwrap();
    let plain = Pattern::regex(converted.source()).unwrap();
    assert_ne!(converted, plain, "they match other names");
}
