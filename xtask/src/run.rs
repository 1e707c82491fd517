//! Other programs, run where they belong and shown as they are typed.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// One command.
pub(crate) struct Step {
    command: Command,
    shown: String,
}

/// What a program said before it ended well.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Why a task stopped.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Cargo, at the root of the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Step {
    // `+toolchain` is understood by the proxy only, not by the cargo that runs us.
    let program = match arguments.first() {
        Some(first) if first.starts_with('+') => OsString::from("cargo"),
        _ => std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()),
    };
    Step::new(program, arguments)
}

/// npm, in a folder of the workspace.
pub(crate) fn npm(folder: &str, arguments: &[&str]) -> Step {
    let mut step = Step::new("npm", arguments);
    step.command.current_dir(root().join(folder));
    step.shown = format!("{} (in {folder})", step.shown);
    step
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// The target folder, which this program itself was built into.
///
/// # Errors
///
/// The system does not say where that is.
pub(crate) fn target() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe().map_err(|error| Failure(format!("the target folder: {error}")))?;
    let folder = program.parent().and_then(Path::parent);
    folder
        .map(Path::to_path_buf)
        .ok_or_else(|| Failure("the target folder cannot be found".to_owned()))
}

impl Step {
    pub(crate) fn new(program: impl AsRef<OsStr>, arguments: &[impl AsRef<OsStr>]) -> Self {
        let mut command = Command::new(program.as_ref());
        command.args(arguments).current_dir(root());
        let words = arguments.iter().map(|argument| argument.as_ref().to_string_lossy());
        let name = Path::new(program.as_ref())
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let shown = std::iter::once(name).chain(words).collect::<Vec<_>>().join(" ");
        Self { command, shown }
    }

    pub(crate) fn env(mut self, key: &str, value: &str) -> Self {
        self.command.env(key, value);
        self
    }

    /// Runs it to its end.
    ///
    /// # Errors
    ///
    /// Where it cannot be run or fails.
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        eprintln!("\n$ {}", self.shown);
        let began = Instant::now();
        let status = self
            .command
            .status()
            .map_err(|error| Failure(format!("`{}` cannot be run: {error}", self.shown)))?;
        if !status.success() {
            return Err(Failure(format!("`{}` failed ({status})", self.shown)));
        }
        eprintln!("  {:.0} s", began.elapsed().as_secs_f32());
        Ok(())
    }

    /// Runs it to its end without showing it, and gives back what it says.
    ///
    /// # Errors
    ///
    /// Where it cannot be run or fails; then with what it said.
    pub(crate) fn output(mut self) -> Result<Said, Failure> {
        let output = self
            .command
            .stdin(Stdio::null())
            .output()
            .map_err(|error| Failure(format!("`{}` cannot be run: {error}", self.shown)))?;
        let said = Said {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        if !output.status.success() {
            return Err(Failure(format!(
                "`{}` failed ({}):\n{}",
                self.shown, output.status, said.stderr
            )));
        }
        Ok(said)
    }
}
