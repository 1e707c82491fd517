//! Who may come in: how many connections there are, and from where.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use switchboard_wire::connection::Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::HttpConfig;
use super::address::Proxies;
use super::origin::Origins;
use super::refusal::Refusal;
use crate::counters::Counters;
use crate::limits::Limits;
use crate::session::{self, Hello};
use crate::switchboard::Core;

/// What listeners and mounted routers of one server share: its limits, and whom it lets in.
pub(crate) struct Door {
    pub(super) host: Arc<dyn Host>,
    pub(super) origins: Origins,
    pub(super) proxies: Proxies,
    places: Mutex<Places>,
    /// Connections over the limits that are being told so.
    turned_away: Arc<Semaphore>,
}

/// Whom connections are for.
pub(super) trait Host: Send + Sync {
    fn limits(&self) -> &Limits;
    fn counters(&self) -> &Counters;
    /// What a shutdown waits for.
    fn tasks(&self) -> &TaskTracker;
    /// Serves a connection that has become a WebSocket, to its end.
    fn serve(self: Arc<Self>, stream: Stream, early: Bytes, hello: Hello);
}

/// A connection's place within the limits, given back when the last clone of it and the [`Permit`] are gone.
#[derive(Debug)]
pub(super) struct Place {
    door: Arc<Door>,
    is_connection: bool,
    address: Option<IpAddr>,
}

/// A session's place within the limits, given back when it is dropped. The default one takes no place.
#[derive(Debug, Default)]
pub(crate) struct Permit {
    _connection: Option<Arc<Place>>,
    /// The client's own, where its connection is counted as its proxy's.
    _behind_proxy: Option<Place>,
}

#[derive(Debug, Default)]
struct Places {
    taken: usize,
    by_address: HashMap<IpAddr, usize>,
    silent_until: Option<Instant>,
}

impl Door {
    pub(crate) fn new(core: &Arc<Core>, http: &HttpConfig) -> Arc<Self> {
        Self::of(Arc::<Core>::clone(core), http)
    }

    pub(super) fn of(host: Arc<dyn Host>, http: &HttpConfig) -> Arc<Self> {
        Arc::new(Self {
            host,
            origins: http.origins.clone(),
            proxies: http.proxies.clone(),
            places: Mutex::default(),
            turned_away: Arc::new(Semaphore::new(TURNED_AWAY)),
        })
    }

    /// Takes a place for a connection from this address; one that is unknown is not counted by address, nor is a proxy's,
    /// which stands for many.
    pub(super) fn enter(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Place, Refusal> {
        self.take(true, address.filter(|&address| !self.proxies.trust(address)))
    }

    /// Turns what a request brought into a session's place: its connection's, if that has been counted, and one for the
    /// client's address, if that was not known before.
    pub(super) fn admit(
        self: &Arc<Self>,
        connection: Option<Arc<Place>>,
        client: Option<IpAddr>,
    ) -> Result<Permit, Refusal> {
        match connection {
            None => Ok(Permit {
                _connection: Some(Arc::new(self.enter(client)?)),
                _behind_proxy: None,
            }),
            Some(place) => {
                let late = client.filter(|_| place.address.is_none());
                let late = late.map(|address| self.take(false, Some(address))).transpose()?;
                Ok(Permit {
                    _connection: Some(place),
                    _behind_proxy: late,
                })
            }
        }
    }

    /// Lets one more connection wait for its refusal; none where too many do, which are dropped without a word.
    pub(super) fn turn_away(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turned_away).try_acquire_owned().ok()
    }

    /// Connections that have a place, and addresses that some are counted by.
    #[cfg(test)]
    pub(super) fn taken(&self) -> (usize, usize) {
        let places = self.places();
        (places.taken, places.by_address.len())
    }

    #[cfg(test)]
    pub(super) fn turned_away_now(&self) -> usize {
        TURNED_AWAY - self.turned_away.available_permits()
    }

    fn take(self: &Arc<Self>, is_connection: bool, address: Option<IpAddr>) -> Result<Place, Refusal> {
        let limits = self.host.limits();
        let address = address.map(counted);
        let mut places = self.places();
        let refusal = if is_connection && places.taken >= limits.connections {
            Some(Refusal::Connections(limits.connections))
        } else {
            address
                .filter(|address| {
                    places.by_address.get(address).copied().unwrap_or(0) >= limits.connections_per_address
                })
                .map(|_| Refusal::Address(limits.connections_per_address))
        };
        if let Some(refusal) = refusal {
            let is_told = places.silent_until.is_some_and(|until| Instant::now() < until);
            if !is_told {
                places.silent_until = Some(Instant::now() + SILENCE);
                drop(places);
                tracing::warn!(
                    ?address,
                    "a connection is refused: {refusal}; not said again for a minute, but counted"
                );
            }
            return Err(refusal);
        }
        places.taken += usize::from(is_connection);
        if let Some(address) = address {
            *places.by_address.entry(address).or_default() += 1;
        }
        Ok(Place {
            door: Arc::clone(self),
            is_connection,
            address,
        })
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.door.places();
        places.taken -= usize::from(self.is_connection);
        if let Some(address) = self.address
            && let Some(count) = places.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                places.by_address.remove(&address);
            }
        }
    }
}

impl Host for Core {
    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    fn serve(self: Arc<Self>, stream: Stream, early: Bytes, hello: Hello) {
        let session = session::run(Arc::clone(&self), stream, early, hello);
        self.homes.take_in(self.tasks.track_future(session));
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").finish_non_exhaustive()
    }
}

/// What an address is counted as: one host has a whole /64 of IPv6 to itself.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

/// How many connections over the limits are told so at a time.
const TURNED_AWAY: usize = 64;
/// How long the log is silent about refused connections after one.
const SILENCE: Duration = Duration::from_secs(60);
