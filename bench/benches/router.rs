//! How long it takes to match a name. `cargo bench -p switchboard-bench --bench router`
//!
//! Names are drawn at random from all that the routes know, so that large tables are read where they are cold; they
//! lie one after the other in memory, as they would in a buffer just read. Beside the times, the memory and the time
//! to build each table of expressions is printed once.

use std::{cell::LazyCell, fmt::Write, hint::black_box, time::Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use switchboard_router::{Pattern, Router};

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).nresamples(10_000);
    targets = paths, regexes, flood
}
criterion_main!(benches);

/// Half of the routes are literal, half have parameters, in four shapes.
fn paths(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("paths");
    for routes in [10, 100, 1_000, 10_000, 100_000] {
        let router = build((0..routes).map(|at| {
            Pattern::path(&match at % 8 {
                0..4 => format!("area{}/part{}/command{at}", at % 50, at % 7),
                4 => format!("rooms{at}/<room>/say"),
                5 => format!("mixer/channel{at}/<int:level>"),
                6 => format!("users/<slug:user>/action{at}"),
                _ => format!("files{at}/<path:rest>"),
            })
        }));
        let mut random = Random::new();
        let literal = Names::new(|_| {
            let at = random.below(routes) / 8 * 8 + random.below(4).min(routes - 1);
            format!("area{}/part{}/command{at}", at % 50, at % 7)
        });
        let params = Names::new(|nth| {
            let at = random.below(routes / 8 * 8) / 8 * 8 + 4 + nth % 4;
            match nth % 4 {
                0 => format!("rooms{at}/lobby{nth}/say"),
                1 => format!("mixer/channel{at}/{nth}"),
                2 => format!("users/kevin-{nth}/action{at}"),
                _ => format!("files{at}/a/b{nth}/c"),
            }
        });
        let miss = Names::new(|nth| match nth % 4 {
            0 => format!("area{}/part{}/order{nth}", nth % 50, nth % 7),
            1 => format!("rooms{}/lobby/shout", random.below(routes)),
            2 => format!("mixer/channel{}/loud", random.below(routes)),
            _ => format!("nowhere{nth}/at/all"),
        });
        for (kind, names) in [("literal", literal), ("params", params), ("miss", miss)] {
            let mut next = names.cycle();
            group.bench_function(BenchmarkId::new(kind, routes), |bencher| {
                bencher.iter(|| count(&router, next()));
            });
        }
    }
}

/// At most 32 expressions share their first segment; then all do.
fn regexes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("regexes");
    for (label, routes, per_segment) in [
        ("32_a_segment", 100, 32),
        ("32_a_segment", 1_000, 32),
        ("32_a_segment", 10_000, 32),
        ("one_segment", 1_000, 1_000),
        ("one_segment", 10_000, 10_000),
    ] {
        for kind in Kind::ALL {
            let router = LazyCell::new(|| announce(label, routes, kind, per_segment));
            let mut random = Random::new();
            for is_hit in [true, false] {
                let names = Names::new(|nth| kind.name(random.below(routes), per_segment, nth, is_hit));
                let mut next = names.cycle();
                let result = if is_hit { "hit" } else { "miss" };
                let id = BenchmarkId::new(format!("{label}/{kind:?}/{result}"), routes);
                group.bench_function(id, |bencher| {
                    let router = &*router;
                    bencher.iter(|| count(router, next()));
                });
            }
        }
    }
}

/// Names that were never seen before, half of those that miss not ASCII, written into one buffer: the time has the writing
/// in it, which is printed alone too. No name of a plain expression is new and matches.
fn flood(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("flood");
    let mut run = |id: String, router: &dyn Fn() -> Router<usize>, kind: Kind, is_hit: bool| {
        let router = LazyCell::new(router);
        let (mut random, mut nth, mut name) = (Random::new(), 0, String::new());
        let mut next = || {
            nth += 1;
            name.clear();
            kind.write(&mut name, random.below(FLOODED), PER_SEGMENT, nth, is_hit);
            if !is_hit {
                write!(name, "/{nth}{}", if nth % 2 == 0 { "up" } else { "é" }).expect("a String takes all");
            }
            count(&router, &name)
        };
        let mut is_run = false;
        group.bench_function(&id, |bencher| {
            is_run = true;
            bencher.iter(&mut next);
        });
        if is_run {
            let before = resident_kib();
            (0..MORE).for_each(|_| _ = next());
            let more = resident_kib().saturating_sub(before);
            println!("flood/{id}: {more} KiB more resident after {MORE} new names");
        }
    };
    run(
        "writing_alone".to_owned(),
        &|| build(std::iter::empty()),
        Kind::Plain,
        false,
    );
    for kind in Kind::ALL {
        let router = || build((0..FLOODED).map(|at| Pattern::regex(&kind.pattern(at, PER_SEGMENT))));
        if matches!(kind, Kind::Plain) {
            run("10000_regexes".to_owned(), &router, kind, false);
        } else {
            run(format!("10000_regexes/{kind:?}/hit"), &router, kind, true);
            run(format!("10000_regexes/{kind:?}/miss"), &router, kind, false);
        }
    }
}

/// What the expressions are like.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// One way to match.
    Plain,
    /// Where the first group ends can only be known later.
    Ambiguous,
    /// Classes of thousands of characters.
    Unicode,
    /// The distinguishing text may be anywhere.
    Anywhere,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Plain, Self::Ambiguous, Self::Unicode, Self::Anywhere];

    fn pattern(self, at: usize, per_segment: usize) -> String {
        let segment = at / per_segment;
        match self {
            Self::Plain => format!("segment{segment}/cmd_{at}_(?<direction>up|down)"),
            Self::Ambiguous => format!("segment{segment}/(?<what>[a-z_]+)_{at}_(?<rest>[^/]+)"),
            Self::Unicode => format!(r"segment{segment}/(?<what>\w+)-{at}-(?<rest>\d+)"),
            Self::Anywhere => format!("segment{segment}/.*cmd_{at}x.*"),
        }
    }

    fn name(self, at: usize, per_segment: usize, nth: usize, is_hit: bool) -> String {
        let mut name = String::new();
        self.write(&mut name, at, per_segment, nth, is_hit);
        if !is_hit {
            name.push_str("/no");
        }
        name
    }

    /// Appends a name that this expression matches. One that is to miss is given a segment more by the caller.
    fn write(self, name: &mut String, at: usize, per_segment: usize, nth: usize, is_hit: bool) {
        let segment = at / per_segment;
        let written = match self {
            Self::Plain => write!(name, "segment{segment}/cmd_{at}_up"),
            Self::Ambiguous => write!(name, "segment{segment}/turn_it_{at}_{nth}"),
            Self::Unicode => write!(name, "segment{segment}/turn{nth}-{at}-{nth}"),
            Self::Anywhere => {
                let mark = if is_hit { 'x' } else { 'y' };
                write!(name, "segment{segment}/please_{nth}_cmd_{at}{mark}_now")
            }
        };
        written.expect("a String takes all");
    }
}

fn announce(label: &str, routes: usize, kind: Kind, per_segment: usize) -> Router<usize> {
    let patterns: Vec<_> = (0..routes)
        .map(|at| Pattern::regex(&kind.pattern(at, per_segment)))
        .collect();
    let before = resident_kib();
    let start = Instant::now();
    let router = build(patterns);
    println!(
        "{label}/{kind:?}/{routes}: built in {:.2?}, {} KiB more resident",
        start.elapsed(),
        resident_kib().saturating_sub(before)
    );
    router
}

fn build(patterns: impl IntoIterator<Item = Result<Pattern, switchboard_router::PatternError>>) -> Router<usize> {
    let routes = patterns
        .into_iter()
        .enumerate()
        .map(|(at, pattern)| (pattern.expect("the pattern is valid"), at));
    Router::build(routes).expect("the router is valid")
}

fn count(router: &Router<usize>, name: &str) -> usize {
    let mut found = 0;
    router.matches(black_box(name), |target, params| {
        found += black_box(*target) + params.len()
    });
    found
}

/// Many names, one after the other in memory.
struct Names {
    text: String,
    ends: Vec<usize>,
}

impl Names {
    const COUNT: usize = 1 << 16;

    fn new(mut name: impl FnMut(usize) -> String) -> Self {
        let mut names = Self {
            text: String::new(),
            ends: vec![0],
        };
        for nth in 0..Self::COUNT {
            names.text.push_str(&name(nth));
            names.ends.push(names.text.len());
        }
        names
    }

    /// A function that returns the next name, for ever.
    fn cycle<'n>(&'n self) -> impl FnMut() -> &'n str {
        let mut nth = 0;
        move || {
            nth = (nth + 1) % Self::COUNT;
            &self.text[self.ends[nth]..self.ends[nth + 1]]
        }
    }
}

/// Marsaglia's xorshift64: the same numbers each run.
struct Random(u64);

impl Random {
    fn new() -> Self {
        Self(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// What the process holds in memory, on Linux; zero elsewhere.
fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or_default();
    line.split_whitespace()
        .next()
        .and_then(|kib| kib.parse().ok())
        .unwrap_or(0)
}

/// Expressions that are flooded with names, and how many of them share their first segment.
const FLOODED: usize = 10_000;
const PER_SEGMENT: usize = 32;
/// New names beside the timed ones, after which memory is looked at.
const MORE: usize = 1_000_000;
