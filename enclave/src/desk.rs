//! The desk: the way from the interface to the one thread that takes all requests in turn, and the
//! way back. Events are read and checked here, on the threads that bring them, and answers are
//! signed here, on the threads that wait for them; the thread between decides and records.

mod followers;
mod promise;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use channel::binding::Binding;
use messages::claim::Predicate;
use messages::codec::Wire;
use messages::did::Did;
use messages::domain;
use messages::event::{Party, SignedEvent};
use messages::ids::{EventHash, SessionId};
use messages::reply::{Reply, Request};
use messages::signature::PublicKey;
use pact::{KeyRing, OnDeadline};
use tlog::TilePath;
use tokio::sync::mpsc::error::{SendTimeoutError, TrySendError};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};

use self::followers::Followers;
pub(crate) use self::promise::Promise;
use self::promise::{Promised, Turn};
use self::worker::{Thread, Worker};
use crate::api;
use crate::api::Following;
use crate::boot_key::BootKey;
use crate::metrics::Metrics;
use crate::pipeline::{Arrived, Decided, Pipeline, Refused, event_code, refused};

/// Who asks, as far as the channel knows.
#[derive(Clone, Default)]
pub(crate) struct Caller {
    /// The DID whose key signed this very session, if any.
    pub(crate) did: Option<Did>,
    /// The TLS session.
    pub(crate) channel: Option<Binding>,
}

/// What the thread is asked.
enum Asked {
    Request(Box<Question>),
    /// Time has passed.
    Tick,
    /// A read of the pipeline between two groups.
    Look(Box<dyn FnOnce(&Pipeline) + Send>),
}

/// A request, and where its answer goes.
struct Question {
    work: Work,
    caller: Caller,
    deadline: Option<Instant>,
    answer: Promised,
}

/// What there is to do.
enum Work {
    Event(Arrived, Vec<u8>),
    Request(Request),
}

/// The way to the thread; cheap to clone.
#[derive(Clone)]
pub(crate) struct Desk {
    ask: mpsc::Sender<Asked>,
    metrics: Metrics,
    followers: Followers,
    ready: Arc<AtomicBool>,
    /// Terms of open sessions, so that asking for them never waits in the queue.
    terms: Terms,
    /// Wakes those who wait for an overseer.
    decided: Arc<Notify>,
    ring: Arc<KeyRing>,
    /// Parties of all pacts: two a pact, so that there are not more than configured.
    named: Named,
    /// Signs what was decided.
    boot_key: Arc<BootKey>,
    /// Whose turn it is to have a claim proven: among the parties of pacts, and among others.
    proofs: [Arc<Semaphore>; 2],
    /// Whose turn it is to have a claim proven about each event, which takes longer.
    segments: [Arc<Semaphore>; 2],
}

/// What a decision in a session is bound to, and who signs in it.
#[derive(Clone, Copy)]
struct SessionTerms {
    deadline: (Duration, OnDeadline),
    keys: [PublicKey; 2],
}

type Named = Arc<RwLock<BTreeSet<Did>>>;
type Terms = Arc<RwLock<BTreeMap<SessionId, SessionTerms>>>;

impl Desk {
    /// Starts the thread. It ends when every `Desk` is gone, and then everything is durable.
    pub(crate) fn open(pipeline: Pipeline, metrics: Metrics) -> (Self, Thread) {
        let (ask, asked) = mpsc::channel(QUEUE);
        let desk = Self {
            ask,
            metrics: metrics.clone(),
            followers: Followers::default(),
            ready: Arc::new(AtomicBool::new(true)),
            terms: Terms::default(),
            decided: Arc::new(Notify::new()),
            ring: Arc::clone(&pipeline.ring),
            named: Named::default(),
            boot_key: Arc::clone(&pipeline.identity.boot_key),
            proofs: [(); 2].map(|()| Arc::new(Semaphore::new(PROOFS))),
            segments: [(); 2].map(|()| Arc::new(Semaphore::new(PROOFS))),
        };
        let mut worker = Worker {
            pipeline,
            metrics,
            followers: desk.followers.clone(),
            ready: Arc::clone(&desk.ready),
            terms: Arc::clone(&desk.terms),
            named: Arc::clone(&desk.named),
            decided: Arc::clone(&desk.decided),
        };
        worker.note();
        (desk, std::thread::spawn(move || worker.run(asked)))
    }

    /// Looks something up between two groups.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Pipeline) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let asked = Asked::Look(Box::new(move |pipeline| {
            // Whoever no longer waits does not need it.
            drop(answer.send(look(pipeline)));
        }));
        self.ask.send_timeout(asked, PATIENCE).await.ok()?;
        answered.await.ok()
    }

    fn terms_of(&self, session: &SessionId) -> Option<SessionTerms> {
        self.terms.read().unwrap_or_else(PoisonError::into_inner).get(session).copied()
    }

    /// Reads an event and checks its signature, on the thread of whoever brings it.
    fn read(&self, bytes: &[u8]) -> Result<Arrived, Refused> {
        let signed = SignedEvent::parse(bytes).map_err(|e| Refused(event_code(e)))?;
        let event = signed.unverified();
        let Some(terms) = self.terms_of(&event.session) else { return Ok(Arrived::Read(signed)) };
        let [initiator, provider] = &terms.keys;
        let key = match event.from.reporter() {
            Party::Initiator => initiator,
            Party::Provider => provider,
        };
        let verified = signed.check(key).map_err(|_| Refused("event-bad-signature"))?;
        Ok(Arrived::Verified(verified))
    }

    /// Waits for the turn to have a claim proven, or openings handed over: before it is asked, so that the thread looks
    /// openings up for one at a time. Parties do not wait for strangers; who did not sign gets no
    /// turn, and is refused without one.
    async fn turn(&self, request: &Request) -> Option<Turn> {
        let (domain, bytes, requester, signature) = match request {
            Request::Prove { wanted, requester, signature } => {
                (domain::PROOF_REQUEST, wanted.to_cbor(), requester, signature)
            }
            Request::Openings { range, requester, signature } => {
                (domain::OPENINGS_REQUEST, range.to_cbor(), requester, signature)
            }
            _ => return None,
        };
        let key = self.ring.resolve(requester)?;
        key.verify(domain, &bytes, signature).ok()?;
        let each = match request {
            Request::Prove { wanted, .. } => wanted.claim.statements.contains(&Predicate::Obeyed),
            _ => false,
        };
        let [parties, others] = if each { &self.segments } else { &self.proofs };
        let queue = if api::Desk::names(self, requester) { parties } else { others };
        Arc::clone(queue).acquire_owned().await.ok()
    }

    /// Is everything that was answered durable, and is more being taken?
    pub(crate) fn ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    /// Tells the thread that time has passed; a queue that is full has something to read the clock
    /// for anyway. False when the thread has ended.
    pub(crate) fn tick(&self) -> bool {
        !matches!(self.ask.try_send(Asked::Tick), Err(TrySendError::Closed(_)))
    }
}

impl api::Desk for Desk {
    async fn submit(&self, request: Request, caller: Caller, deadline: Option<Instant>) -> Promise {
        let turn = self.turn(&request).await;
        let (answer, promise) = promise::made(Arc::clone(&self.boot_key), turn);
        let ahead = self.ask.max_capacity().saturating_sub(self.ask.capacity());
        self.metrics.queued(u32::try_from(ahead).unwrap_or(u32::MAX));
        let work = match request {
            Request::Event { event } => match self.read(&event) {
                Ok(arrived) => Work::Event(arrived, event),
                Err(refusal) => {
                    answer.tell(Decided::Reply(refused(refusal)));
                    return promise;
                }
            },
            request => Work::Request(request),
        };
        let asked = Asked::Request(Box::new(Question { work, caller, deadline, answer }));
        if let Err(refused_by) = self.ask.send_timeout(asked, PATIENCE).await {
            let code = match &refused_by {
                SendTimeoutError::Timeout(_) => "monitor-busy",
                SendTimeoutError::Closed(_) => "monitor-stopping",
            };
            // The request comes back, and with it the way to its answer.
            if let Asked::Request(question) = refused_by.into_inner() {
                question.answer.tell(Decided::Reply(refused(Refused(code))));
            }
        }
        promise
    }

    async fn decided(&self, session: SessionId, call: EventHash) -> Option<Reply> {
        loop {
            let woken = self.decided.notified();
            match self.look(move |pipeline| pipeline.decided(&session, &call)).await? {
                Some(decided) => return decided.map(|said| said.sign(&self.boot_key)),
                // A time-out wakes nobody, so it is looked for now and then.
                None => drop(tokio::time::timeout(NOW_AND_THEN, woken).await),
            }
        }
    }

    async fn deadline(&self, session: SessionId) -> Option<(Duration, OnDeadline)> {
        self.terms_of(&session).map(|terms| terms.deadline)
    }

    async fn follow(&self, reader: Did) -> Result<Following, &'static str> {
        let (sender, notices) = mpsc::channel(NOTICES);
        let followers = self.followers.clone();
        // Between two groups: what is on record has been told, and what comes will be.
        let begin = move |pipeline: &Pipeline| {
            let monitor = &pipeline.state.monitor;
            // Nobody else is ever told anything.
            if !monitor.roots().any(|root| monitor.concerns(root, &reader)) {
                return Err("follow-not-concerned");
            }
            let room = followers.add(reader, sender);
            if room { Ok(pipeline.place().seq) } else { Err("monitor-busy") }
        };
        let from = self.look(begin).await.unwrap_or(Err("monitor-busy"))?;
        Ok(Following { from, notices })
    }

    fn key(&self, did: &Did) -> Option<PublicKey> {
        self.ring.resolve(did)
    }

    fn names(&self, did: &Did) -> bool {
        self.named.read().unwrap_or_else(PoisonError::into_inner).contains(did)
    }

    async fn tile(&self, path: &str) -> Option<Vec<u8>> {
        let path = TilePath::parse(path)?;
        self.look(move |pipeline| pipeline.tile(path)).await?
    }

    fn ready(&self) -> bool {
        Self::ready(self)
    }
}

/// Claims that are proven at a time, of each kind of requester: the rest of the machine decides.
const PROOFS: usize = 1;
const QUEUE: usize = 4096;
const NOTICES: usize = 256;
const NOW_AND_THEN: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(5);
