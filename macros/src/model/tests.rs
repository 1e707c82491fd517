use super::milliseconds;

#[test]
fn time_outs_are_whole_numbers_with_a_unit() {
    for (text, expected) in [
        ("1ms", 1),
        ("250ms", 250),
        ("5s", 5_000),
        ("2m", 120_000),
        ("1h", 3_600_000),
        ("4294967295h", 4_294_967_295 * 3_600_000),
    ] {
        assert_eq!(milliseconds(text), Ok(expected), "{text}");
    }
}

#[test]
fn other_time_outs_are_refused_with_the_spelling() {
    for text in [
        "",
        "5",
        "s",
        "0s",
        "-1s",
        "1.5s",
        "5 s",
        "5S",
        "5sec",
        "4294967296ms",
        "٣s",
    ] {
        let message = milliseconds(text).expect_err(text);
        assert!(message.contains("`\"5s\"`") && message.contains(text), "{message}");
    }
}
