//! Numbers as they are read.

use crate::compare::statistics::Summary;

/// `2.31 M`, `181 k`, `940`.
pub(super) fn count(value: f64) -> String {
    match value {
        1e6.. => format!("{} M", three_digits(value / 1e6)),
        // What is rounded up to a thousand of them is one of the next.
        999_500.0.. => "1.00 M".to_owned(),
        1e3.. => format!("{} k", three_digits(value / 1e3)),
        _ => format!("{value:.0}"),
    }
}

/// `457 B`, `1.20 KiB`, `134 KiB`.
pub(super) fn bytes(value: f64) -> String {
    match value {
        1024.0.. => format!("{} KiB", three_digits(value / 1024.0)),
        _ => format!("{value:.0} B"),
    }
}

/// `148 µs`, `9.10 ms`, `1.20 s`.
pub(super) fn microseconds(value: f64) -> String {
    match value {
        1e6.. => format!("{} s", three_digits(value / 1e6)),
        1e3.. => format!("{} ms", three_digits(value / 1e3)),
        _ => format!("{} µs", three_digits(value)),
    }
}

/// `38.2 ns`, `1.20 µs`.
pub(super) fn nanoseconds(value: f64) -> String {
    match value {
        1e3.. => microseconds(value / 1e3),
        _ => format!("{} ns", three_digits(value)),
    }
}

/// `0.93`, `12.4`, `0.004`.
pub(super) fn ratio(value: f64) -> String {
    match value {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        0.0..0.01 => format!("{value:.3}"),
        _ => format!("{value:.2}"),
    }
}

pub(super) fn percent(value: f64) -> String {
    format!("{:.0} %", value * 100.0)
}

/// The two ends.
pub(super) fn spread(summary: &Summary, number: impl Fn(f64) -> String) -> String {
    format!("{}–{}", number(summary.least), number(summary.most))
}

/// As many of them as say something.
fn three_digits(value: f64) -> String {
    match value {
        99.95.. => format!("{value:.0}"),
        9.995.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_three_digits() {
        assert_eq!(count(2_312_345.0), "2.31 M");
        assert_eq!(count(999_700.0), "1.00 M");
        assert_eq!(count(181_499.0), "181 k");
        assert_eq!(count(99_960.0), "100 k");
        assert_eq!(count(9_996.0), "10.0 k");
        assert_eq!(count(940.2), "940");
        assert_eq!(bytes(457.3), "457 B");
        assert_eq!(bytes(1229.0), "1.20 KiB");
        assert_eq!(microseconds(9_104.0), "9.10 ms");
        assert_eq!(nanoseconds(38.21), "38.2 ns");
        assert_eq!(nanoseconds(1_204.0), "1.20 µs");
    }

    #[test]
    fn a_ratio_is_short() {
        assert_eq!(ratio(0.934), "0.93");
        assert_eq!(ratio(0.0042), "0.004");
        assert_eq!(ratio(12.41), "12.4");
        assert_eq!(ratio(312.4), "312");
    }
}
