use super::*;

fn headers(host: Option<&str>, origin: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(host) = host {
        headers.insert(HOST, host.parse().expect("is a header value"));
    }
    if let Some(origin) = origin {
        headers.insert(ORIGIN, origin.parse().expect("is a header value"));
    }
    headers
}

fn allowing(patterns: &[&str]) -> Origins {
    let mut origins = Origins::default();
    for pattern in patterns {
        origins.add(pattern).expect("is a pattern");
    }
    origins
}

#[test]
fn a_page_of_ours_may_connect() {
    let cases = [
        ("http://example.org", "example.org", true),
        ("http://example.org", "EXAMPLE.org:80", true),
        ("HTTP://Example.ORG", "example.org", true),
        ("https://example.org", "example.org", true),
        ("https://example.org", "example.org:443", true),
        ("https://example.org:443", "example.org", true),
        ("http://localhost:8000", "localhost:8000", true),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", true),
        ("http://[::1]:8000", "[::1]:8000", true),
        ("http://[::1]", "[::1]", true),
        ("http://localhost:8001", "localhost:8000", false),
        ("http://localhost:8000", "127.0.0.1:8000", false),
        ("http://example.org:443", "example.org", false),
        ("https://example.org", "example.org:80", false),
        ("https://example.org.evil.example", "example.org", false),
        ("https://evil-example.org", "example.org", false),
        ("https://example.org@evil.example", "example.org", false),
        ("https://www.example.org", "example.org", false),
        ("null", "null", false),
        ("", "", false),
        ("example.org", "example.org", false),
        ("http://", "", false),
        ("http://example.org:", "example.org", false),
        ("http://example.org:+80", "example.org", false),
        ("http://example.org:99999", "example.org:99999", false),
        ("http://example.org/", "example.org", false),
        ("http://a b", "a b", false),
    ];
    for (origin, host, is_allowed) in cases {
        let refused = Origins::default().refuses(&headers(Some(host), Some(origin)));
        assert_eq!(refused.is_none(), is_allowed, "{origin} at {host}");
    }
}

#[test]
fn a_page_of_others_needs_to_be_allowed() {
    let cases: &[(&[&str], &str, bool)] = &[
        (&[], "https://example.org", false),
        (&["https://example.org"], "https://example.org", true),
        (&["https://example.org"], "https://EXAMPLE.org:443", true),
        (&["https://Example.org:443"], "https://example.org", true),
        (&["https://example.org"], "http://example.org", false),
        (&["https://example.org"], "https://example.org:8443", false),
        (&["https://example.org"], "https://www.example.org", false),
        (&["https://example.org:8443"], "https://example.org:8443", true),
        (&["https://a.example", "https://b.example"], "https://b.example", true),
        (&["https://*.example.org"], "https://www.example.org", true),
        (&["https://*.example.org"], "https://a.b.example.org", true),
        (&["https://*.example.org"], "https://example.org", false),
        (&["https://*.example.org"], "https://.example.org", false),
        (&["https://*.example.org"], "https://evilexample.org", false),
        (&["https://*.example.org"], "http://www.example.org", false),
        (&["https://*.example.org:8443"], "https://www.example.org:8443", true),
        (&["https://*.example.org:8443"], "https://www.example.org", false),
        (&["tauri://localhost"], "tauri://localhost", true),
        (&["https://example.org"], "null", false),
        (&["*"], "https://anything.example", true),
        (&["*"], "null", true),
    ];
    for (patterns, origin, is_allowed) in cases {
        let refused = allowing(patterns).refuses(&headers(Some("chat.example.net"), Some(origin)));
        assert_eq!(refused.is_none(), *is_allowed, "{origin} where {patterns:?} may");
        assert!(refused.is_none_or(|shown| shown == *origin));
    }
}

#[test]
fn what_is_no_browser_is_not_held_up() {
    assert_eq!(Origins::default().refuses(&headers(Some("example.org"), None)), None);
    assert_eq!(Origins::default().refuses(&headers(None, None)), None);
}

#[test]
fn doubled_headers_are_no_way_in() {
    let mut two_origins = headers(Some("example.org"), Some("http://example.org"));
    two_origins.append(ORIGIN, "http://evil.example".parse().expect("is a header value"));
    assert!(Origins::default().refuses(&two_origins).is_some());

    let mut two_hosts = headers(Some("example.org"), Some("http://evil.example"));
    two_hosts.append(HOST, "evil.example".parse().expect("is a header value"));
    assert!(Origins::default().refuses(&two_hosts).is_some());

    assert!(
        Origins::default()
            .refuses(&headers(None, Some("http://example.org")))
            .is_some()
    );
}

#[test]
fn a_pattern_that_can_never_match_is_an_error() {
    for bad in [
        "",
        "example.org",
        "https://",
        "https://*",
        "https://*.",
        "https://*.*.example.org",
        "https://www.*.org",
        "https://example.org/",
        "https://example.org/chat",
        "https://example.org:port",
        "https://bücher.example",
        "null",
        "1http://example.org",
    ] {
        let error = Origins::default().add(bad).expect_err(bad);
        assert!(error.contains(&format!("allow_origin({bad:?})")), "{error}");
    }
}

#[test]
fn refused_origins_are_news_once_and_are_not_kept_without_bound() {
    let origins = Origins::default();
    assert!(origins.is_news("https://a.example"));
    assert!(!origins.is_news("https://a.example"));
    let news = (0..1000)
        .filter(|n| origins.is_news(&format!("https://{n}.example")))
        .count();
    assert_eq!(news, TOLD - 1);
    let long = format!("http://{}", "a".repeat(10_000));
    let shown = origins.refuses(&headers(None, Some(&long))).expect("is refused");
    assert_eq!(shown.len(), SHOWN);
}
