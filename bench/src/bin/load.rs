//! The load generator: `load echo --server 127.0.0.1:8000 --pid 1234 --clients 64 --in-flight 16`.

use std::process::ExitCode;

fn main() -> ExitCode {
    switchboard_bench::load::main()
}
