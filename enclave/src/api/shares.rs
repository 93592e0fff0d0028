//! Fairness: each caller has a share of the desk, static, whoever else is there.
//!
//! A share is a rate with a burst (the generic cell rate algorithm, ITU-T I.371, annex A: one
//! moment per caller is all that is kept) and a bound on requests in flight. A caller is the DID
//! that its connection has proved, or else the connection itself: never something that it merely
//! says, or anybody could use up the share of somebody else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use messages::did::Did;
use tokio::time::{Duration, Instant};

/// Bounds of the interface.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Requests and batched events of one caller a second.
    pub(crate) per_second: u32,
    /// How many may come at once.
    pub(crate) burst: u32,
    /// Requests of one caller in flight; followed streams count.
    pub(crate) in_flight: usize,
    /// Callers that are remembered at one time.
    pub(crate) callers: usize,
    /// Longest time for a body to arrive.
    pub(crate) body: Duration,
    /// Longest time that an event of a batch is held back for its caller's share.
    pub(crate) patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_second: 20_000,
            burst: 20_000,
            in_flight: 512,
            callers: 65_536,
            body: Duration::from_secs(30),
            patience: Duration::from_secs(10),
        }
    }
}

/// Whose share.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tenant {
    /// A connection without login, by its exporter.
    Connection([u8; 32]),
    /// A party, on whatever connections.
    Party(Did),
}

/// The share is used up; it has room again after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UsedUp(pub(super) Duration);

/// All shares.
pub(super) struct Shares {
    limits: Limits,
    accounts: Mutex<Accounts>,
}

#[derive(Default)]
struct Accounts {
    of: BTreeMap<Tenant, Account>,
    swept: Option<Instant>,
}

struct Account {
    /// When the next request would come if all came evenly: the rate algorithm's one number.
    due: Instant,
    in_flight: usize,
}

impl Shares {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, accounts: Mutex::default() })
    }

    /// Admits a request; it is in flight until the seat is dropped.
    pub(super) fn admit(self: &Arc<Self>, tenant: Tenant, now: Instant) -> Result<Seat, UsedUp> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.make_room(&tenant, self.limits.callers, now)?;
        let account =
            accounts.of.entry(tenant.clone()).or_insert(Account { due: now, in_flight: 0 });
        if account.in_flight >= self.limits.in_flight {
            return Err(UsedUp(A_MOMENT));
        }
        account.charge(&self.limits, now)?;
        account.in_flight = account.in_flight.saturating_add(1);
        Ok(Seat { shares: Arc::clone(self), tenant })
    }
}

impl Accounts {
    /// Parties are as many as the pacts allow; of everybody else's connections there is a bound.
    fn make_room(&mut self, tenant: &Tenant, callers: usize, now: Instant) -> Result<(), UsedUp> {
        let party = matches!(tenant, Tenant::Party(_));
        if party || self.of.len() < callers || self.of.contains_key(tenant) {
            return Ok(());
        }
        // A sweep looks at everybody, so there is one a moment at most.
        if self.swept.is_none_or(|last| now.saturating_duration_since(last) >= A_MOMENT) {
            self.swept = Some(now);
            self.of.retain(|_, account| account.in_flight > 0 || account.due > now);
        }
        if self.of.len() < callers { Ok(()) } else { Err(UsedUp(A_MOMENT)) }
    }
}

impl Account {
    fn charge(&mut self, limits: &Limits, now: Instant) -> Result<(), UsedUp> {
        let apart = Duration::from_secs(1).checked_div(limits.per_second).unwrap_or(A_MOMENT);
        let burst = apart.saturating_mul(limits.burst.saturating_sub(1));
        let ahead = self.due.saturating_duration_since(now);
        if ahead > burst {
            return Err(UsedUp(ahead.saturating_sub(burst)));
        }
        self.due = self.due.max(now).checked_add(apart).unwrap_or(self.due);
        Ok(())
    }
}

/// A request in flight.
pub(super) struct Seat {
    shares: Arc<Shares>,
    tenant: Tenant,
}

impl Seat {
    /// Charges one more event to the same share.
    pub(super) fn charge(&self, now: Instant) -> Result<(), UsedUp> {
        let mut accounts = self.shares.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let account = accounts.of.get_mut(&self.tenant);
        account.map_or(Ok(()), |account| account.charge(&self.shares.limits, now))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut accounts = self.shares.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.of.get_mut(&self.tenant) {
            account.in_flight = account.in_flight.saturating_sub(1);
        }
    }
}

const A_MOMENT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { per_second: 10, burst: 3, in_flight: 2, callers: 2, ..Limits::default() }
    }

    fn tenant(n: u8) -> Tenant {
        Tenant::Connection([n; 32])
    }

    #[test]
    fn a_share_is_a_burst_and_then_a_rate() {
        let (shares, start) = (Shares::new(limits()), Instant::now());
        for _ in 0..3 {
            assert!(shares.admit(tenant(1), start).is_ok());
        }
        let wait = shares.admit(tenant(1), start).err().unwrap();
        assert_eq!(wait, UsedUp(Duration::from_millis(100)));
        // Somebody else's share is untouched.
        assert!(shares.admit(tenant(2), start).is_ok());
        let later = start.checked_add(wait.0).unwrap();
        assert!(shares.admit(tenant(1), later).is_ok());
        assert!(shares.admit(tenant(1), later).is_err());
    }

    #[test]
    fn requests_in_flight_are_bounded_and_end_with_their_seat() {
        let (shares, start) = (Shares::new(limits()), Instant::now());
        let seats = [shares.admit(tenant(1), start), shares.admit(tenant(1), start)];
        let later = start.checked_add(Duration::from_secs(9)).unwrap();
        assert_eq!(shares.admit(tenant(1), later).err(), Some(UsedUp(A_MOMENT)));
        drop(seats);
        assert!(shares.admit(tenant(1), later).is_ok());
    }

    #[test]
    fn callers_are_bounded_and_forgotten_when_idle() {
        let (shares, start) = (Shares::new(limits()), Instant::now());
        let held = shares.admit(tenant(1), start);
        drop(shares.admit(tenant(2), start));
        assert_eq!(shares.admit(tenant(3), start).err(), Some(UsedUp(A_MOMENT)));
        let later = start.checked_add(A_MOMENT).unwrap();
        assert!(shares.admit(tenant(3), later).is_ok());
        drop(held);
    }
}
