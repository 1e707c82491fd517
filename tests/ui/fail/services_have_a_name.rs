use switchboard::{service, silent};

struct Counter(u64);

#[service]
impl Counter {
    #[silent("next")]
    fn next(&self) {}
}

struct Reserved;

#[service("switchboard/x")]
impl Reserved {
    #[silent("a")]
    fn a(&self) {}
}

struct Faulty;

#[service("a//b", "c", 5)]
impl Faulty {
    #[silent("a")]
    fn a(&self) {}
}

fn main() {}
