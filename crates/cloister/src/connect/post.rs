//! The couriers: one task a session carries its steps to the monitor, in order, for as long as
//! there is something to carry, over whichever connection holds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use messages::event::Party;
use messages::ids::{EventHash, SessionId};
use messages::receipt::Ticket;
use messages::reply::{Action, Request};
use messages::signature::SigningKey;
use pact::OnDeadline;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connect::courier::{Judged, Meaning, Progress, Step, meaning, step};
use crate::connect::ledger::{Ledger, Pen};
use crate::connect::link::{Link, Links};
use crate::connect::record::{Ending, Record};
use crate::fault::Fault;
use crate::output;

/// What the pact and the configuration bind a connector to.
pub(crate) struct Terms {
    pub(crate) party: Party,
    /// Verdicts stop calls, and calls need tickets.
    pub(crate) enforced: bool,
    /// Longest wait for a verdict.
    pub(crate) deadline: Duration,
    pub(crate) on_deadline: OnDeadline,
    /// Longest wait for an overseer.
    pub(crate) approval: Duration,
    /// For whom the initiator acts.
    pub(crate) principal: Option<messages::did::Did>,
    /// Bytes of events that may wait for the monitor.
    pub(crate) capacity: usize,
    /// A session without events for this long is closed.
    pub(crate) idle: Duration,
    /// Between running counts.
    pub(crate) count_every: Duration,
    /// How long a result waits that telemetry told of a call which telemetry tells the other side.
    pub(crate) grace: Duration,
}

/// What couriers and desk share.
pub(crate) struct Post {
    pub(crate) terms: Terms,
    pub(crate) ledger: Ledger,
    pub(crate) links: Links,
    key: SigningKey,
    routes: Mutex<BTreeMap<SessionId, Arc<Route>>>,
    waiting: Mutex<BTreeMap<EventHash, watch::Sender<Option<Judged>>>>,
    tasks: TaskTracker,
    /// Nothing waits any more but for the monitor.
    draining: CancellationToken,
    closing: CancellationToken,
}

/// A session's courier as others see it.
struct Route {
    wake: Notify,
    /// Cancelled when the monitor terminates the session.
    ended: CancellationToken,
    /// Events are not sent before this.
    held: Mutex<Option<Instant>>,
}

impl Post {
    /// Without couriers.
    pub(crate) fn new(terms: Terms, ledger: Ledger, links: Links, key: SigningKey) -> Arc<Self> {
        Arc::new(Self {
            terms,
            ledger,
            links,
            key,
            routes: Mutex::default(),
            waiting: Mutex::default(),
            tasks: TaskTracker::new(),
            draining: CancellationToken::new(),
            closing: CancellationToken::new(),
        })
    }

    /// Signs as the party.
    pub(crate) const fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Sends couriers for the sessions of an outbox that was there before.
    pub(crate) async fn recover(self: &Arc<Self>) -> Result<(), Fault> {
        let ids = self.unfinished().await?;
        ids.into_iter().for_each(|id| drop(self.route(id, true)));
        Ok(())
    }

    /// Something is to be carried for the session.
    pub(crate) fn wake(self: &Arc<Self>, session: SessionId) {
        self.route(session, false).wake.notify_one();
    }

    /// The same for the result of a call that this side knows from telemetry alone: the other
    /// side's telemetry is on its way too, and a result before its call would look like a breach.
    pub(crate) fn wake_after_grace(self: &Arc<Self>, session: SessionId) {
        let route = self.route(session, false);
        let until = Instant::now().checked_add(self.terms.grace);
        *route.held.lock().unwrap_or_else(PoisonError::into_inner) = until;
        route.wake.notify_one();
    }

    /// Cancelled when the session is terminated.
    pub(crate) fn ended(self: &Arc<Self>, session: SessionId) -> CancellationToken {
        self.route(session, false).ended.clone()
    }

    /// The judgement of an event that is not sent yet. Call it from a job of the ledger that
    /// writes the event: no courier sees the event before.
    pub(crate) fn await_judgement(&self, event: EventHash) -> watch::Receiver<Option<Judged>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.entry(event).or_insert_with(|| watch::channel(None).0).subscribe()
    }

    /// Nobody waits for it any more.
    pub(crate) fn forget_judgement(&self, event: &EventHash) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(event);
    }

    /// The monitor says that a session is terminated.
    pub(crate) async fn terminated(self: &Arc<Self>, session: SessionId) {
        let closing = Record::Closing { session, reason: Ending::Terminated };
        let job = move |pen: &mut Pen| {
            let known = pen.book().session(&session);
            let open = known.is_ok_and(|s| s.standing().closing.is_none());
            if open { pen.note(&[closing]).is_ok() } else { false }
        };
        if self.ledger.run(job).await.unwrap_or(false) {
            self.ended(session).cancel();
            self.wake(session);
        }
    }

    /// Takes nothing new, closes every session with its counts, and returns when the monitor has
    /// them or `patience` ends; whether it has.
    pub(crate) async fn drain(self: &Arc<Self>, patience: Duration) -> bool {
        self.draining.cancel();
        let ids = self.unfinished().await.unwrap_or_default();
        for session in ids {
            let closing = Record::Closing { session, reason: Ending::Silent };
            let job = move |pen: &mut Pen| {
                let known = pen.book().session(&session);
                let open = known.is_ok_and(|s| s.standing().closing.is_none());
                if open { pen.write(&[closing]) } else { Ok(()) }
            };
            if self.ledger.run(job).await.is_ok() {
                self.wake(session);
            }
        }
        self.tasks.close();
        let done = timeout(patience, self.tasks.wait()).await.is_ok();
        self.closing.cancel();
        done
    }

    async fn unfinished(&self) -> Result<Vec<SessionId>, Fault> {
        self.ledger.run(|pen| pen.book().unfinished().map(|(id, _)| *id).collect()).await
    }

    fn route(self: &Arc<Self>, session: SessionId, recovered: bool) -> Arc<Route> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let known = routes.entry(session).or_insert_with(|| {
            let route = Arc::new(Route {
                wake: Notify::new(),
                ended: CancellationToken::new(),
                held: Mutex::default(),
            });
            let (post, own) = (Arc::clone(self), Arc::clone(&route));
            let progress = Progress { tried: recovered, ..Progress::default() };
            let carry = async move {
                let closing = post.closing.clone();
                closing.run_until_cancelled(post.carry(session, &own, progress)).await;
                post.routes.lock().unwrap_or_else(PoisonError::into_inner).remove(&session);
            };
            drop(self.tasks.spawn(carry));
            route
        });
        Arc::clone(known)
    }

    /// Carries the steps of one session until it is done.
    async fn carry(self: &Arc<Self>, id: SessionId, route: &Route, mut progress: Progress) {
        let mut links = self.links.clone();
        let mut number = None;
        let (mut pause, mut counted, mut said) = (SHORTEST, Instant::now(), Instant::now());
        let (mut troubled, begun) = (Trouble::default(), Instant::now());
        loop {
            let Some(link) = links.up().await else { return };
            if number != Some(link.number) {
                (number, progress.resumed) = (Some(link.number), false);
            }
            let peer = link.peer;
            let job = move |pen: &mut Pen| {
                let next = step(pen.book(), &id, &peer, progress);
                if matches!(next, Step::Count(_)) {
                    // What is counted must not be less after a crash.
                    pen.settle_notes();
                }
                next
            };
            let Ok(next) = self.ledger.run(job).await else { return };
            let Some(request) = next.request(&self.key) else {
                if next == Step::Done {
                    return self.forget(id).await;
                }
                let until_counts = self.terms.count_every.saturating_sub(counted.elapsed());
                let until_idle = self.terms.idle.saturating_sub(said.elapsed());
                tokio::select! {
                    () = route.wake.notified() => said = Instant::now(),
                    () = link.broken.cancelled() => {}
                    () = sleep(until_counts) => {
                        (progress.due, counted) = (said > counted, Instant::now());
                    }
                    () = sleep(until_idle) => self.silent(id).await,
                }
                continue;
            };
            if matches!(next, Step::Send { .. }) {
                self.hold(route).await;
            }
            let wait = self.wait_of(&next);
            progress.tried |= matches!(next, Step::Open(_));
            let Ok(reply) = link.ask(&request, wait).await else {
                sleep(pause).await;
                pause = pause.saturating_mul(2).min(LONGEST);
                continue;
            };
            let (asked, so_far) = (next.clone(), progress);
            let job = move |pen: &mut Pen| {
                let meaning = meaning(pen.book(), &id, (&asked, so_far), &reply, &peer);
                let written = pen.note(&meaning.records);
                if meaning.settled {
                    pen.settle(&id);
                }
                written.map(|()| meaning)
            };
            let Ok(Ok(meaning)) = self.ledger.run(job).await else { return };
            progress = progress.after(&next, &meaning);
            if troubled.is_new(&meaning) {
                output::trouble(meaning.trouble.as_deref().unwrap_or_default(), &id);
            }
            self.judged(&id, route, &link, &next, &meaning);
            let unknown = meaning.trouble.as_deref() == Some("session-unknown");
            if meaning.again && unknown && begun.elapsed() > JOIN_PATIENCE {
                return self.abandon(id).await;
            }
            if meaning.again {
                sleep(pause).await;
                pause = pause.saturating_mul(2).min(LONGEST);
            } else {
                pause = SHORTEST;
            }
        }
    }

    /// Waits while the session's events are held back.
    async fn hold(&self, route: &Route) {
        let until = *route.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = until {
            self.draining.run_until_cancelled(sleep_until(until)).await;
        }
    }

    /// Decisions are asked for where somebody waits for one.
    fn wait_of(&self, next: &Step) -> Option<Duration> {
        let Step::Send { hash, .. } = next else { return None };
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        (self.terms.enforced && waiting.contains_key(hash)).then_some(Duration::ZERO)
    }

    /// Tells who waits for it.
    fn judged(
        self: &Arc<Self>,
        id: &SessionId,
        route: &Route,
        link: &Arc<Link>,
        asked: &Step,
        meaning: &Meaning,
    ) {
        if let Some(judged) = &meaning.judged
            && self.tell(judged)
            && judged.enforced
            && judged.action == Action::Pause
            && let Step::Send { bytes, .. } = asked
        {
            let (post, link, bytes) = (Arc::clone(self), Arc::clone(link), bytes.clone());
            let (id, judged) = (*id, judged.clone());
            drop(tokio::spawn(async move { post.await_overseer(id, link, bytes, judged).await }));
        }
        let ends =
            |record: &Record| matches!(record, Record::Closing { reason: Ending::Terminated, .. });
        if meaning.records.iter().any(ends) {
            // After its own verdict was told: everybody else hears that it is over.
            route.ended.cancel();
        }
    }

    /// Whether anybody waited.
    fn tell(&self, judged: &Judged) -> bool {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.get(&judged.event).is_some_and(|who| who.send(Some(judged.clone())).is_ok())
    }

    /// Asks again for the decision on a paused call until there is one, or nobody can give one.
    async fn await_overseer(
        self: Arc<Self>,
        id: SessionId,
        first: Arc<Link>,
        event: Vec<u8>,
        mut judged: Judged,
    ) {
        let (mut links, mut link) = (self.links.clone(), first);
        let ended = self.ended(id);
        let request = Request::Event { event: event.clone() };
        let patience = self.terms.approval.saturating_add(GRACE);
        let asking = async {
            loop {
                let reply = link.ask(&request, Some(OVERSEER_WAIT)).await;
                let asked = Step::Send { seq: 0, hash: judged.event, bytes: Vec::new() };
                if let Ok(reply) = reply {
                    let peer = link.peer;
                    let job = move |pen: &mut Pen| {
                        meaning(pen.book(), &id, (&asked, Progress::default()), &reply, &peer)
                    };
                    let Ok(meaning) = self.ledger.run(job).await else { return None };
                    match meaning.judged {
                        Some(now) if now.action != Action::Pause => return Some(now),
                        Some(_) | None => {}
                    }
                }
                sleep(AGAIN).await;
                link = links.up().await?;
            }
        };
        let decided = tokio::select! {
            decided = timeout(patience, asking) => decided.ok().flatten(),
            () = ended.cancelled() => None,
        };
        judged = decided.unwrap_or_else(|| Judged {
            action: if ended.is_cancelled() { Action::Terminate } else { Action::Deny },
            ..judged
        });
        self.tell(&judged);
        // Who comes late for it asks as for a new call.
        sleep(GRACE).await;
        self.forget_judgement(&judged.event);
    }

    /// Nothing is left to carry, not even counts.
    async fn forget(&self, session: SessionId) {
        let job = move |pen: &mut Pen| {
            let known = pen.book().session(&session);
            let open = known.is_ok_and(|s| !s.standing().closed);
            if open { pen.note(&[Record::Closed { session }]) } else { Ok(()) }
        };
        drop(self.ledger.run(job).await);
    }

    /// The counterparty never opened it: what was said in it has no place.
    async fn abandon(&self, session: SessionId) {
        let gone = Record::Closing { session, reason: Ending::Gone };
        let job = move |pen: &mut Pen| pen.write(&[gone, Record::Closed { session }]);
        drop(self.ledger.run(job).await);
    }

    /// Nothing was said for long.
    async fn silent(&self, session: SessionId) {
        let job =
            move |pen: &mut Pen| pen.write(&[Record::Closing { session, reason: Ending::Silent }]);
        // A fault of the outbox shows at the next step.
        drop(self.ledger.run(job).await);
    }
}

/// Is this ticket the monitor's leave for this event?
pub(crate) fn good(ticket: &Ticket, session: SessionId, event: EventHash, link: &Link) -> bool {
    let peer = link.peer;
    ticket.session == session
        && ticket.call == event
        && ticket.boot == peer.boot
        && ticket.verify(&peer.certificate.key).is_ok()
}

/// The same trouble is told once, not at every attempt.
#[derive(Default)]
struct Trouble(Option<String>);

impl Trouble {
    fn is_new(&mut self, meaning: &Meaning) -> bool {
        let new = meaning.trouble.is_some() && meaning.trouble != self.0;
        self.0.clone_from(&meaning.trouble);
        new
    }
}

const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(30);
/// How long one question about a paused call may stay open.
const OVERSEER_WAIT: Duration = Duration::from_secs(20);
const AGAIN: Duration = Duration::from_millis(500);
/// How long a provider's connector waits for the initiator's to open a session.
const JOIN_PATIENCE: Duration = Duration::from_secs(3600);
const GRACE: Duration = Duration::from_secs(5);
