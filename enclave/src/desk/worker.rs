//! The thread: requests in turn, a group at a time. Whatever arrived while the last group became
//! durable is the next group, so groups grow with the load by themselves.
//!
//! Nothing is answered before its group is durable. What only reads is answered after that, so no
//! checkpoint is ever signed over a leaf that a crash could take back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use messages::event::Party;
use messages::ids::SessionId;
use messages::reply::Request;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{Notify, mpsc};

use super::followers::Followers;
use super::promise::Said;
use super::{Asked, Named, Question, SessionTerms, Terms, Work};
use crate::audit;
use crate::clock::counter;
use crate::metrics::Metrics;
use crate::pipeline::{Decided, GROUP_BYTES, Pipeline, Refused, refused};
use crate::store::{StoreError, crash_point};

/// The thread, and how it ended.
pub(super) type Thread = std::thread::JoinHandle<Result<(), StoreError>>;

/// What the thread holds.
pub(super) struct Worker {
    pub(super) pipeline: Pipeline,
    pub(super) metrics: Metrics,
    pub(super) followers: Followers,
    pub(super) ready: Arc<AtomicBool>,
    pub(super) terms: Terms,
    pub(super) named: Named,
    pub(super) decided: Arc<Notify>,
}

impl Worker {
    /// Serves until every `Desk` is gone; then everything is durable.
    pub(super) fn run(mut self, mut asked: mpsc::Receiver<Asked>) -> Result<(), StoreError> {
        let mut group = Vec::with_capacity(GROUP);
        while asked.blocking_recv_many(&mut group, GROUP) > 0 {
            self.serve(&mut group, &mut asked).inspect_err(|_| {
                self.ready.store(false, Ordering::Relaxed);
                audit::line(audit::Line::StoreFailed);
            })?;
        }
        self.pipeline.end()
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
                answer.tell(Decided::Reply(refused(Refused("decision-late"))));
                continue;
            }
            match work {
                Work::Request(request) if reads(&request) => {
                    later.push((request, caller, answer));
                }
                // What is said is signed while its record becomes durable, and told after that.
                Work::Request(request) => {
                    taken.push(answer.say(self.pipeline.take(request, &caller)));
                }
                Work::Event(arrived, bytes) => {
                    taken.push(answer.say(self.pipeline.take_event(arrived, &bytes)));
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
        if self.pipeline.clock.has_lapsed_since() {
            // A disk that was slow, or a machine that stood still: another boot may be live by now.
            // Nothing of this group leaves, and who waits asks again.
            if self.pipeline.clock.sense().lapsed {
                audit::line(audit::Line::LeaseEnded);
            }
            drop(taken);
            self.pipeline.outbox.clear();
        } else {
            taken.into_iter().for_each(Said::let_out);
        }
        self.note();
        let outbox = core::mem::take(&mut self.pipeline.outbox);
        if !outbox.is_empty() {
            self.decided.notify_waiters();
        }
        for (readers, notice) in outbox {
            self.followers.tell(&readers, &Arc::new(notice));
        }
        for (request, caller, answer) in later.into_iter().filter(|(_, _, a)| !a.is_moot()) {
            answer.tell(self.pipeline.answer(&request, &caller));
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

    /// Notes what the interface may know without asking.
    pub(super) fn note(&mut self) {
        self.note_named();
        self.note_terms();
    }

    /// Notes whom new pacts name.
    fn note_named(&mut self) {
        let registered = core::mem::take(&mut self.pipeline.registered);
        if registered.is_empty() {
            return;
        }
        let mut named = self.named.write().unwrap_or_else(PoisonError::into_inner);
        for compiled in registered.iter().filter_map(|r| self.pipeline.state.monitor.compiled(r)) {
            named.extend([compiled.initiator().clone(), compiled.provider().clone()]);
        }
    }

    /// Notes the terms of sessions that opened, and forgets those of many that ended.
    fn note_terms(&mut self) {
        let monitor = &self.pipeline.state.monitor;
        let opened = core::mem::take(&mut self.pipeline.opened);
        if opened.is_empty() {
            return;
        }
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
                                let full = refused(Refused("journal-disk-full"));
                                question.answer.tell(Decided::Reply(full));
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

/// Does this request change nothing?
const fn reads(request: &Request) -> bool {
    matches!(
        request,
        Request::Attest { .. }
            | Request::Include { .. }
            | Request::Consistency { .. }
            | Request::Inbox
            | Request::Chain { .. }
            | Request::Disclose { .. }
            | Request::Openings { .. }
            | Request::Release { .. }
            | Request::Undealt
            | Request::Hold { .. }
    )
}

const GROUP: usize = 1024;
const FORGOTTEN: usize = 1024;
const DISK_PAUSE: Duration = Duration::from_millis(250);
