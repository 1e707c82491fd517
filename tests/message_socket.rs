//! The examples of the message socket, as programs.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "others need more of it")]
#[path = "common/process.rs"]
mod process;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use process::{Pipe, Process, example};

#[test]
fn the_doubler_doubles_what_it_is_given() {
    let output = example("doubler").args(["21", "-4", "0"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "42\n-8\n0\n");

    // More than any queue holds.
    let mut doubler = Doubler(
        example("doubler")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let numbers: Vec<String> = (1..=5000).map(|number| number.to_string()).collect();
    let mut input = doubler.0.stdin.take().unwrap();
    input.write_all(numbers.join("\n").as_bytes()).unwrap();
    drop(input);
    let mut answers = String::new();
    doubler.0.stdout.take().unwrap().read_to_string(&mut answers).unwrap();
    let answers: Vec<i64> = answers.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(answers, (1..=5000).map(|number| number * 2).collect::<Vec<_>>());
}

#[test]
fn the_doubler_serves_other_processes_and_lives_on_when_one_is_wrong() {
    let mut command = example("doubler");
    let server = Process::start(
        command.args(["--serve", "127.0.0.1:0"]).stderr(Stdio::null()),
        Pipe::Out,
    );
    let address = server.address().to_string();
    let ask = |number: &str| {
        example("doubler")
            .args(["--connect", &address, number])
            .output()
            .unwrap()
    };
    assert_eq!(ask("8").stdout, b"16\n");
    let too_large = ask(&i64::MAX.to_string());
    let said = String::from_utf8(too_large.stderr).unwrap();
    assert!(said.contains("the peer closed the connection"), "{said}");
    assert_eq!(too_large.status.code(), Some(1));
    assert_eq!(ask("9").stdout, b"18\n");

    // Pike's bytes, whoever sends them.
    let mut socket = std::net::TcpStream::connect(&address).unwrap();
    socket.write_all(b"5 -6 ").unwrap();
    let mut answers = [0; 7];
    socket.read_exact(&mut answers).unwrap();
    assert_eq!(&answers, b"10 -12 ");
    drop(server);
}

#[test]
fn a_file_of_a_gigabyte_is_copied_in_little_memory() {
    let folder = Folder::new("filecopy");
    let (source, copies) = (folder.0.join("large"), folder.0.join("copies"));
    fs::create_dir(&copies).unwrap();
    let file = File::create(&source).unwrap();
    file.set_len(GIGABYTE).unwrap();
    for (place, text) in [(0, "first"), (GIGABYTE / 2 - 3, "middle"), (GIGABYTE - 4, "last")] {
        file.write_all_at(text.as_bytes(), place).unwrap();
    }

    let output = example("filecopy")
        .arg(&source)
        .arg("--into")
        .arg(&copies)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let copy = copies.join("large");
    assert_eq!(copy.metadata().unwrap().len(), GIGABYTE);
    let (mut source, mut copy) = (file_to_read(&source), file_to_read(&copy));
    let (mut ours, mut theirs) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    for piece in 0..GIGABYTE >> 20 {
        source.read_exact(&mut ours).unwrap();
        copy.read_exact(&mut theirs).unwrap();
        assert!(ours == theirs, "they differ in mebibyte {piece}");
    }

    let said = String::from_utf8(output.stdout).unwrap();
    if cfg!(target_os = "linux") {
        let memory = said.split("memory: ").nth(1).unwrap_or_default();
        let memory: u64 = memory.split(' ').next().unwrap().parse().unwrap();
        assert!(memory < 16 << 10, "both ends took {memory} KiB");
    }
}

#[test]
fn files_that_cannot_be_copied_are_named() {
    let folder = Folder::new("nofiles");
    let there = folder.0.join("there");
    fs::write(&there, "it is").unwrap();
    let copies = folder.0.join("copies");
    fs::create_dir(&copies).unwrap();
    let mut command = example("filecopy");
    command
        .arg(folder.0.join("missing"))
        .arg(&there)
        .arg("--into")
        .arg(&copies);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("missing: the message cannot be written: cannot open "),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        fs::read_to_string(copies.join("there")).unwrap(),
        "it is",
        "the others are"
    );
}

fn file_to_read(path: &Path) -> File {
    File::open(path).unwrap()
}

/// A program that is killed with this if it still runs.
struct Doubler(Child);

impl Drop for Doubler {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder of this test's own, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("{test}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const GIGABYTE: u64 = 1 << 30;
