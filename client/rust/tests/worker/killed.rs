//! A server that is killed again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use switchboard_client::RequestError;
use switchboard_client::worker::{Worker, WorkerError};
use tokio::sync::watch;

use crate::process::{patient, processes, server, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_a_hundred_times_under_load_every_request_settles_and_the_server_comes_back() {
    let worker = Worker::local(server("one")).limits(patient()).start();
    let is_over = Arc::new(AtomicBool::new(false));
    let lost = Arc::new(AtomicU64::new(0));
    let answered = Arc::new(watch::Sender::new(0_u64));
    let load: Vec<_> = (0..8)
        .map(|task| {
            let (worker, is_over, lost, answered) = (worker.clone(), is_over.clone(), lost.clone(), answered.clone());
            tokio::spawn(async move {
                let mut settled = 0_u64;
                while !is_over.load(Ordering::Relaxed) {
                    let n = task * 1_000_000 + settled;
                    match within(worker.request::<u64>("double", &n)).await {
                        Ok(answer) => {
                            assert_eq!(answer, n * 2);
                            answered.send_modify(|count| *count += 1);
                        }
                        Err(WorkerError::Request(RequestError::Lost { .. })) => {
                            lost.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(other) => panic!("{other:?}"),
                    }
                    settled += 1;
                }
                settled
            })
        })
        .collect();

    let mut killed = Vec::new();
    let mut random: u64 = 88_172_645_463_325_252;
    while killed.len() < 100 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let mut answers = answered.subscribe();
        let enough = *answers.borrow() + random % 200;
        within(answers.wait_for(|count| *count >= enough)).await.unwrap();
        // What asks for the number may be lost to a crash that is still under way, too.
        let Ok([pid, _]) = within(worker.request::<[u32; 2]>("pids", &())).await else {
            continue;
        };
        if killed.last() != Some(&pid) {
            let pid_now = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
            rustix::process::kill_process(pid_now, rustix::process::Signal::KILL).unwrap();
            killed.push(pid);
        }
    }
    assert_eq!(within(worker.request::<u64>("double", &21)).await.unwrap_or(42), 42);
    let before = *answered.borrow();
    within(answered.subscribe().wait_for(|count| *count > before + 100))
        .await
        .unwrap();
    is_over.store(true, Ordering::Relaxed);
    let mut settled = 0;
    for task in load {
        settled += within(task).await.unwrap();
    }
    assert_eq!(settled, *answered.borrow() + lost.load(Ordering::Relaxed));
    let client = worker.client().await.unwrap();
    assert_eq!((client.open_requests(), client.queued()), (0, 0));
    let (last, _) = processes(&worker).await;
    drop(worker);
    last.gone().await;
}
