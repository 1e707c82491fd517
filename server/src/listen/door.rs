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

use crate::counters::{Counter, Counters};
use crate::http::{HttpConfig, Origins, Proxies};
use crate::limits::Limits;
use crate::session::{self, Hello};
use crate::switchboard::Core;

/// Whom listeners let in, and how many: one for all listeners that keep to the server's limits, and one for each that has
/// limits of its own.
pub(crate) struct Door {
    pub(crate) host: Arc<dyn Host>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) origins: Origins,
    pub(crate) proxies: Proxies,
    places: Mutex<Places>,
    /// Connections over the limits that are being told so.
    turned_away: Arc<Semaphore>,
}

/// Whom connections are for.
pub(crate) trait Host: Send + Sync {
    fn counters(&self) -> &Counters;
    /// What a shutdown waits for.
    fn tasks(&self) -> &TaskTracker;
    /// Serves a connection that messages come through from now on, to its end.
    fn serve(self: Arc<Self>, stream: Stream, early: Bytes, hello: Hello);
}

/// A connection's place within the limits, given back when the last clone of it and the [`Permit`] are gone.
#[derive(Debug)]
pub(crate) struct Place {
    door: Arc<Door>,
    is_connection: bool,
    address: Option<IpAddr>,
}

/// There is no place for a connection: so many are taken.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Full {
    /// [`Limits::connections`].
    Connections(usize),
    /// [`Limits::connections_per_address`].
    Address(usize),
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
    pub(crate) fn new(core: &Arc<Core>, limits: &Arc<Limits>, http: &HttpConfig) -> Arc<Self> {
        Self::of(Arc::<Core>::clone(core), Arc::clone(limits), http)
    }

    pub(crate) fn of(host: Arc<dyn Host>, limits: Arc<Limits>, http: &HttpConfig) -> Arc<Self> {
        Arc::new(Self {
            host,
            limits,
            origins: http.origins.clone(),
            proxies: http.proxies.clone(),
            places: Mutex::default(),
            turned_away: Arc::new(Semaphore::new(TURNED_AWAY)),
        })
    }

    /// Takes a place for a connection from this address; one that is unknown is not counted by address, nor is a proxy's,
    /// which stands for many.
    pub(crate) fn enter(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Place, Full> {
        self.take(true, address.filter(|&address| !self.proxies.trust(address)))
    }

    /// Turns what a request brought into a session's place: its connection's, if that has been counted, and one for the
    /// client's address, if that was not known before.
    pub(crate) fn admit(
        self: &Arc<Self>,
        connection: Option<Arc<Place>>,
        client: Option<IpAddr>,
    ) -> Result<Permit, Full> {
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
    pub(crate) fn turn_away(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turned_away).try_acquire_owned().ok()
    }

    /// Connections that have a place, and addresses that some are counted by.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> (usize, usize) {
        let places = self.places();
        (places.taken, places.by_address.len())
    }

    #[cfg(test)]
    pub(crate) fn turned_away_now(&self) -> usize {
        TURNED_AWAY - self.turned_away.available_permits()
    }

    fn take(self: &Arc<Self>, is_connection: bool, address: Option<IpAddr>) -> Result<Place, Full> {
        let limits = &self.limits;
        let address = address.map(counted);
        let mut places = self.places();
        let full = if is_connection && places.taken >= limits.connections {
            Some(Full::Connections(limits.connections))
        } else {
            address
                .filter(|address| {
                    places.by_address.get(address).copied().unwrap_or(0) >= limits.connections_per_address
                })
                .map(|_| Full::Address(limits.connections_per_address))
        };
        if let Some(full) = full {
            let is_told = places.silent_until.is_some_and(|until| Instant::now() < until);
            if !is_told {
                places.silent_until = Some(Instant::now() + SILENCE);
                drop(places);
                tracing::warn!(
                    ?address,
                    "a connection is refused: {full}; not said again for a minute, but counted"
                );
            }
            return Err(full);
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

impl Full {
    pub(crate) fn counter<'c>(&self, counters: &'c Counters) -> &'c Counter {
        match self {
            Self::Connections(_) => &counters.refused_connections,
            Self::Address(_) => &counters.refused_address,
        }
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connections(limit) => write!(
                f,
                "all {limit} connections are taken (Limits::connections); try again later"
            ),
            Self::Address(limit) => write!(
                f,
                "all {limit} connections that one address may have are taken (Limits::connections_per_address); close some"
            ),
        }
    }
}

impl From<Place> for Permit {
    fn from(place: Place) -> Self {
        Self {
            _connection: Some(Arc::new(place)),
            _behind_proxy: None,
        }
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
