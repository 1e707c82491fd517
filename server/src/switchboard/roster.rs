//! Sets of clients that are quick to walk, to enter and to leave, by many threads at once.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use indexmap::IndexMap;

use super::client::Client;
use super::id::ClientId;
use crate::mailbox::Mailbox;

/// All connected clients.
#[derive(Debug)]
pub(crate) struct Clients(Shards<Members>);

/// The clients that hold each mailbox.
#[derive(Debug)]
pub(crate) struct Mailboxes(Shards<HashMap<Mailbox, Holders>>);

/// Dense, so that a fan-out walks an array; a map, so that leaving does not.
type Members = IndexMap<ClientId, Client>;

type Holders = Arc<RwLock<Members>>;

impl Clients {
    pub(crate) fn new() -> Self {
        Self(Shards::new())
    }

    pub(crate) fn add(&self, client: &Client) {
        self.0.write(&client.id()).insert(client.id(), client.clone());
    }

    pub(crate) fn remove(&self, client: &Client) {
        self.0.write(&client.id()).swap_remove(&client.id());
    }

    pub(crate) fn get(&self, id: ClientId) -> Option<Client> {
        self.0.read(&id).get(&id).cloned()
    }

    pub(crate) fn for_each(&self, mut f: impl FnMut(&Client)) {
        for shard in self.0.all() {
            shard.values().for_each(&mut f);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.all().map(|shard| shard.len()).sum()
    }
}

impl Mailboxes {
    pub(crate) fn new() -> Self {
        Self(Shards::new())
    }

    pub(crate) fn add(&self, mailbox: &Mailbox, client: &Client) {
        let mut shard = self.0.write(mailbox);
        let holders = shard.entry(mailbox.clone()).or_default();
        write(holders).insert(client.id(), client.clone());
    }

    pub(crate) fn remove(&self, mailbox: &Mailbox, client: &Client) {
        let mut shard = self.0.write(mailbox);
        if let Entry::Occupied(holders) = shard.entry(mailbox.clone()) {
            let mut members = write(holders.get());
            members.swap_remove(&client.id());
            let is_empty = members.is_empty();
            drop(members);
            // An empty mailbox costs nothing, so that nobody can fill the memory with names.
            if is_empty {
                holders.remove();
            }
        }
    }

    /// Walks the holders. Joining and leaving this mailbox waits meanwhile; others of the same shard do not.
    pub(crate) fn for_each(&self, mailbox: &Mailbox, f: impl FnMut(&Client)) {
        if let Some(holders) = self.holders(mailbox) {
            read(&holders).values().for_each(f);
        }
    }

    pub(crate) fn len(&self, mailbox: &Mailbox) -> usize {
        self.holders(mailbox).map_or(0, |holders| read(&holders).len())
    }

    /// How many mailboxes somebody holds.
    pub(crate) fn count(&self) -> usize {
        self.0.all().map(|shard| shard.len()).sum()
    }

    fn holders(&self, mailbox: &Mailbox) -> Option<Holders> {
        self.0.read(mailbox).get(mailbox).cloned()
    }
}

/// Independent locks, so that clients that come and go do not stop everybody else.
#[derive(Debug)]
struct Shards<T> {
    shards: Box<[RwLock<T>]>,
    hasher: RandomState,
}

impl<T: Default> Shards<T> {
    fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    fn read(&self, key: &impl Hash) -> RwLockReadGuard<'_, T> {
        read(self.shard(key))
    }

    fn write(&self, key: &impl Hash) -> RwLockWriteGuard<'_, T> {
        write(self.shard(key))
    }

    fn all(&self) -> impl Iterator<Item = RwLockReadGuard<'_, T>> {
        self.shards.iter().map(read)
    }

    fn shard(&self, key: &impl Hash) -> &RwLock<T> {
        let hash = self.hasher.hash_one(key) as usize;
        &self.shards[hash % SHARDS]
    }
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

const SHARDS: usize = 16;
