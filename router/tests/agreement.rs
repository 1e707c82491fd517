//! The router must answer as its patterns do one by one, and no text may make it panic.

use proptest::{prelude::*, sample::select};
use switchboard_router::{Converter, Params, Pattern, Prefix, Router, Template, check_name};

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn router_agrees_with_its_patterns(
        patterns in prop::collection::vec(pattern(), 0..24),
        names in prop::collection::vec(name(), 1..24),
    ) {
        let router = Router::build(patterns.iter().cloned().enumerate().map(|(nth, pattern)| (pattern, nth))).unwrap();
        prop_assert_eq!(router.len(), patterns.len());
        let literal = patterns.iter().filter(|pattern| pattern.is_literal());
        let names: Vec<_> = names.into_iter().chain(literal.map(|pattern| pattern.source().to_owned())).collect();
        for name in &names {
            let mut found = Vec::new();
            router.matches(name, |nth, params| found.push((*nth, show(&params, name))));
            found.sort();
            let expected: Vec<_> = patterns
                .iter()
                .enumerate()
                .filter_map(|(nth, pattern)| Some((nth, show(&pattern.matches(name)?, name))))
                .collect();
            prop_assert_eq!(&found, &expected, "{:?} in {:?}", name, patterns);

            let mut literal = Vec::new();
            router.matches_literal(name, |nth, params| literal.push((*nth, show(&params, name))));
            literal.sort();
            let expected: Vec<_> = expected.into_iter().filter(|(nth, _)| patterns[*nth].is_literal()).collect();
            prop_assert_eq!(literal, expected);
        }
    }

    #[test]
    fn prefixes_mean_what_they_are_in_front_of(prefix in path(0), pattern in pattern(), head in name(), tail in name()) {
        let Ok(prefix) = Prefix::parse(&format!("{prefix}/")) else { return Ok(()) };
        let Ok(joined) = pattern.under(&prefix) else { return Ok(()) };
        prop_assert_eq!(joined.is_regex(), pattern.is_regex());
        let front = Pattern::path(prefix.source().trim_end_matches('/')).unwrap();
        let name = format!("{head}/{tail}");
        // The prefix takes as many segments as it has.
        let slashes = name.match_indices('/').map(|(at, _)| at);
        let split = slashes.take(prefix.source().matches('/').count()).last().unwrap_or(name.len());
        let (head, tail) = (&name[..split], &name[(split + 1).min(name.len())..]);
        let expected = front.matches(head).zip(pattern.matches(tail)).map(|(front, own)| [show(&front, head), show(&own, tail)].concat());
        let found = joined.matches(&name).map(|params| show(&params, &name));
        prop_assert_eq!(found, expected, "{} and {:?}", joined, name);
    }

    #[test]
    fn expressions_mean_behind_a_prefix_what_they_mean_alone(regex in anchored(), tail in name()) {
        let Ok(pattern) = Pattern::regex(&name_groups(&regex)) else { return Ok(()) };
        let Ok(joined) = pattern.under(&Prefix::parse("<slug:p0>/é/").unwrap()) else { return Ok(()) };
        let name = format!("ab/é/{tail}");
        let expected = pattern.matches(&tail).map(|own| show(&own, &tail));
        let found = joined.matches(&name).map(|params| show(&params, &name).split_off(1));
        prop_assert_eq!(found, expected, "{} and {:?}", joined, name);
        let router = Router::build([(joined.clone(), ())]).unwrap();
        let mut routed = None;
        router.matches(&name, |(), params| routed = Some(params));
        prop_assert_eq!(routed, joined.matches(&name));
    }

    #[test]
    fn names_are_told_from_others(name in prop_oneof![name(), text(), "[a/<>*\u{7f}\u{85}\u{1}é ~-]{0,20}"]) {
        let is_name = name.split('/').all(|segment| {
            !segment.is_empty() && !segment.chars().any(|character| "<>*".contains(character) || character.is_control())
        });
        prop_assert_eq!(check_name(&name, 1 << 20).is_ok(), is_name, "{:?}", name);
    }

    #[test]
    fn no_text_panics(text in text(), name in text(), other in name()) {
        let _ = check_name(&text, 64);
        let _ = Prefix::parse(&text);
        if let Ok(template) = Template::parse(&text) {
            let params: Vec<_> = template.params().map(str::to_owned).collect();
            prop_assert_eq!(template.is_literal(), params.is_empty());
            prop_assert!(template.render(|_| Some("x")).is_some());
        }
        for pattern in [Pattern::path(&text), Pattern::regex(&text)].into_iter().flatten() {
            let router = Router::build([(pattern.clone(), ())]).unwrap();
            for name in [&text, &name, &other] {
                let mut found = None;
                router.matches(name, |(), params| found = Some(params));
                prop_assert_eq!(found, pattern.matches(name));
            }
        }
    }

    #[test]
    fn errors_point_into_the_text(text in text()) {
        let errors = [
            Pattern::path(&text).err(),
            Pattern::regex(&text).err(),
            Prefix::parse(&text).err(),
            Template::parse(&text).err(),
        ];
        for error in errors.into_iter().flatten() {
            prop_assert!(text.is_char_boundary(error.position()), "{error}");
        }
    }
}

fn pattern() -> impl Strategy<Value = Pattern> {
    prop_oneof![
        path(0).prop_filter_map("no path", |path| Pattern::path(&path).ok()),
        regex().prop_filter_map("no expression", |regex| Pattern::regex(&name_groups(&regex)).ok()),
    ]
}

/// Paths over few segments, so that they collide; parameters have the names p0, p1 and so on.
fn path(first: usize) -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        3 => select(SEGMENTS).prop_map(str::to_owned),
        2 => select(&Converter::ALL).prop_map(|converter| format!("<{converter}:p>")),
    ];
    prop::collection::vec(segment, 1..5).prop_map(move |segments| {
        let numbered = segments.iter().enumerate();
        let numbered: Vec<_> = numbered
            .map(|(nth, segment)| segment.replace(":p>", &format!(":p{}>", nth + first)))
            .collect();
        numbered.join("/")
    })
}

/// Expressions with unnamed groups, often with literal first segments.
fn regex() -> impl Strategy<Value = String> {
    let leaf = select(
        &[
            "a", "b", "ab", "/", "a/", "b/a/", "é", "1", "-", ".", "(?s:.)", r"\w", r"\d", "[^/]", "[ab]", "[a-é]",
            r"\b", "^", "$", "", "(?i:A)", r"\W",
        ][..],
    )
    .prop_map(str::to_owned);
    let tail = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| parts.concat()),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("(?:{})", parts.join("|"))),
            inner.clone().prop_map(|part| format!("({part})")),
            (
                inner,
                select(&["*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{2,}"][..])
            )
                .prop_map(|(part, repeat)| format!("(?:{part}){repeat}")),
        ]
    });
    (select(&["", "", "a/", "é/b/", "^a/", "a"][..]), tail).prop_map(|(head, tail)| format!("{head}{tail}"))
}

/// Expressions that ask for the beginning here and there, in front of other expressions.
fn anchored() -> impl Strategy<Value = String> {
    let beginnings = &[
        "^",
        "^",
        r"\A",
        "(?m)^",
        "(?m:^)",
        "(?:^a|b)",
        "(^|.*/)",
        "(?:^)?",
        "(?:a^)*",
        "(?:^|^a/)",
        "(?Rm:^)",
    ];
    let anchors = prop::collection::vec(select(&beginnings[..]), 0..3).prop_map(|anchors| anchors.concat());
    (anchors, regex(), any::<bool>()).prop_map(|(anchors, regex, isolates)| {
        if isolates {
            format!("{anchors}(?:{regex})")
        } else {
            format!("{anchors}{regex}")
        }
    })
}

/// Gives each unnamed group a name of its own.
fn name_groups(regex: &str) -> String {
    let mut named = String::new();
    let mut groups = 0;
    let mut rest = regex;
    while let Some(open) = rest.find('(') {
        named.push_str(&rest[..=open]);
        rest = &rest[open + 1..];
        if !rest.starts_with('?') {
            named.push_str(&format!("?<g{groups}>"));
            groups += 1;
        }
    }
    named + rest
}

fn name() -> impl Strategy<Value = String> {
    let segment = prop_oneof![9 => select(SEGMENTS).prop_map(str::to_owned), 1 => "[ab1é/\n-]{0,4}"];
    prop::collection::vec(segment, 1..6).prop_map(|segments| segments.join("/"))
}

/// Texts that look like patterns, and texts that do not.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,40}",
        "[<>:/a-c(){}|?*+\\[\\]\\\\^$.é\n]{0,24}",
        any::<String>(),
        path(0),
        regex()
    ]
}

fn show(params: &Params, name: &str) -> Vec<(String, String)> {
    params
        .iter(name)
        .map(|(param, value)| (param.name().to_owned(), value.to_owned()))
        .collect()
}

const SEGMENTS: &[&str] = &[
    "a",
    "b",
    "ab",
    "é",
    "1",
    "-2",
    "a-b",
    "日本",
    "67e55044-10b1-426f-9247-bb680e5fe0c8",
    "99999999999999999999",
    "a é",
    ".",
    ".seven.",
    "eight.é",
    "nineteen.characters",
];
