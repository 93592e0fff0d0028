//! The desk: one thread takes all requests in turn, a group at a time. Whatever arrived while the
//! last group became durable is the next group, so groups grow with the load by themselves.
//!
//! Nothing is answered before its group is durable. What only reads is answered after that, so no
//! checkpoint is ever signed over a leaf that a crash could take back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use channel::binding::Binding;
use messages::did::Did;
use messages::event::{Party, SignedEvent};
use messages::ids::{EventHash, SessionId};
use messages::receipt::Notice;
use messages::reply::{Reply, Request};
use messages::signature::PublicKey;
use pact::{KeyRing, OnDeadline};
use tlog::TilePath;
use tokio::sync::mpsc::error::{SendTimeoutError, TryRecvError, TrySendError};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::api::Following;
use crate::clock::counter;
use crate::metrics::Metrics;
use crate::pipeline::{Arrived, GROUP_BYTES, Pipeline, Refused, event_code, refused};
use crate::store::{StoreError, crash_point};
use crate::{api, audit};

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
    answer: oneshot::Sender<Reply>,
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
}

/// What a decision in a session is bound to, and who signs in it.
#[derive(Clone, Copy)]
struct SessionTerms {
    deadline: (Duration, OnDeadline),
    keys: [PublicKey; 2],
}

type Terms = Arc<RwLock<BTreeMap<SessionId, SessionTerms>>>;

/// Who follows which notices.
#[derive(Clone, Default)]
struct Followers(Arc<Mutex<Vec<Follower>>>);

type Follower = (Did, mpsc::Sender<Arc<Notice>>);

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
        };
        let mut worker = Worker {
            pipeline,
            metrics,
            followers: desk.followers.clone(),
            ready: Arc::clone(&desk.ready),
            terms: Arc::clone(&desk.terms),
            decided: Arc::clone(&desk.decided),
        };
        worker.note_terms();
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
    async fn submit(
        &self,
        request: Request,
        caller: Caller,
        deadline: Option<Instant>,
    ) -> oneshot::Receiver<Reply> {
        let (answer, answered) = oneshot::channel();
        let ahead = self.ask.max_capacity().saturating_sub(self.ask.capacity());
        self.metrics.queued(u32::try_from(ahead).unwrap_or(u32::MAX));
        let work = match request {
            Request::Event { event } => match self.read(&event) {
                Ok(arrived) => Work::Event(arrived, event),
                Err(refusal) => {
                    drop(answer.send(refused(refusal)));
                    return answered;
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
                drop(question.answer.send(refused(Refused(code))));
            }
        }
        answered
    }

    async fn decided(&self, session: SessionId, call: EventHash) -> Option<Reply> {
        loop {
            let woken = self.decided.notified();
            match self.look(move |pipeline| pipeline.decided(&session, &call)).await? {
                Some(decided) => return decided,
                // A time-out wakes nobody, so it is looked for now and then.
                None => drop(tokio::time::timeout(NOW_AND_THEN, woken).await),
            }
        }
    }

    async fn deadline(&self, session: SessionId) -> Option<(Duration, OnDeadline)> {
        self.terms_of(&session).map(|terms| terms.deadline)
    }

    async fn follow(&self, reader: Did) -> Option<Following> {
        let (sender, notices) = mpsc::channel(NOTICES);
        let followers = self.followers.clone();
        // Between two groups: what is on record has been told, and what comes will be.
        let begin =
            move |pipeline: &Pipeline| followers.add(reader, sender).then(|| pipeline.place().seq);
        let from = self.look(begin).await??;
        Some(Following { from, notices })
    }

    fn key(&self, did: &Did) -> Option<PublicKey> {
        self.ring.resolve(did)
    }

    async fn tile(&self, path: &str) -> Option<Vec<u8>> {
        let path = TilePath::parse(path)?;
        self.look(move |pipeline| pipeline.tile(path)).await?
    }

    fn ready(&self) -> bool {
        Self::ready(self)
    }
}

/// The thread, and how it ended.
pub(crate) type Thread = std::thread::JoinHandle<Result<(), StoreError>>;

struct Worker {
    pipeline: Pipeline,
    metrics: Metrics,
    followers: Followers,
    ready: Arc<AtomicBool>,
    terms: Terms,
    decided: Arc<Notify>,
}

impl Worker {
    fn run(mut self, mut asked: mpsc::Receiver<Asked>) -> Result<(), StoreError> {
        let mut group = Vec::with_capacity(GROUP);
        while asked.blocking_recv_many(&mut group, GROUP) > 0 {
            self.serve(&mut group, &mut asked).inspect_err(|_| {
                self.ready.store(false, Ordering::Relaxed);
                audit::line(audit::Line::StoreFailed);
            })?;
        }
        self.pipeline.rotate()
    }

    /// Serves one group: take, commit, answer, look.
    fn serve(
        &mut self,
        group: &mut Vec<Asked>,
        asked: &mut mpsc::Receiver<Asked>,
    ) -> Result<(), StoreError> {
        // Time stands still within a group: the counter is read before it.
        if let Err(refusal) = self.pipeline.tick() {
            refused(refusal);
        }
        let (mut taken, mut later, mut looks) = (Vec::new(), Vec::new(), Vec::new());
        for one in group.drain(..) {
            let question = match one {
                Asked::Request(question) => *question,
                Asked::Tick => continue,
                Asked::Look(look) => {
                    looks.push(look);
                    continue;
                }
            };
            let Question { work, caller, deadline, answer } = question;
            if deadline.is_some_and(|deadline| counter() >= deadline) {
                drop(answer.send(refused(Refused("decision-late"))));
                continue;
            }
            match work {
                Work::Request(request) if reads(&request) => {
                    later.push((request, caller, answer));
                }
                Work::Request(request) => {
                    taken.push((self.pipeline.take(request, &caller), answer));
                }
                Work::Event(arrived, bytes) => {
                    taken.push((self.pipeline.take_event(arrived, &bytes), answer));
                }
            }
            // A group has a bound; what was taken is durable a little earlier then.
            if self.pipeline.journal.pending() >= GROUP_BYTES {
                self.commit(asked)?;
            }
        }
        // CRASH: before this line nobody was answered; after it everybody can be.
        self.commit(asked)?;
        crash_point!("group-before-answers");
        for (reply, answer) in taken {
            // A caller that went away keeps what is on record; it asks again.
            drop(answer.send(reply));
        }
        self.note_terms();
        let outbox = core::mem::take(&mut self.pipeline.outbox);
        if !outbox.is_empty() {
            self.decided.notify_waiters();
        }
        for (readers, notice) in outbox {
            self.followers.tell(&readers, &Arc::new(notice));
        }
        for (request, caller, answer) in later {
            drop(answer.send(self.pipeline.answer(&request, &caller)));
        }
        for look in looks {
            look(&self.pipeline);
        }
        match self.pipeline.rotate_if_due() {
            // There is no hurry: the segment grows on, and the next group tries again.
            Err(error) if error.is_full() => Ok(()),
            rotated => rotated,
        }
    }

    /// Notes the terms of sessions that opened, and forgets those of many that ended.
    fn note_terms(&mut self) {
        let monitor = &self.pipeline.state.monitor;
        let opened = core::mem::take(&mut self.pipeline.opened);
        let mut terms = self.terms.write().unwrap_or_else(PoisonError::into_inner);
        let of = |session: &SessionId| {
            let compiled = monitor.compiled(&monitor.pact_of(session)?)?;
            let deadline = (Duration::from_millis(compiled.deadline().0), compiled.fail());
            let key = |party| monitor.reporter(session, party);
            let keys = [key(Party::Initiator)?, key(Party::Provider)?];
            Some(SessionTerms { deadline, keys })
        };
        terms.extend(opened.iter().filter_map(|id| Some((*id, of(id)?))));
        let open = monitor.sessions();
        if terms.len() > open.saturating_mul(2).saturating_add(FORGOTTEN) {
            terms.retain(|id, _| monitor.pact_of(id).is_some());
        }
    }

    /// Commits. While the disk is full the group waits, newcomers are refused, and nothing is
    /// lost; any other failure ends the process, and the next start recovers what is durable.
    fn commit(&mut self, asked: &mut mpsc::Receiver<Asked>) -> Result<(), StoreError> {
        loop {
            let (before, started) = (self.pipeline.journal.durable().seq, counter());
            match self.pipeline.commit() {
                Ok(()) => {
                    let records = self.pipeline.journal.durable().seq.saturating_sub(before);
                    if let Some(records) = u32::try_from(records).ok().filter(|n| *n > 0) {
                        self.metrics.committed(records, started.elapsed().as_secs_f64());
                    }
                    self.ready.store(true, Ordering::Relaxed);
                    return Ok(());
                }
                Err(error) if error.is_full() => {
                    if self.ready.swap(false, Ordering::Relaxed) {
                        audit::line(audit::Line::DiskFull);
                    }
                    std::thread::sleep(DISK_PAUSE);
                    loop {
                        match asked.try_recv() {
                            Ok(Asked::Request(question)) => {
                                drop(question.answer.send(refused(Refused("journal-disk-full"))));
                            }
                            Ok(Asked::Tick | Asked::Look(_)) => {}
                            Err(TryRecvError::Empty) => break,
                            // Nobody is left to answer, and the process is to end: what waits was
                            // never acknowledged.
                            Err(TryRecvError::Disconnected) => return Err(error),
                        }
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Followers {
    /// Whether there was room for one more.
    fn add(&self, reader: Did, sender: mpsc::Sender<Arc<Notice>>) -> bool {
        let mut followers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        followers.retain(|(_, sender)| !sender.is_closed());
        let room = followers.len() < FOLLOWERS;
        if room {
            followers.push((reader, sender));
        }
        room
    }

    fn tell(&self, readers: &[Did], notice: &Arc<Notice>) {
        let mut followers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        followers.retain(|(did, sender)| {
            !readers.contains(did) || sender.try_send(Arc::clone(notice)).is_ok()
        });
    }
}

/// Does this request change nothing?
const fn reads(request: &Request) -> bool {
    matches!(
        request,
        Request::Attest { .. }
            | Request::Prove { .. }
            | Request::Include { .. }
            | Request::Consistency { .. }
            | Request::Inbox
            | Request::Disclose { .. }
    )
}

const QUEUE: usize = 4096;
const GROUP: usize = 1024;
const NOTICES: usize = 256;
const FORGOTTEN: usize = 1024;
const NOW_AND_THEN: Duration = Duration::from_millis(250);
const FOLLOWERS: usize = 1024;
const PATIENCE: Duration = Duration::from_secs(5);
const DISK_PAUSE: Duration = Duration::from_millis(250);
