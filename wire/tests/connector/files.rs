//! Files over the wire: stored in one folder, whole or not at all.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use switchboard_wire::Shutdown;
use switchboard_wire::connection::Stream;
use switchboard_wire::connector::{
    Connection, Connector, Event, FileConverter, FileMessage, Limits, Reason, Rejection,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::common::{LONG, next};

/// A folder of this test's own, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("connector-{test}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Waits until there is nothing in it: the end of a connection does not wait for the disk.
    async fn is_emptied(&self) {
        let emptied = async {
            while !self.names().is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let emptied = tokio::time::timeout(super::common::PATIENCE, emptied).await;
        assert!(emptied.is_ok(), "{:?}", self.names());
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// One that stores files in this folder, and a peer of it.
async fn storing(folder: &Path, limit: u64) -> (Connector<FileConverter>, Connection, DuplexStream) {
    let connector = Connector::new(FileConverter::storing(folder, limit), Limits::default());
    let (near, far) = tokio::io::duplex(4096);
    let connection = connector.adopt(Stream::new(near)).unwrap();
    assert!(matches!(next(&connector).await, Event::FinishConnect { .. }));
    (connector, connection, far)
}

#[tokio::test]
async fn files_are_named_sized_and_streamed() {
    let (source, target) = (Folder::new("source"), Folder::new("target"));
    let large: Vec<u8> = (0..1_000_003_u32).map(|number| (number % 251) as u8).collect();
    let files = [
        ("notes.txt", b"hi".to_vec()),
        ("empty", Vec::new()),
        ("large", large),
        ("\u{e9}t\u{e9}.txt", b"summer".to_vec()),
    ];
    let (receiver, _, peer) = storing(&target.0, 1 << 20).await;
    let sender = Connector::new(FileConverter::sending(), Limits::default());
    let connection = sender.adopt(Stream::new(peer)).unwrap();
    for (name, content) in &files {
        sender
            .send(connection, FileMessage::new(source.file(name, content)))
            .unwrap();
    }
    for (name, content) in &files {
        let event = next(&receiver).await;
        let Event::MessageReceived { message, .. } = event else {
            panic!("{event:?}")
        };
        assert_eq!(message.name(), Some(*name));
        assert_eq!(message.path(), target.0.join(name));
        assert!(fs::read(message.path()).unwrap() == *content, "{name}");
    }
    assert_eq!(
        target.names().len(),
        files.len(),
        "and nothing else: {:?}",
        target.names()
    );
}

#[tokio::test]
async fn a_file_is_written_as_pike_writes_it() {
    let folder = Folder::new("bytes");
    let (connector, connection, mut peer) = storing(&folder.0, 100).await;
    let path = folder.file("notes.txt", "hi");
    connector.send(connection, FileMessage::new(&path)).unwrap();
    connector
        .send(connection, FileMessage::new(&path).with_name("a b"))
        .unwrap();
    connector.disconnect(connection, Shutdown::FinishQueues, LONG);
    let mut bytes = Vec::new();
    peer.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes, b"9 notes.txt1 2hi3 a b1 2hi");
}

#[tokio::test]
async fn a_name_that_is_taken_is_numbered() {
    let folder = Folder::new("taken");
    folder.file("a", "mine");
    let (connector, _, mut peer) = storing(&folder.0, 100).await;
    peer.write_all(b"1 a1 3one1 a1 3two").await.unwrap();
    for (stored, content) in [("a_(1)", "one"), ("a_(2)", "two")] {
        let Event::MessageReceived { message, .. } = next(&connector).await else {
            panic!()
        };
        assert_eq!((message.name(), message.path()), (Some("a"), &*folder.0.join(stored)));
        assert_eq!(fs::read_to_string(message.path()).unwrap(), content);
    }
    assert_eq!(fs::read_to_string(folder.0.join("a")).unwrap(), "mine");
}

#[tokio::test]
async fn what_comes_stays_in_its_folder() {
    let folder = Folder::new("stays");
    let names = [
        "../up",
        "/etc/passwd",
        "a/b",
        "..",
        ".",
        "",
        "a\\b",
        "c:",
        "a\0b",
        "a\nb",
        ".switchboard-1.part",
    ];
    for name in names {
        let (connector, _, mut peer) = storing(&folder.0, 100).await;
        peer.write_all(format!("{} {name}1 2hi", name.len()).as_bytes())
            .await
            .unwrap();
        let Event::RemoteDisconnect { reason, .. } = next(&connector).await else {
            panic!()
        };
        let what = "send the plain name of a file, without folders and control characters";
        assert_eq!(
            reason.to_string(),
            format!("cannot read what the peer sent: a file is named {name:?}; {what}")
        );
    }
    assert!(folder.names().is_empty());
}

#[tokio::test]
async fn each_bound_of_what_comes_is_named() {
    let folder = Folder::new("bounds");
    let long = "n".repeat(256);
    for (sent, why) in [
        (
            format!("256 {long}"),
            "name of a file has 256 bytes, and may have 255; ",
        ),
        ("1 a21 ".to_owned(), "size of a file has 21 bytes, and may have 20; "),
        ("1 a3 big".to_owned(), "\"big\" is no size of a file; "),
        ("1 a3 101".to_owned(), "file \"a\" has 101 bytes, and may have 100; "),
    ] {
        let (connector, _, mut peer) = storing(&folder.0, 100).await;
        peer.write_all(sent.as_bytes()).await.unwrap();
        let Event::RemoteDisconnect { reason, .. } = next(&connector).await else {
            panic!()
        };
        let said = reason.to_string();
        assert!(
            said.starts_with(&format!("cannot read what the peer sent: {why}")),
            "{said}"
        );
    }
    let connector = Connector::new(FileConverter::sending(), Limits::default());
    let (near, mut far) = tokio::io::duplex(100);
    connector.adopt(Stream::new(near)).unwrap();
    far.write_all(b"1 a1 2hi").await.unwrap();
    next(&connector).await;
    let Event::RemoteDisconnect { reason, .. } = next(&connector).await else {
        panic!()
    };
    assert!(reason.to_string().contains("none is taken here"), "{reason}");
    assert!(folder.names().is_empty());
}

#[tokio::test]
async fn an_incomplete_file_is_removed() {
    let folder = Folder::new("incomplete");
    for ending in 0..3 {
        let (connector, connection, mut peer) = storing(&folder.0, 100).await;
        peer.write_all(b"1 a2 10hello").await.unwrap();
        while folder.names().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_ne!(folder.names(), ["a"], "not under its name yet");
        match ending {
            0 => drop(peer),
            1 => drop(connector.disconnect(connection, Shutdown::Now, LONG)),
            _ => drop(connector),
        }
        folder.is_emptied().await;
    }
}

#[tokio::test]
async fn a_peer_that_stops_within_a_file_is_told_from_one_that_does_not() {
    let folder = Folder::new("stops");
    for (sent, is_whole) in [("1 a1 2hi", true), ("1 a1 2h", false), ("1 a1 ", false), ("1", false)] {
        let (connector, _, mut peer) = storing(&folder.0, 100).await;
        peer.write_all(sent.as_bytes()).await.unwrap();
        drop(peer);
        if is_whole {
            assert!(matches!(next(&connector).await, Event::MessageReceived { .. }));
        }
        let Event::RemoteDisconnect { reason, .. } = next(&connector).await else {
            panic!()
        };
        assert_eq!(matches!(reason, Reason::Closed), is_whole, "{reason}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_comes_back_alone() {
    let folder = Folder::new("unreadable");
    let (connector, connection, mut peer) = storing(&folder.0, 100).await;
    for (message, why) in [
        (FileMessage::new(folder.0.join("none")), "cannot open "),
        (FileMessage::new(&folder.0), "cannot open "),
        (FileMessage::new("/"), "/ has no file name in UTF-8; "),
    ] {
        connector.send(connection, message.clone()).unwrap();
        let event = next(&connector).await;
        let Event::RejectedMessage {
            message: back,
            why: Rejection::Unwritable(error),
            ..
        } = event
        else {
            panic!("{event:?}")
        };
        assert_eq!(back, message);
        assert!(error.to_string().starts_with(why), "{error}");
    }
    connector
        .send(connection, FileMessage::new(folder.file("a", "hi")))
        .unwrap();
    let mut bytes = [0; 8];
    peer.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"1 a1 2hi");
}

#[tokio::test]
async fn a_file_that_becomes_shorter_ends_the_connection_as_incomplete() {
    let folder = Folder::new("shorter");
    let (connector, connection, mut peer) = storing(&folder.0, 100).await;
    let path = folder.file("a", vec![1; 4 << 20]);
    connector.send(connection, FileMessage::new(&path)).unwrap();
    peer.read_exact(&mut [0; 1000]).await.unwrap();
    fs::write(&path, "short").unwrap();
    let rest = tokio::spawn(async move {
        let mut rest = Vec::new();
        let _ = peer.read_to_end(&mut rest).await;
    });
    let event = next(&connector).await;
    let Event::RemoteDisconnect {
        incomplete: Some(incomplete),
        reason,
        ..
    } = event
    else {
        panic!("{event:?}")
    };
    assert_eq!(incomplete.path(), path);
    assert!(matches!(reason, Reason::Unwritable(_)), "{reason}");
    assert!(reason.to_string().contains("bytes before its size"), "{reason}");
    rest.await.unwrap();
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let folder = Folder::new("missing");
    let missing = folder.0.join("missing");
    let (connector, _, mut peer) = storing(&missing, 100).await;
    peer.write_all(b"1 a1 2hi").await.unwrap();
    let Event::RemoteDisconnect { reason, .. } = next(&connector).await else {
        panic!()
    };
    let said = reason.to_string();
    assert!(said.contains("cannot create ") && said.contains("missing"), "{said}");
}
