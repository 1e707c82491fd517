//! What the micro-benchmarks say about goals: read from where criterion keeps its last run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Nanoseconds by the name of the benchmark, as `paths/literal/1000`.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Micro(BTreeMap<String, f64>);

/// What is in the folder; none where there is nothing.
pub(super) fn read(folder: &Path) -> Option<Micro> {
    let mut micro = Micro::default();
    collect(folder, 0, &mut micro);
    (!micro.0.is_empty()).then_some(micro)
}

impl Micro {
    /// The slowest of those whose name this holds for.
    pub(super) fn slowest(&self, is_meant: impl Fn(&str) -> bool) -> Option<f64> {
        let meant = self.0.iter().filter(|(name, _)| is_meant(name));
        meant.map(|(_, nanoseconds)| *nanoseconds).max_by(f64::total_cmp)
    }
}

/// A folder `new` has the last run of one benchmark.
fn collect(folder: &Path, depth: usize, micro: &mut Micro) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()).filter(|path| path.is_dir()) {
        if path.ends_with("new") {
            micro.0.extend(benchmark(&path));
        } else if depth < DEPTH {
            collect(&path, depth + 1, micro);
        }
    }
}

fn benchmark(folder: &Path) -> Option<(String, f64)> {
    let json =
        |name: &str| -> Option<Value> { serde_json::from_str(&fs::read_to_string(folder.join(name)).ok()?).ok() };
    let name = json("benchmark.json")?["full_id"].as_str()?.to_owned();
    let nanoseconds = json("estimates.json")?["median"]["point_estimate"].as_f64()?;
    Some((name, nanoseconds))
}

/// A group, a function, a parameter.
const DEPTH: usize = 3;
