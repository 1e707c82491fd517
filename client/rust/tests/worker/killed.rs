//! A server that is killed again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use switchboard_client::RequestError;
use switchboard_client::worker::{Command, Worker, WorkerError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::process::{Process, file, patient, processes, program, server, within};

/// Eight tasks that ask one thing after the other, and know what came of it.
struct Load {
    is_over: Arc<AtomicBool>,
    answered: Arc<watch::Sender<u64>>,
    lost: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<u64>>,
}

impl Load {
    fn on(worker: &Worker) -> Self {
        let mut load = Self {
            is_over: Arc::default(),
            answered: Arc::new(watch::Sender::new(0)),
            lost: Arc::default(),
            tasks: Vec::new(),
        };
        load.tasks = (0..8)
            .map(|task| tokio::spawn(load.ask(task, worker.clone())))
            .collect();
        load
    }

    fn ask(&self, task: u64, worker: Worker) -> impl Future<Output = u64> + use<> {
        let (is_over, lost, answered) = (self.is_over.clone(), self.lost.clone(), self.answered.clone());
        async move {
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
        }
    }

    /// Waits until so many more were answered.
    async fn more(&self, count: u64) {
        let mut answers = self.answered.subscribe();
        let enough = *answers.borrow() + count;
        within(answers.wait_for(|count| *count >= enough)).await.unwrap();
    }

    /// Each request was settled, once.
    async fn end(self) {
        self.is_over.store(true, Ordering::Relaxed);
        let mut settled = 0;
        for task in self.tasks {
            settled += within(task).await.unwrap();
        }
        assert_eq!(settled, *self.answered.borrow() + self.lost.load(Ordering::Relaxed));
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_a_hundred_times_under_load_every_request_settles_and_the_server_comes_back() {
    let worker = Worker::local(server("one")).limits(patient()).start();
    let load = Load::on(&worker);
    let mut killed = Vec::new();
    let mut random = Random(88_172_645_463_325_252);
    while killed.len() < 100 {
        load.more(random.below(200)).await;
        // What asks for the number may be lost to a crash that is still under way, too.
        let Ok([pid, _]) = within(worker.request::<[u32; 2]>("pids", &())).await else {
            continue;
        };
        if killed.last() != Some(&pid) {
            Process::of(pid).kill();
            killed.push(pid);
        }
    }
    goes_on(&worker, load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_a_hundred_times_while_it_starts_or_just_has_every_request_settles_and_the_server_comes_back() {
    let gate = file("gate.sock");
    let starting = UnixListener::bind(&gate).unwrap();
    let command = Command::new(program()).args(["127.0.0.1:0", "lines", "one", "child", &gate]);
    let worker = Worker::local(command).limits(patient()).start();
    let load = Load::on(&worker);
    let mut random = Random(2_463_534_242);
    for n in 0..100 {
        let (mut server, process) = comes(&starting).await;
        match n % 3 {
            // It has not begun to listen.
            0 => {}
            // It is about to listen, to say so, to be connected to, or to answer first.
            1 => {
                server.write_all(b"!").await.unwrap();
                tokio::time::sleep(Duration::from_micros(random.below(20_000))).await;
            }
            _ => {
                server.write_all(b"!").await.unwrap();
                load.more(random.below(50)).await;
            }
        }
        process.kill();
        process.gone().await;
    }
    let (mut last, _) = comes(&starting).await;
    last.write_all(b"!").await.unwrap();
    goes_on(&worker, load).await;
}

/// The next server that comes to the gate.
async fn comes(starting: &UnixListener) -> (UnixStream, Process) {
    let (mut server, _) = within(starting.accept()).await.unwrap();
    let process = within(server.read_u32()).await.unwrap();
    (server, Process::of(process))
}

/// Nothing is left of what happened before.
async fn goes_on(worker: &Worker, load: Load) {
    load.more(100).await;
    load.end().await;
    let client = worker.client().await.unwrap();
    assert_eq!((client.open_requests(), client.queued()), (0, 0));
    let (last, child) = processes(worker).await;
    within(worker.stop()).await;
    last.gone().await;
    if let Some(child) = child {
        child.gone().await;
    }
}
