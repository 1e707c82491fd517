//! How long things took.

/// Counts of nanoseconds, in buckets that are less than 1 % wide.
#[derive(Clone, Debug)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
}

impl Histogram {
    /// Counts nothing yet.
    #[allow(
        clippy::new_without_default,
        reason = "a default would suggest that it is cheap: it is 58 KiB"
    )]
    pub fn new() -> Self {
        Self {
            buckets: vec![0; bucket(u64::MAX) + 1],
            count: 0,
        }
    }

    /// Counts one.
    #[inline]
    pub fn record(&mut self, nanoseconds: u64) {
        self.buckets[bucket(nanoseconds)] += 1;
        self.count += 1;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.buckets.fill(0);
        self.count = 0;
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// What this share of all (0.99) was not slower than, in microseconds; none where nothing was counted.
    pub fn microseconds(&self, share: f64) -> Option<f64> {
        let rank = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let at = self.buckets.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(upper(at) as f64 / 1000.0)
    }
}

#[inline]
fn bucket(value: u64) -> usize {
    if value < SUB {
        return value as usize;
    }
    // Values of one power of two share SUB / 2 buckets.
    let shift = (u64::BITS - SUB_BITS) - value.leading_zeros();
    (u64::from(shift) * (SUB / 2) + (value >> shift)) as usize
}

/// The largest value of a bucket.
fn upper(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < SUB {
        return bucket;
    }
    let shift = bucket / (SUB / 2) - 1;
    let mantissa = bucket - shift * (SUB / 2);
    (mantissa << shift) + ((1 << shift) - 1)
}

const SUB_BITS: u32 = 8;
const SUB: u64 = 1 << SUB_BITS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_what_it_says() {
        let values = (0..5000).chain((3..64).flat_map(|n| [(1 << n) - 1, 1 << n, (1 << n) + (1 << (n - 3))]));
        for value in values.chain([u64::MAX]) {
            let at = bucket(value);
            assert!(value <= upper(at), "{value}");
            assert!(at == 0 || value > upper(at - 1), "{value}");
            assert!((upper(at) - value) as f64 <= value as f64 * 0.01, "{value}");
        }
    }

    #[test]
    fn shares_are_of_what_was_counted() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.microseconds(0.5), None);
        for n in 1..=1000 {
            histogram.record(n * 1000);
        }
        for (share, expected) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0), (1.0, 1000.0)] {
            let found = histogram.microseconds(share).unwrap();
            assert!((expected..expected * 1.01).contains(&found), "{share}: {found}");
        }
        assert_eq!(histogram.count(), 1000);
        histogram.clear();
        assert_eq!(histogram.microseconds(0.5), None);
    }
}
