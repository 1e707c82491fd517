//! The tables of cases in `testdata/`.

use serde::Deserialize;
use switchboard_router::{Param, Pattern, PatternError, Prefix, Router, Template, check_name};

#[test]
fn patterns() {
    let cases: Cases = toml::from_str(include_str!("../testdata/patterns.toml")).unwrap();
    assert!(cases.path.len() > 20 && cases.regex.len() > 10, "the table is read");
    for case in &cases.path {
        case.check(Pattern::path(&case.pattern).map(|pattern| show(pattern.params())));
    }
    for case in &cases.regex {
        case.check(Pattern::regex(&case.pattern).map(|pattern| show(pattern.params())));
    }
    for case in &cases.template {
        case.check(Template::parse(&case.pattern).map(|template| template.params().map(str::to_owned).collect()));
    }
    for case in &cases.prefix {
        case.check(Prefix::parse(&case.pattern).map(|prefix| show(prefix.params())));
    }
}

#[test]
fn patterns_under_prefixes() {
    let cases: Cases = toml::from_str(include_str!("../testdata/patterns.toml")).unwrap();
    for case in &cases.under {
        let prefix = Prefix::parse(&case.prefix).unwrap();
        let pattern = match (&case.path, &case.regex) {
            (Some(path), None) => Pattern::path(path).unwrap(),
            (None, Some(regex)) => Pattern::regex(regex).unwrap(),
            _ => panic!("{case:?} needs a path or a regex"),
        };
        match (pattern.under(&prefix), &case.error) {
            (Ok(joined), None) => {
                assert_eq!(Some(joined.source()), case.is.as_deref());
                assert_eq!(show(joined.params()), case.params, "{case:?}");
                assert_eq!(joined.is_regex(), pattern.is_regex(), "{case:?}");
            }
            (Err(error), Some(reason)) => {
                assert!(error.to_string().contains(reason), "{case:?}: {error}")
            }
            (result, _) => panic!("{case:?}: {result:?}"),
        }
    }
}

#[test]
fn names() {
    let cases: Cases = toml::from_str(include_str!("../testdata/patterns.toml")).unwrap();
    for case in &cases.name {
        match (check_name(&case.name, 16), &case.error) {
            (Ok(()), None) => {}
            (Err(error), Some(reason)) => {
                assert!(error.to_string().contains(reason), "{case:?}: {error}")
            }
            (result, _) => panic!("{case:?}: {result:?}"),
        }
    }
}

#[test]
fn matches() {
    #[derive(Deserialize)]
    struct Tables {
        table: Vec<Table>,
    }
    let tables: Tables = toml::from_str(include_str!("../testdata/matches.toml")).unwrap();
    assert!(tables.table.len() > 5, "the tables are read");
    for table in tables.table {
        let prefix = Prefix::parse(&table.under).unwrap();
        let paths = table.paths.iter().map(|path| Pattern::path(path).unwrap());
        let regexes = table.regexes.iter().map(|regex| Pattern::regex(regex).unwrap());
        let patterns: Vec<Pattern> = paths
            .chain(regexes)
            .map(|pattern| pattern.under(&prefix).unwrap())
            .collect();
        let router = Router::build(patterns.iter().map(|pattern| (pattern.clone(), pattern.clone()))).unwrap();
        for case in &table.name {
            let name = &case.name;
            let mut found = Vec::new();
            router.matches(name, |pattern, params| {
                let values = params
                    .iter(name)
                    .map(|(param, value)| format!(" {}={value}", param.name()));
                found.push(format!("{pattern}{}", values.collect::<String>()));
            });
            found.sort();
            let mut expected = case.matches.clone();
            expected.sort();
            assert_eq!(found, expected, "{}: {name}", table.title);

            let alone = patterns
                .iter()
                .filter(|pattern| pattern.matches(name).is_some())
                .count();
            assert_eq!(alone, expected.len(), "{}: {name}, pattern by pattern", table.title);
        }
    }
}

#[derive(Deserialize)]
struct Cases {
    path: Vec<Case>,
    regex: Vec<Case>,
    template: Vec<Case>,
    prefix: Vec<Case>,
    under: Vec<UnderCase>,
    name: Vec<NameCase>,
}

#[derive(Debug, Deserialize)]
struct Case {
    pattern: String,
    #[serde(default)]
    params: Vec<String>,
    error: Option<String>,
}

impl Case {
    fn check(&self, result: Result<Vec<String>, PatternError>) {
        match (result, &self.error) {
            (Ok(params), None) => assert_eq!(params, self.params, "{self:?}"),
            (Err(error), Some(reason)) => {
                let text = error.to_string();
                assert!(text.contains(reason), "{self:?}: {text}");
                assert!(text.contains(&format!("byte {}", error.position())), "{self:?}: {text}");
                assert!(self.pattern.is_char_boundary(error.position()), "{self:?}: {text}");
            }
            (result, _) => panic!("{self:?}: {result:?}"),
        }
    }
}

#[derive(Debug, Deserialize)]
struct UnderCase {
    prefix: String,
    path: Option<String>,
    regex: Option<String>,
    is: Option<String>,
    #[serde(default)]
    params: Vec<String>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct NameCase {
    name: String,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Table {
    title: String,
    #[serde(default)]
    under: String,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    regexes: Vec<String>,
    name: Vec<MatchCase>,
}

#[derive(Deserialize)]
struct MatchCase {
    name: String,
    #[serde(default)]
    matches: Vec<String>,
}

fn show(params: &[Param]) -> Vec<String> {
    params
        .iter()
        .map(|param| format!("{}:{}", param.converter(), param.name()))
        .collect()
}
