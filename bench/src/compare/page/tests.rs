//! What is said about a few samples.

use serde_json::{Value, json};

use super::*;

/// Two rounds, in the second of which the machine was half as fast.
fn samples() -> Samples {
    let sample = |work: &str, program: &str, round: u32, measured: Value| json!({ "work": work, "program": program, "round": round, "measured": measured });
    let rate = |work, program, round, rate: f64| sample(work, program, round, measured(rate, 250.0, &Value::Null));
    let memory = |program, bytes: f64| sample("idle", program, 1, measured(10.0, 1.0, &json!(bytes)));
    let tail = |variant: &str, p99: f64| {
        let mut sample = sample("stalled", "ours", 1, measured(10.0, p99, &Value::Null));
        sample["variant"] = json!(variant);
        sample
    };
    let samples = json!({
        "machine": {
            "date": "2026-01-31", "commit": "abc123", "processor": "A chip", "is_virtual": true, "processors": 2,
            "memory_gib": 15.9, "kernel": "6.1", "congestion_control": "reno", "rustc": "rustc 1.95.0",
            "peers": [["axum", "0.8.9"]],
        },
        "settings": { "rounds": 2, "seconds": 2.0, "warmup": 0.5 },
        "missing": ["ws (Node): `node` is not there"],
        "crates": { "chat": 91, "chat_with_log": 110, "axum": 70 },
        "micro": { "paths/literal/10": 30.0, "paths/params/100000": 90.0, "regexes/one_segment/Plain/hit/10000": 9e9 },
        "samples": [
            rate("echo-64x16", "limit", 1, 3e6), rate("echo-64x16", "limit", 2, 1.5e6),
            rate("echo-64x16", "ours", 1, 2.4e6), rate("echo-64x16", "ours", 2, 1.35e6),
            rate("echo-64x16", "axum", 1, 0.24e6), rate("echo-64x16", "axum", 2, 0.27e6),
            { "work": "echo-64x16", "program": "ws", "round": 1, "failed": "client 3 was closed\nand more" },
            memory("ours", 1229.0), memory("axum", 137_340.0),
            tail("reading", 10_000.0), tail("not reading", 13_000.0),
        ],
    });
    serde_json::from_value(samples).unwrap()
}

fn measured(rate: f64, p99: f64, bytes: &Value) -> Value {
    json!({
        "messages": 100, "wall_seconds": 2.0, "server_cpu_seconds": 1.5, "per_cpu_second": rate,
        "generator_cpu_seconds": 1.0, "latency_microseconds": { "p50": 1.0, "p99": p99, "p999": p99 },
        "bytes_per_connection": bytes,
    })
}

#[test]
fn a_section_compares_round_by_round() {
    let work = Work::find("echo-64x16").unwrap();
    let section = sections::section(&samples(), work, Some("performance/echo-64x16.svg"));
    assert!(
        section.starts_with("### Echo, 64 clients, 16 in flight\n\n"),
        "{section}"
    );
    let table: String = section
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(
        table,
        "\
| program     | answers per CPU second |        spread | of the limit |    spread | Switchboard to it |    p99 | server busy |
| ----------- | ---------------------: | ------------: | -----------: | --------: | ----------------: | -----: | ----------: |
| limit       |                 2.25 M | 1.50 M–3.00 M |         1.00 | 1.00–1.00 |              0.85 | 250 µs |        75 % |
| Switchboard |                 1.88 M | 1.35 M–2.40 M |         0.85 | 0.80–0.90 |                 – | 250 µs |        75 % |
| axum        |                  255 k |   240 k–270 k |         0.13 | 0.08–0.18 |              7.50 | 250 µs |        75 % |
"
    );
    assert!(section.contains("](performance/echo-64x16.svg)"), "{section}");
    assert!(
        section.contains("ws (Node) failed in 1 of 1: client 3 was closed."),
        "{section}"
    );
}

#[test]
fn goals_are_met_or_not_or_were_not_measured() {
    let section = goals::section(&samples());
    let row = |beginning: &str| {
        let line = section
            .lines()
            .find(|line| line.starts_with(&format!("| {beginning}")))
            .unwrap();
        let cells = line.split('|').map(str::trim).collect::<Vec<_>>();
        cells[2..cells.len() - 1].join(" | ")
    };
    assert_eq!(
        row("echo, 64 clients, 16"),
        "≥ 0.75 of the limit | 0.85 (0.80–0.90) | 0.13 | yes"
    );
    assert_eq!(row("p99 of the others"), "≤ 1.2 × | 1.30 (1.30–1.30) |  | **no**");
    assert_eq!(
        row("memory"),
        "≤ 2.5 KiB | 1.20 KiB (1.20 KiB–1.20 KiB) | 134 KiB | yes"
    );
    assert_eq!(row("match of a path"), "≤ 100 ns | 90.0 ns |  | yes");
    assert_eq!(row("match among"), "≤ 2.00 µs | not measured |  | –");
    assert_eq!(row("fan-out to 10,000"), "≥ 0.95 of the limit | not measured |  | –");
    assert_eq!(row("crates"), "≤ 1.3 × | 1.30 | 1.00 | yes");
}

#[test]
fn the_page_has_what_was_measured_and_what_was_written_by_hand() {
    let page = whole(
        &samples(),
        "<!-- By hand. -->\n\n## What it means\n\nMuch.\n",
        "performance",
    )
    .unwrap();
    let headings: Vec<_> = page.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(
        headings,
        [
            "# Performance",
            "## Goals",
            "## What it means",
            "## How it was measured",
            "## The machine",
            "## All works",
            "### Echo, 64 clients, 16 in flight",
            "### Fan-out to 1,000, some of whom do not read",
            "### An idle client, of 10,000",
        ]
    );
    assert!(page.contains("](performance/idle.svg)"), "{page}");
    assert!(!page.contains("By hand."), "{page}");
    assert!(page.contains("Left out, as they were not there: ws (Node)"), "{page}");
}

#[test]
fn of_a_work_in_two_files_the_last_counts() {
    let folder = std::env::temp_dir();
    let keep = |name: &str, samples: &Samples| {
        let path = folder.join(format!("switchboard-samples-{}-{name}.json", std::process::id()));
        samples.keep(&path).unwrap();
        path
    };
    let mut later = samples();
    later
        .samples
        .retain(|sample| sample.work == "idle" && sample.program == "ours");
    later.crates = None;
    let files = [keep("first", &samples()), keep("later", &later)];
    let both = Samples::read(&files).unwrap();
    for file in files {
        std::fs::remove_file(file).unwrap();
    }
    let count = |work: &str| both.samples.iter().filter(|sample| sample.work == work).count();
    assert_eq!((count("idle"), count("stalled")), (1, 2));
    assert!(both.crates.is_some());
}

#[test]
fn long_lines_are_wrapped() {
    let text = wrapped(&"word ".repeat(50));
    let lengths: Vec<_> = text.lines().map(|line| line.chars().count()).collect();
    assert_eq!(lengths, [119, 119, 9]);
}
