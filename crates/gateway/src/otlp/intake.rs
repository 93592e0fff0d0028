//! From observations to the desk: each once, and none forgotten before it is taken.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::genai::Rejected;
use crate::desk::{Desk, DeskError};
use crate::observation::{Observation, SourceId};
use crate::scope::Scope;

/// The way of both OTLP servers to one desk. Clones share what they remember: a happening that
/// comes both ways is taken once.
#[derive(Clone)]
pub struct Intake<D> {
    desk: D,
    pub(super) scope: Scope,
    taken: Arc<Mutex<Taken>>,
    room: Arc<Semaphore>,
}

impl<D: Desk> Intake<D> {
    /// Content is kept as `scope` allows.
    #[must_use]
    pub fn new(desk: D, scope: Scope) -> Self {
        Self { desk, scope, taken: Arc::default(), room: Arc::new(Semaphore::new(MAX_AT_WORK)) }
    }

    /// Hands all to the desk; an error asks the sender to send all again. A sender that hangs up
    /// meanwhile stops nothing: what was begun is finished, so that its retry meets a definite
    /// state.
    pub(super) async fn take(
        &self,
        observations: Vec<Observation>,
        mut rejected: Rejected,
    ) -> Result<Rejected, DeskError> {
        if observations.is_empty() {
            return Ok(rejected);
        }
        let busy = DeskError::Full { retry_after: SOON };
        let room = Arc::clone(&self.room).try_acquire_owned().map_err(|_| busy)?;
        let this = self.clone();
        let work = tokio::spawn(async move {
            let _room = room;
            for observation in observations {
                match this.take_one(observation).await {
                    Ok(()) => {}
                    Err(error @ (DeskError::NoSession | DeskError::Unfit)) => {
                        rejected.add(refusal(error));
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(rejected)
        });
        work.await.unwrap_or(Err(busy))
    }

    async fn take_one(&self, observation: Observation) -> Result<(), DeskError> {
        let Some(source) = observation.source else {
            return self.desk.observe(observation).await;
        };
        let Some(claim) = Claim::new(&self.taken, source)? else {
            return Ok(());
        };
        self.desk.observe(observation).await?;
        claim.keep();
        Ok(())
    }
}

const fn refusal(error: DeskError) -> &'static str {
    match error {
        DeskError::NoSession => "of a conversation that no session belongs to",
        _ => "that cannot be an event of the session",
    }
}

/// The sources that the desk took lately, oldest first out.
#[derive(Default)]
struct Taken {
    state: BTreeMap<SourceId, State>,
    order: VecDeque<SourceId>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    AtWork,
    Done,
}

/// The right to hand one source to the desk; given back when dropped before it is kept.
struct Claim {
    taken: Arc<Mutex<Taken>>,
    source: SourceId,
    kept: bool,
}

impl Claim {
    /// None when the desk has it already.
    fn new(taken: &Arc<Mutex<Taken>>, source: SourceId) -> Result<Option<Self>, DeskError> {
        let mut held = taken.lock().unwrap_or_else(PoisonError::into_inner);
        match held.state.get(&source) {
            Some(State::Done) => Ok(None),
            // Somebody else is at it, and may yet fail: neither take nor acknowledge it.
            Some(State::AtWork) => Err(DeskError::Full { retry_after: SOON }),
            None => {
                held.state.insert(source, State::AtWork);
                Ok(Some(Self { taken: Arc::clone(taken), source, kept: false }))
            }
        }
    }

    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut held = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.kept {
            held.state.remove(&self.source);
            return;
        }
        held.state.insert(self.source, State::Done);
        held.order.push_back(self.source);
        while held.order.len() > MAX_REMEMBERED {
            if let Some(oldest) = held.order.pop_front() {
                held.state.remove(&oldest);
            }
        }
    }
}

/// Exports at work in one server; more wait unread, and their senders with them.
pub(super) const MAX_AT_WORK: usize = 8;

/// Sources remembered: a sender's retries end long before as many have passed.
const MAX_REMEMBERED: usize = 65_536;

const SOON: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(taken: &Arc<Mutex<Taken>>, n: u64) -> Result<Option<Claim>, DeskError> {
        Claim::new(taken, SourceId::of("test", &[&n.to_be_bytes()]))
    }

    #[test]
    fn source_is_claimed_once() {
        let taken = Arc::default();
        let first = claim(&taken, 1).unwrap().unwrap();
        assert!(claim(&taken, 1).is_err());
        drop(first);
        claim(&taken, 1).unwrap().unwrap().keep();
        assert!(claim(&taken, 1).unwrap().is_none());
    }

    #[test]
    fn memory_is_bounded() {
        let taken = Arc::default();
        for n in 0..=u64::try_from(MAX_REMEMBERED).unwrap() {
            claim(&taken, n).unwrap().unwrap().keep();
        }
        assert_eq!(taken.lock().unwrap().state.len(), MAX_REMEMBERED);
        assert!(claim(&taken, 0).unwrap().is_some());
    }
}
