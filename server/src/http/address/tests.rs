use super::*;

const TRUSTED: &[&str] = &["10.0.0.0/8", "127.0.0.1", "::1", "2001:db8:aaaa::/48"];

/// What the case is, who connected, what headers came, and who it is.
type Case = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

fn proxies() -> Proxies {
    let mut proxies = Proxies::default();
    for proxy in TRUSTED {
        proxies.add(proxy).expect("is a proxy");
    }
    proxies
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, value.parse().expect("is a header value"));
    }
    headers
}

#[test]
fn the_client_is_the_last_hop_that_nobody_trusted() {
    const XFF: &str = "x-forwarded-for";
    const FWD: &str = "forwarded";
    let cases: &[Case] = &[
        ("nobody in between", "203.0.113.9:1", &[], "203.0.113.9:1"),
        (
            "an untrusted peer's word is nothing",
            "203.0.113.9:1",
            &[(XFF, "198.51.100.1")],
            "203.0.113.9:1",
        ),
        (
            "nor by the other header",
            "203.0.113.9:1",
            &[(FWD, "for=198.51.100.1")],
            "203.0.113.9:1",
        ),
        ("a proxy that says nothing", "10.0.0.1:1", &[], "10.0.0.1:1"),
        ("one proxy", "10.0.0.1:1", &[(XFF, "198.51.100.1")], "198.51.100.1:0"),
        (
            "what the client invented stands further left",
            "10.0.0.1:1",
            &[(XFF, "1.1.1.1, 198.51.100.1")],
            "198.51.100.1:0",
        ),
        (
            "two proxies",
            "10.0.0.1:1",
            &[(XFF, "198.51.100.1, 10.2.3.4")],
            "198.51.100.1:0",
        ),
        (
            "lines go on from each other",
            "10.0.0.1:1",
            &[(XFF, "198.51.100.1"), (XFF, "10.2.3.4")],
            "198.51.100.1:0",
        ),
        (
            "the last line counts first",
            "10.0.0.1:1",
            &[(XFF, "198.51.100.1"), (XFF, "198.51.100.2")],
            "198.51.100.2:0",
        ),
        (
            "proxies alone",
            "10.0.0.1:1",
            &[(XFF, "10.0.0.3, 10.0.0.2")],
            "10.0.0.3:0",
        ),
        (
            "rubbish ends what is believed",
            "10.0.0.1:1",
            &[(XFF, "198.51.100.1, what, 10.0.0.2")],
            "10.0.0.2:0",
        ),
        ("rubbish alone", "10.0.0.1:1", &[(XFF, ",,")], "10.0.0.1:1"),
        ("unknown", "10.0.0.1:1", &[(XFF, "unknown")], "10.0.0.1:1"),
        (
            "a port",
            "10.0.0.1:1",
            &[(XFF, "198.51.100.1:4711")],
            "198.51.100.1:4711",
        ),
        ("version 6", "[::1]:1", &[(XFF, "2001:db8::7")], "[2001:db8::7]:0"),
        (
            "version 6 in brackets",
            "[::1]:1",
            &[(XFF, "[2001:db8::7]")],
            "[2001:db8::7]:0",
        ),
        (
            "version 6 with a port",
            "[::1]:1",
            &[(XFF, "[2001:db8::7]:80")],
            "[2001:db8::7]:80",
        ),
        (
            "a network of version 6",
            "[2001:db8:aaaa:1::1]:1",
            &[(XFF, "198.51.100.1")],
            "198.51.100.1:0",
        ),
        (
            "version 4 in version 6",
            "[::ffff:10.0.0.1]:1",
            &[(XFF, "::ffff:198.51.100.1")],
            "198.51.100.1:0",
        ),
        (
            "the standard's header",
            "10.0.0.1:1",
            &[(FWD, "for=198.51.100.1;proto=https")],
            "198.51.100.1:0",
        ),
        (
            "its quotes and case",
            "10.0.0.1:1",
            &[(FWD, "proto=http; For=\"[2001:db8::7]:80\"")],
            "[2001:db8::7]:80",
        ),
        (
            "its elements",
            "10.0.0.1:1",
            &[(FWD, "for=1.1.1.1, for=198.51.100.1, for=10.0.0.2")],
            "198.51.100.1:0",
        ),
        (
            "its hidden hops",
            "10.0.0.1:1",
            &[(FWD, "for=198.51.100.1, for=_hidden, for=10.0.0.2")],
            "10.0.0.2:0",
        ),
        ("no for in it", "10.0.0.1:1", &[(FWD, "proto=https")], "10.0.0.1:1"),
        (
            "both agree",
            "10.0.0.1:1",
            &[(XFF, "198.51.100.1"), (FWD, "for=198.51.100.1")],
            "198.51.100.1:0",
        ),
        (
            "one is invented",
            "10.0.0.1:1",
            &[(XFF, "198.51.100.1"), (FWD, "for=1.1.1.1")],
            "10.0.0.1:1",
        ),
    ];
    let proxies = proxies();
    for (case, peer, lines, expected) in cases {
        let client = proxies.client(peer.parse().expect(case), &headers(lines));
        assert_eq!(client, expected.parse().expect(case), "{case}");
    }
}

#[test]
fn a_header_that_is_no_text_is_not_believed() {
    let mut headers = HeaderMap::new();
    headers.append("x-forwarded-for", "198.51.100.1".parse().expect("is a header value"));
    headers.append(
        "x-forwarded-for",
        http::HeaderValue::from_bytes(b"\xff").expect("is a header value"),
    );
    let peer = "10.0.0.1:1".parse().expect("is an address");
    assert_eq!(proxies().client(peer, &headers), peer);
}

#[test]
fn a_proxy_is_an_address_or_a_network() {
    let mut proxies = Proxies::default();
    for bad in ["", "localhost", "10.0.0.0/33", "10.0.0.1:80", "*", "10.0.0.0/8/8"] {
        let error = proxies.add(bad).expect_err(bad);
        assert!(error.contains(&format!("trust_proxy({bad:?})")), "{error}");
    }
    assert!(!proxies.trust("10.0.0.1".parse().expect("is an address")));
}
