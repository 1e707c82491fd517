//! The generator, run once.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::failure::Failure;
use super::sample::Measured;

/// Runs it to its end. What it has to complain about goes into the file `log`.
///
/// # Errors
///
/// It fails, or it does not end in time and is ended.
pub(super) fn measure(command: &mut Command, log: &Path, within: Duration) -> Result<Measured, Failure> {
    let errors = File::create(log).map_err(Failure::file(log))?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .map_err(Failure::system("the generator cannot be started"))?;
    let stdout = child.stdout.take();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut stdout) = stdout {
            // What cannot be read is missed below.
            let _ = stdout.read_to_string(&mut text);
        }
        let _ = tell.send(text);
    });
    let Ok(text) = told.recv_timeout(within) else {
        // It may have ended just now, which is as good.
        let _ = child.kill();
        let _ = child.wait();
        let (what, seconds) = ("the end of the generator".to_owned(), within.as_secs());
        return Err(Failure::Late { what, seconds });
    };
    let status = child.wait().map_err(Failure::system("the generator"))?;
    match serde_json::from_str(&text) {
        Ok(measured) if status.success() => Ok(measured),
        Err(error) if status.success() => Err(Failure::Load {
            generator: format!("the generator says {text:?}: {error}"),
            server: String::new(),
        }),
        _ => Err(Failure::Load {
            generator: std::fs::read_to_string(log).unwrap_or_default().trim().to_owned(),
            server: String::new(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str, milliseconds: u64) -> Result<Measured, Failure> {
        let name = format!(
            "generator-under-test-{}-{:?}",
            std::process::id(),
            thread::current().id()
        );
        let log = std::env::temp_dir().join(name);
        let within = Duration::from_millis(milliseconds);
        measure(Command::new("sh").args(["-c", script]), &log, within)
    }

    #[test]
    fn a_report_is_read() {
        let report = r#"{"work":"idle","messages":10,"wall_seconds":2.0,"server_cpu_seconds":0.5,"per_cpu_second":20.0,
            "generator_cpu_seconds":0.1,"latency_microseconds":null,"bytes_per_connection":1234.5}"#;
        let measured = run(&format!("echo '{report}'"), 20_000).unwrap();
        assert_eq!(measured.memory(), Some(1234.5));
        assert_eq!(measured.per_second(), Some(5.0));
        assert_eq!(measured.busy(), Some(0.25));
        assert_eq!(measured.tail(), None);
    }

    #[test]
    fn a_failure_is_told() {
        let error = run("echo load: client 3 was closed >&2; exit 1", 20_000).unwrap_err();
        assert_eq!(error.to_string(), "load: client 3 was closed");
    }

    #[test]
    fn one_that_does_not_end_is_ended() {
        let error = run("exec sleep 1000", 1).unwrap_err();
        assert!(matches!(error, Failure::Late { .. }), "{error}");
    }
}
