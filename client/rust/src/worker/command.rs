//! How a server is started.

use std::ffi::OsString;
use std::path::PathBuf;

/// A program, its arguments and its surroundings. Two that are equal start the same server.
///
/// The program has to write one line, `listening on ADDRESS`, to its standard output when it listens: the address as
/// [`Client::builder`](crate::Client::builder) takes it, or `host:port`, or `unix:PATH`. Other lines are passed over.
///
/// ```
/// use switchboard_client::worker::Command;
///
/// // The server goes with this process, even if that is killed.
/// let command = Command::new("jsonserver")
///     .args(["--dialect", "native", "--bind", "127.0.0.1:0", "--parent"])
///     .args([std::process::id().to_string()])
///     .env("RUST_LOG", "warn");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    program: OsString,
    args: Vec<OsString>,
    envs: Vec<(OsString, OsString)>,
    dir: Option<PathBuf>,
}

impl Command {
    /// A program, by its path, or by its name where it is in one of the folders of `PATH`.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            envs: Vec::new(),
            dir: None,
        }
    }

    /// More arguments. No shell reads them.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of the environment, the rest of which is that of this process.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.envs.push((name.into(), value.into()));
        self
    }

    /// The folder that it runs in, in place of that of this process.
    #[must_use]
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// What is started, for messages.
    pub(super) fn program(&self) -> Box<str> {
        self.program.to_string_lossy().into()
    }

    pub(super) fn to_process(&self) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.program);
        command
            .args(&self.args)
            .envs(self.envs.iter().map(|(name, value)| (name, value)));
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command
    }
}
