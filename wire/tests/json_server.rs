//! The JsonServer dialect, byte for byte: what Anaconda's server says, and what it should have said.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use switchboard_wire::json_server::JsonServer;
use switchboard_wire::{
    Dialect, End, Error, Format, Formats, Frame, Incoming, Malformed, RawPayload, ReadLimits, Ticket, Uid, Unit,
    Written,
};

const LIMITS: ReadLimits = ReadLimits { depth: 16 };

fn read(line: &str) -> Result<Incoming, Box<Malformed>> {
    JsonServer.read(Unit::Text(line), &LIMITS)
}

fn ticket(line: &str) -> Ticket {
    read(line).unwrap().ticket
}

fn payload(json: &str) -> RawPayload {
    json.parse().unwrap()
}

fn written(frame: &Frame<'_>) -> String {
    let mut out = Vec::new();
    match JsonServer.write(frame, &mut out).unwrap() {
        Written::Text => String::from_utf8(out).unwrap(),
        Written::Nothing => {
            assert!(out.is_empty());
            String::new()
        }
        Written::Binary => panic!("lines are text"),
    }
}

fn answer<'a>(ticket: &'a Ticket, payload: &'a RawPayload, end: End) -> Frame<'a> {
    Frame::Answer {
        ticket,
        name: "handler/method",
        payload: Some(payload),
        end,
    }
}

fn failed<'a>(ticket: &'a Ticket, error: &'a Error, end: End) -> Frame<'a> {
    Frame::Failed {
        ticket,
        name: None,
        error,
        end,
    }
}

const FINAL: End = End::Final(None);

#[test]
fn handler_and_method_are_the_name_and_the_rest_is_the_payload() {
    for (line, name, uid, payload) in [
        (
            r#"{"method": "echo", "handler": "heldout", "uid": "u1", "vid": 1, "text": "a"}"#,
            "heldout/echo",
            Some(Uid::Text("u1".into())),
            r#"{"text": "a"}"#,
        ),
        (
            r#"{"vid":113,"code":"x = 1","settings":{"a":[1]},"method":"lint","handler":"python_linter","uid":"f0"}"#,
            "python_linter/lint",
            Some(Uid::Text("f0".into())),
            r#"{"code":"x = 1","settings":{"a":[1]}}"#,
        ),
        (r#"{"method":"check","uid":17}"#, "check", Uid::integer(17), "{}"),
        (r#" { "handler" : "h" , "method" : "\u006d" } "#, "h/m", None, "{}"),
        (r#"{"method":"m","handler":"h","uid":null}"#, "h/m", None, "{}"),
    ] {
        let incoming = read(line).unwrap();
        assert_eq!(incoming.message.name(), name, "{line}");
        assert_eq!(incoming.message.uid(), uid.as_ref(), "{line}");
        assert_eq!(incoming.ticket.uid(), uid.as_ref(), "{line}");
        assert_eq!(incoming.message.payload().unwrap().json(), Some(payload), "{line}");
        assert!(!incoming.ticket.wants_receipt());
    }
}

#[test]
fn what_is_no_message_says_why_and_keeps_the_uid() {
    for (line, uid, error) in [
        ("hello", None, "not JSON: expected a value at byte 0"),
        ("", None, "not JSON: expected a value at byte 0"),
        ("[1,2]", None, "a message is an object with a `method`"),
        ("null", None, "a message is an object with a `method`"),
        ("{}", None, "`method` is missing"),
        (r#"{"handler":"h","uid":"u"}"#, Some("u"), "`method` is missing"),
        (
            r#"{"method":7,"handler":"h","uid":"u"}"#,
            Some("u"),
            "`method` must be a string that is not empty",
        ),
        (
            r#"{"method":"m","handler":"","uid":"u"}"#,
            Some("u"),
            "`handler` must be a string that is not empty",
        ),
        (
            r#"{"uid":"u","method":"m","method":"n"}"#,
            Some("u"),
            "`method` stands there twice",
        ),
        (
            r#"{"uid":"u","method":"m""#,
            Some("u"),
            "not JSON: expected `,` or `}` at byte 23",
        ),
        (
            r#"{"method":"m","uid":1.5}"#,
            None,
            "`uid` must be a string of at most 128 bytes or an integer within ±(2^53−1)",
        ),
        (
            r#"{"method":"m","uid":["u"]}"#,
            None,
            "`uid` must be a string of at most 128 bytes or an integer within ±(2^53−1)",
        ),
        (
            r#"{"method":"m","x":[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]],"uid":"u"}"#,
            Some("u"),
            "the message nests deeper than 16",
        ),
    ] {
        let malformed = read(line).unwrap_err();
        assert_eq!(malformed.error.message(), error, "{line}");
        assert_eq!(malformed.error.code(), "bad_message");
        assert_eq!(
            malformed.ticket.uid(),
            uid.map(|uid| Uid::Text(uid.into())).as_ref(),
            "{line}"
        );
    }
}

#[test]
fn the_answer_carries_the_keys_of_an_object_and_anything_else_as_result() {
    let ticket = ticket(r#"{"method":"m","uid":"u\"1","vid": [1, {"a":null}]}"#);
    let end = r#","uid":"u\"1","vid":[1, {"a":null}]}"#;
    for (value, own) in [
        (r#"{"text":"a","n":0}"#, r#"{"success":true,"text":"a","n":0"#),
        ("{}", r#"{"success":true"#),
        (r#"{"uid":"other","vid":9,"x":1}"#, r#"{"success":true,"x":1"#),
        (
            r#"{"errors":"a. b","success":false}"#,
            r#"{"success":false,"errors":"a. b""#,
        ),
        ("[1,2]", r#"{"success":true,"result":[1,2]"#),
        ("null", r#"{"success":true,"result":null"#),
        (r#""text""#, r#"{"success":true,"result":"text""#),
    ] {
        assert_eq!(written(&answer(&ticket, &payload(value), FINAL)), format!("{own}{end}"));
    }
    let done = Frame::Done {
        ticket: &ticket,
        name: "m",
        receipt: None,
    };
    assert_eq!(written(&done), format!(r#"{{"success":true{end}"#));
    let error = Error::new("not_found", "no route matches \"m\"");
    assert_eq!(
        written(&failed(&ticket, &error, FINAL)),
        format!(r#"{{"success":false,"error":"no route matches \"m\"","code":"not_found"{end}"#)
    );
    let binary = RawPayload::encode(&[("k", 1)], Formats::MESSAGE_PACK).unwrap();
    assert_eq!(
        written(&answer(&ticket, &binary, FINAL)),
        format!(r#"{{"success":true,"result":[["k",1]]{end}"#)
    );
}

#[test]
fn without_a_vid_none_comes_back() {
    let without = ticket(r#"{"method":"m","uid":3}"#);
    assert_eq!(
        written(&answer(&without, &payload("{}"), FINAL)),
        r#"{"success":true,"uid":3}"#
    );
    let null = ticket(r#"{"method":"m","uid":3,"vid":null}"#);
    assert_eq!(
        written(&answer(&null, &payload("{}"), FINAL)),
        r#"{"success":true,"uid":3,"vid":null}"#
    );
}

#[test]
fn a_uid_has_one_answer_whatever_is_said() {
    let one = || payload(r#"{"n":1}"#);
    let two = payload(r#"{"n":2}"#);
    let (first, second) = (Error::new("a", "first"), Error::new("b", "second"));
    let fresh = || ticket(r#"{"method":"m","uid":1}"#);
    let done = |ticket: &Ticket| {
        written(&Frame::Done {
            ticket,
            name: "m",
            receipt: None,
        })
    };
    let n = |n: u8| format!(r#"{{"success":true,"n":{n},"uid":1}}"#);

    let t = fresh();
    assert_eq!(written(&answer(&t, &one(), End::More)), "");
    assert_eq!(written(&answer(&t, &two, End::More)), "");
    assert_eq!(done(&t), n(1), "the first answer");

    let t = fresh();
    assert_eq!(written(&failed(&t, &first, End::More)), "");
    assert_eq!(written(&answer(&t, &two, FINAL)), n(2), "an answer before an error");

    let t = fresh();
    assert_eq!(written(&answer(&t, &one(), End::More)), "");
    assert_eq!(
        written(&failed(&t, &first, FINAL)),
        n(1),
        "also where the error ends it"
    );

    let t = fresh();
    assert_eq!(written(&failed(&t, &first, End::More)), "");
    assert_eq!(
        written(&failed(&t, &second, FINAL)),
        r#"{"success":false,"error":"first","code":"a","uid":1}"#,
        "the first error"
    );
}

#[test]
fn nothing_is_written_that_nobody_asked_for() {
    let delivery = Frame::Delivery {
        name: "rooms/lobby/say",
        mailbox: Some("rooms/lobby"),
        payload: Some(&payload("1")),
    };
    assert_eq!(written(&delivery), "");
    let unasked = ticket(r#"{"method":"m"}"#);
    assert_eq!(written(&answer(&unasked, &payload("1"), FINAL)), "");
    assert_eq!(written(&failed(&unasked, &Error::new("a", "b"), FINAL)), "");
    assert_eq!(JsonServer.format(), Format::Json);
}

#[test]
fn of_a_line_that_was_skipped_the_uid_is_found_at_either_end() {
    let cut = |prefix: &str, suffix: &[u8]| {
        let (name, ticket) = JsonServer.read_cut(prefix.as_bytes(), suffix);
        let vid = written(&Frame::Done {
            ticket: &ticket,
            name: "m",
            receipt: None,
        });
        (name.map(|name| name.to_string()), vid)
    };
    let (name, line) = cut(r#"{"vid":7,"method":"m","handler":"h","uid":"u","code":"xx"#, b"xx");
    assert_eq!(name.as_deref(), Some("h/m"));
    assert_eq!(line, r#"{"success":true,"uid":"u","vid":7}"#);

    let anaconda = br#"x \"uid\": \"no\" ", "method": "lint", "handler": "python", "uid": "f00d"}"#;
    assert_eq!(
        cut(r#"{"vid":7,"code":"xx"#, anaconda).1,
        r#"{"success":true,"uid":"f00d","vid":7}"#
    );
    assert_eq!(
        cut("{", br#"x","uid":1,"vid":[2]}"#).1,
        r#"{"success":true,"uid":1,"vid":[2]}"#
    );
    let numbers = [b"\x80\x80\",\"uid\":" as &[u8], b"17, \"n\":[1]} "].concat();
    assert_eq!(cut("{", &numbers).1, r#"{"success":true,"uid":17}"#);

    for other in [
        r#"x","settings":{"uid":"inner"}}"#,
        r#"x","uid":"u"}, "y":1}"#,
        r#"x \"uid\":\"u\"}"#,
        r#"x","uid":"u""#,
        r#"x","uid":1.5}"#,
        r#"x","uid":""}"#,
    ] {
        assert_eq!(cut("{", other.as_bytes()).1, "", "{other}");
    }
}

/// Copied from a recording of Anaconda's own server.
const RECORDED: [(&str, &str); 3] = [
    (
        r#"{"method": "echo", "handler": "heldout", "uid": "u1", "vid": 1, "text": "a"}"#,
        r#"{"success": true, "uid": "u1", "vid": 1, "text": "a", "n": 0, "settings": {}}"#,
    ),
    (
        r#"{"method": "echo", "handler": "nope", "uid": "u1", "vid": 3}"#,
        r#"{"success": false, "uid": "u1", "vid": 3, "error": "'NoneType' object is not callable"}"#,
    ),
    (
        r#"{"method": "echo", "handler": "heldout", "uid": 17, "text": "a"}"#,
        r#"{"success": true, "uid": 17, "vid": null, "text": "a", "n": 0, "settings": {}}"#,
    ),
];

#[test]
fn recorded_answers_have_the_same_keys() {
    for (line, recorded) in RECORDED {
        let recorded: serde_json::Value = serde_json::from_str(recorded).unwrap();
        let ticket = ticket(line);
        let said = if recorded["success"] == true {
            let own = payload(r#"{"text":"a","n":0,"settings":{}}"#);
            written(&answer(&ticket, &own, FINAL))
        } else {
            written(&failed(&ticket, &Error::new("not_found", "?"), FINAL))
        };
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        for key in ["success", "uid", "text", "n", "settings"] {
            assert_eq!(said.get(key), recorded.get(key), "{line}: {key}");
        }
        // A `vid` that never came was `null` there; clients look for it with `get`.
        assert_eq!(said.get("vid").unwrap_or(&serde_json::Value::Null), &recorded["vid"]);
        assert_eq!(said.get("error").is_some(), recorded.get("error").is_some());
    }
}
