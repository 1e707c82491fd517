//! What is said about several rounds.

use std::collections::BTreeMap;

/// One figure of each round.
pub(super) type Rounds = BTreeMap<u32, f64>;

/// What several rounds come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Summary {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Summary {
    /// None where there is no figure.
    pub(super) fn of(rounds: &Rounds) -> Option<Self> {
        let mut values: Vec<f64> = rounds.values().copied().collect();
        values.sort_by(f64::total_cmp);
        let (&least, &most) = (values.first()?, values.last()?);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            0 => f64::midpoint(values[middle - 1], values[middle]),
            _ => values[middle],
        };
        Some(Self { median, least, most })
    }

    /// What one is to the other: each round by itself, as what slows a round down slows down both.
    pub(super) fn of_ratios(over: &Rounds, under: &Rounds) -> Option<Self> {
        let ratios = over.iter().filter_map(|(round, over)| {
            let under = under.get(round).filter(|under| **under > 0.0)?;
            Some((*round, over / under))
        });
        Self::of(&ratios.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(values: &[f64]) -> Rounds {
        (1..).zip(values.iter().copied()).collect()
    }

    #[test]
    fn the_median_is_in_the_middle() {
        let of = |values: &[f64]| Summary::of(&rounds(values));
        let expected = |median, least, most| Some(Summary { median, least, most });
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[7.0]), expected(7.0, 7.0, 7.0));
        assert_eq!(of(&[9.0, 1.0, 2.0]), expected(2.0, 1.0, 9.0));
        assert_eq!(of(&[9.0, 1.0, 2.0, 3.0]), expected(2.5, 1.0, 9.0));
    }

    #[test]
    fn a_ratio_is_of_the_same_round() {
        // The machine was half as fast in the second round.
        let (ours, limit) = (rounds(&[80.0, 45.0, 90.0]), rounds(&[100.0, 50.0, 100.0]));
        let ratio = Summary::of_ratios(&ours, &limit).unwrap();
        assert_eq!((ratio.median, ratio.least, ratio.most), (0.9, 0.8, 0.9));
    }

    #[test]
    fn a_round_that_one_of_them_misses_has_no_ratio() {
        let ours = rounds(&[80.0, 45.0]);
        let limit = Rounds::from([(1, 100.0), (3, 1.0)]);
        assert_eq!(Summary::of_ratios(&ours, &limit).unwrap().median, 0.8);
        assert_eq!(Summary::of_ratios(&ours, &Rounds::from([(2, 0.0)])), None);
    }
}
