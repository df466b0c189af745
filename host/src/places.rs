//! Who is served at once.
//!
//! A request takes a place before a component sees it and gives it back when nothing of it runs any
//! more. Three rules keep one party from taking what the others need:
//!
//! - A client address and a credential (the value of `Authorization`) each have a share of the places.
//!   An address counts where it says who the client is: a loopback or private one is a proxy's.
//! - Some places are for responses that end soon. When there are as many streams as may be, a new one
//!   ends the oldest stream of the party that has the most.
//! - Only some places are for requests whose body is still on its way; see [`crate::request_body`].
//!
//! Credentials are kept as hashes under a random key, and only for as long as a request has them.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::networks::Network;

/// How long a request waits for a place.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many there are of what.
#[derive(Clone, Debug)]
pub struct PlaceLimits {
    /// Requests at once.
    pub all: usize,
    /// Of those, responses that go on as streams.
    pub streams: usize,
    /// Requests at once from one client address.
    pub per_address: usize,
    /// Requests at once with one credential.
    pub per_credential: usize,
}

/// Why a request got no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// All places are taken.
    Busy,
    /// The client has its share already.
    Share,
}

/// The places of one host.
#[derive(Debug)]
pub struct Places {
    patience: Duration,
    all: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    addresses: Shares,
    credentials: Shares,
    streams: Arc<Streams>,
    hasher: RandomState,
}

/// What tells one party from another, as hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Party {
    address: Option<u64>,
    credential: Option<u64>,
}

/// A request's part of its address's share. It is held while the request's body arrives and until the
/// request has ended.
#[derive(Debug)]
pub struct AddressShare {
    _permit: Option<OwnedSemaphorePermit>,
}

/// A place that is taken, until this is dropped.
#[derive(Debug)]
pub struct Place {
    _permits: [Option<OwnedSemaphorePermit>; 3],
    _address: AddressShare,
}

impl Places {
    /// As many as `limits` say. Each kind has one at least.
    pub fn new(limits: &PlaceLimits) -> Self {
        Self {
            patience: PATIENCE,
            all: Arc::new(Semaphore::new(limits.all.max(1))),
            uploads: Arc::new(Semaphore::new((limits.all / 4).max(1))),
            addresses: Shares::new(limits.per_address.max(1)),
            credentials: Shares::new(limits.per_credential.max(1)),
            streams: Arc::new(Streams { most: limits.streams.max(1), open: Mutex::default() }),
            hasher: RandomState::new(),
        }
    }

    /// Whose request this is.
    pub fn party(&self, client: IpAddr, headers: &HeaderMap) -> Party {
        Party {
            address: network_of(client).map(|network| self.hash(&network)),
            credential: headers.get(AUTHORIZATION).map(|value| self.hash(value.as_bytes())),
        }
    }

    /// Waits for a part of the address's share.
    pub async fn enter(&self, party: Party) -> Result<AddressShare, Refused> {
        let permit = match party.address {
            Some(address) => Some(self.addresses.acquire(address, Instant::now() + self.patience).await?),
            None => None,
        };
        Ok(AddressShare { _permit: permit })
    }

    /// Waits for a place. An `upload` is a request whose body is still on its way.
    pub async fn take(&self, party: Party, address: AddressShare, upload: bool) -> Result<Place, Refused> {
        let deadline = Instant::now() + self.patience;
        let credential = match party.credential {
            Some(credential) => Some(self.credentials.acquire(credential, deadline).await?),
            None => None,
        };
        let upload = match upload {
            true => Some(acquire(&self.uploads, deadline).await.ok_or(Refused::Busy)?),
            false => None,
        };
        let place = acquire(&self.all, deadline).await.ok_or(Refused::Busy)?;
        Ok(Place { _permits: [Some(place), credential, upload], _address: address })
    }

    /// Counts a response as a stream. If there are too many, another one is ended.
    pub fn stream(&self, party: Party) -> OpenStream {
        self.streams.open(party.credential.or(party.address).unwrap_or_default())
    }

    fn hash(&self, value: &(impl Hash + ?Sized)) -> u64 {
        self.hasher.hash_one(value)
    }
}

async fn acquire(semaphore: &Arc<Semaphore>, deadline: Instant) -> Option<OwnedSemaphorePermit> {
    if let Ok(permit) = semaphore.clone().try_acquire_owned() {
        return Some(permit);
    }
    // It is never closed.
    timeout_at(deadline, semaphore.clone().acquire_owned()).await.ok()?.ok()
}

/// The network that an address stands for: itself, or for IPv6 the 64 bits that one customer has. `None` for an
/// address that says nothing about the client.
fn network_of(address: IpAddr) -> Option<IpAddr> {
    let address = address.to_canonical();
    if Network::Private.contains(address) {
        return None;
    }
    Some(match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    })
}

/// A limit for each of many keys.
#[derive(Debug)]
struct Shares {
    most: usize,
    held: Mutex<HashMap<u64, Weak<Semaphore>>>,
}

impl Shares {
    fn new(most: usize) -> Self {
        Self { most, held: Mutex::default() }
    }

    async fn acquire(&self, key: u64, deadline: Instant) -> Result<OwnedSemaphorePermit, Refused> {
        acquire(&self.of(key), deadline).await.ok_or(Refused::Share)
    }

    fn of(&self, key: u64) -> Arc<Semaphore> {
        let mut held = lock(&self.held);
        if let Some(semaphore) = held.get(&key).and_then(Weak::upgrade) {
            return semaphore;
        }
        if held.len() == held.capacity() {
            held.retain(|_, semaphore| semaphore.strong_count() > 0);
        }
        let semaphore = Arc::new(Semaphore::new(self.most));
        held.insert(key, Arc::downgrade(&semaphore));
        semaphore
    }
}

/// The streams that are open, oldest first.
#[derive(Debug)]
struct Streams {
    most: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    by_age: BTreeMap<u64, (u64, oneshot::Sender<()>)>,
}

impl Streams {
    fn open(self: &Arc<Self>, party: u64) -> OpenStream {
        let (sender, cut) = oneshot::channel();
        let mut open = lock(&self.open);
        let id = open.next;
        open.next += 1;
        open.by_age.insert(id, (party, sender));
        if open.by_age.len() > self.most
            && let Some(victim) = open.oldest_of_greatest()
            && let Some((_, sender)) = open.by_age.remove(&victim)
        {
            // A stream that has just ended by itself does not mind.
            let _ = sender.send(());
        }
        OpenStream { streams: self.clone(), id, cut }
    }
}

impl Open {
    /// The oldest stream of the party that has the most of them, or of all such parties.
    fn oldest_of_greatest(&self) -> Option<u64> {
        let mut counts: HashMap<u64, usize> = HashMap::new();
        for (party, _) in self.by_age.values() {
            *counts.entry(*party).or_default() += 1;
        }
        let most = counts.values().copied().max()?;
        let of_greatest = |party: &u64| counts.get(party) == Some(&most);
        self.by_age.iter().find(|(_, (party, _))| of_greatest(party)).map(|(id, _)| *id)
    }
}

/// A stream that counts, until this is dropped.
#[derive(Debug)]
pub struct OpenStream {
    streams: Arc<Streams>,
    id: u64,
    /// Done when the stream has to end in favour of another.
    pub cut: oneshot::Receiver<()>,
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        lock(&self.streams.open).by_age.remove(&self.id);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code that could panic runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "places_tests.rs"]
mod tests;
