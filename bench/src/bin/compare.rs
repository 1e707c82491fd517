//! The comparison with other servers: `compare --rounds 5`, or `cargo xtask bench`, which builds all that it needs.

use std::process::ExitCode;

fn main() -> ExitCode {
    switchboard_bench::compare::main()
}
