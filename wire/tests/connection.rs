//! Listening and connecting, over TCP and Unix sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Barrier;
use std::{env, fs, process, thread};

use switchboard_wire::connection::{Endpoint, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A folder of this test's own, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let folder = env::temp_dir().join(format!("wire-{test}-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn socket(&self) -> Endpoint {
        self.0.join("it.sock").into()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn bytes_go_both_ways_over_each_kind_of_socket() {
    let folder = Folder::new("both-ways");
    for endpoint in [
        Endpoint::from("127.0.0.1:0"),
        Endpoint::from("[::1]:0"),
        folder.socket(),
    ] {
        let listener = endpoint.bind().await.unwrap();
        let mut near = listener.endpoint().connect().await.unwrap();
        let (mut far, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, near.local_addr());
        near.write_all(b"there").await.unwrap();
        far.write_all(b"and back").await.unwrap();
        let (mut there, mut back) = ([0; 5], [0; 8]);
        far.read_exact(&mut there).await.unwrap();
        near.read_exact(&mut back).await.unwrap();
        assert_eq!((&there, &back), (b"there", b"and back"));
    }
}

#[tokio::test]
async fn a_socket_is_split_and_what_cannot_be_shared_is_not() {
    let listener = Endpoint::from("127.0.0.1:0").bind().await.unwrap();
    let near = listener.endpoint().connect().await.unwrap();
    let (mut far, _) = listener.accept().await.unwrap();
    let (_reader, writer) = near.split();
    let writer = writer.expect("a socket has a half to write to");
    std::future::poll_fn(|cx| writer.poll_write_ready(cx)).await.unwrap();
    assert_eq!(writer.try_write(b"now").unwrap(), 3);
    drop(writer);
    let mut all = Vec::new();
    far.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, b"now", "letting go of the half ends the direction");

    let (memory, _other) = tokio::io::duplex(8);
    let (mut reader, writer) = Stream::new(memory).split();
    assert!(writer.is_none() && reader.as_stream().is_some());
}

#[tokio::test]
async fn a_unix_socket_is_its_users_alone_and_goes_with_its_listener() {
    let folder = Folder::new("own");
    let Endpoint::Unix(path) = folder.socket() else {
        unreachable!()
    };
    let listener = folder.socket().bind().await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let error = folder.socket().bind().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse, "somebody listens there");
    drop(listener);
    assert!(!path.exists());
}

#[tokio::test]
async fn what_a_dead_process_left_is_replaced_and_nothing_else() {
    let folder = Folder::new("stale");
    let Endpoint::Unix(path) = folder.socket() else {
        unreachable!()
    };
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "the standard library leaves it there");
    let listener = folder.socket().bind().await.unwrap();

    // Somebody else took the place: it is not ours to remove.
    fs::remove_file(&path).unwrap();
    fs::write(&path, "a file").unwrap();
    drop(listener);
    assert_eq!(fs::read_to_string(&path).unwrap(), "a file");
    let error = folder.socket().bind().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("it.sock"), "{error}");
}

#[test]
fn of_many_that_replace_a_dead_socket_at_once_one_listens_and_can_be_reached() {
    let folder = Folder::new("race");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let handle = runtime.handle();
    for round in 0..300 {
        let path = folder.0.join(format!("{round}.sock"));
        let endpoint = Endpoint::from(&*path);
        // Its file stays.
        drop(std::os::unix::net::UnixListener::bind(path).unwrap());
        let barrier = Barrier::new(4);
        let bound: Vec<_> = thread::scope(|scope| {
            let race = || {
                barrier.wait();
                handle.block_on(endpoint.bind())
            };
            let racing: Vec<_> = (0..4).map(|_| scope.spawn(race)).collect();
            racing.into_iter().map(|racing| racing.join().unwrap()).collect()
        });
        let (won, lost): (Vec<_>, Vec<_>) = bound.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 3), "round {round}");
        for error in lost {
            assert_eq!(error.unwrap_err().kind(), ErrorKind::AddrInUse);
        }
        let listener = won.into_iter().next().unwrap().unwrap();
        runtime.block_on(async {
            let _near = endpoint.connect().await.unwrap();
            listener.accept().await.unwrap();
        });
    }
}

#[tokio::test]
async fn a_bound_port_tells_its_number_and_a_taken_one_is_refused() {
    let listener = Endpoint::from("tcp://127.0.0.1:0").bind().await.unwrap();
    let address = listener.local_addr().unwrap();
    assert_ne!(address.port(), 0);
    assert_eq!(listener.endpoint(), &Endpoint::from(address));
    let error = Endpoint::from(address).bind().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}
