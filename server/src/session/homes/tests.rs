//! Everybody has a turn, and what goes wrong with one is nobody else's affair.

use std::future::{pending, poll_fn, ready};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::*;

/// Says when it is dropped.
struct Dropped(Option<oneshot::Sender<()>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        if let Some(sender) = self.0.take() {
            let _ = sender.send(());
        }
    }
}

fn sessions(homes: &Homes) -> usize {
    let homes = homes.0.get().into_iter().flatten();
    homes.map(|home| home.sessions.load(Ordering::Relaxed)).sum()
}

#[tokio::test]
async fn all_that_are_ready_have_their_turn_before_one_has_its_second() {
    let homes = Homes::default();
    let turns = Arc::new(Mutex::new(Vec::new()));
    let (ends, end) = oneshot::channel();
    let mut ends = Some(ends);
    for number in 0..300 {
        let turns = Arc::clone(&turns);
        let mut left = 3;
        let mut ends = if number == 299 { ends.take() } else { None };
        homes.take_in(poll_fn(move |cx| {
            lock(&turns).push(number);
            left -= 1;
            if left > 0 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if let Some(ends) = ends.take() {
                let _ = ends.send(());
            }
            Poll::Ready(())
        }));
    }
    end.await.unwrap();
    let round: Vec<_> = (0..300).collect();
    assert_eq!(*lock(&turns), [round.clone(), round.clone(), round].concat());
    assert_eq!(sessions(&homes), 0);
}

#[tokio::test]
async fn other_tasks_run_beside_sessions_that_are_always_ready() {
    let homes = Homes::default();
    for _ in 0..2 {
        homes.take_in(poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
    }
    tokio::spawn(ready(())).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test]
async fn a_session_that_panics_costs_nobody_else() {
    let homes = Homes::default();
    let (send, alive) = oneshot::channel();
    homes.take_in(async { panic!("on purpose") });
    homes.take_in(async move {
        tokio::task::yield_now().await;
        let _ = send.send(());
    });
    alive.await.unwrap();
    assert_eq!(sessions(&homes), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn sessions_are_spread_over_the_workers() {
    let homes = Homes::default();
    for _ in 0..30 {
        homes.take_in(pending());
    }
    let each: Vec<_> = homes
        .0
        .get()
        .unwrap()
        .iter()
        .map(|home| home.sessions.load(Ordering::Relaxed))
        .collect();
    assert_eq!(each, [10, 10, 10]);
}

#[tokio::test]
async fn the_task_ends_with_the_server_and_its_last_session() {
    let homes = Homes::default();
    let (leave, left) = oneshot::channel::<()>();
    homes.take_in(async move {
        let _ = left.await;
    });
    let home = Arc::downgrade(&homes.0.get().unwrap()[0]);
    drop(homes);
    leave.send(()).unwrap();
    while home.strong_count() > 0 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn sessions_end_with_their_runtime_and_the_next_ones_live_in_another() {
    let homes = Homes::default();
    let (send, mut dropped) = oneshot::channel();
    let runtime = Builder::new_current_thread().build().unwrap();
    let guard = Dropped(Some(send));
    runtime.block_on(async {
        homes.take_in(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        tokio::task::yield_now().await;
    });
    assert!(dropped.try_recv().is_err());
    drop(runtime);
    dropped.try_recv().expect("its session is dropped with the runtime");

    let (send, alive) = oneshot::channel();
    Builder::new_current_thread().build().unwrap().block_on(async {
        homes.take_in(async move {
            let _ = send.send(());
        });
        alive.await.unwrap();
    });
}
