//! The desk: what the gateway's protocols bring becomes signed events, and verdicts become their
//! answers. Nothing is answered before it is durable.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gateway::{Body as Seen, Captured, Decision, DeskError, Intended, Observation, Redemption};
use messages::event::{Body, Content, Party, Role};
use messages::ids::{EventHash, SessionId};
use messages::reply::Action;
use pact::OnDeadline;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::anchors::now;
use crate::connect::courier::Judged;
use crate::connect::ledger::Pen;
use crate::connect::post::{Post, good};
use crate::connect::record::Record;
use crate::connect::session::SessionError;
use crate::connect::tickets::{Arrived, Passage, TicketError, redeem};
use crate::output;

/// The gateway's view of one connector.
#[derive(Clone)]
pub(crate) struct Desk {
    post: Arc<Post>,
    /// Calls that wait for an overseer, by conversation and the client's own name.
    paused: Arc<Mutex<BTreeMap<(String, String), Waiting>>>,
    stop: CancellationToken,
}

/// A call that was said and is not yet answered.
#[derive(Clone)]
struct Waiting {
    session: SessionId,
    event: EventHash,
    passage: Passage,
    name: String,
    args: BTreeMap<String, Value>,
    judgement: watch::Receiver<Option<Judged>>,
}

impl Desk {
    /// A desk over `post`, which closes when `stop` is cancelled.
    pub(crate) fn new(post: Arc<Post>, stop: CancellationToken) -> Self {
        Self { post, paused: Arc::default(), stop }
    }

    /// Slows whoever comes while the monitor lags behind; refuses when there is no room.
    async fn room(&self, more: usize) -> Result<(), DeskError> {
        if self.stop.is_cancelled() {
            return Err(DeskError::Closed);
        }
        let pending = self.post.ledger.run(|pen| pen.book().pending_bytes()).await;
        let pending = pending.map_err(|_| DeskError::Closed)?.saturating_add(more);
        let capacity = self.post.terms.capacity;
        if pending > capacity {
            return Err(FULL);
        }
        if pending > capacity.saturating_sub(capacity.checked_div(4).unwrap_or(0)) {
            sleep(SLOWED).await;
        }
        Ok(())
    }

    /// Writes the call and returns what waits for its judgement.
    async fn intend(&self, call: Intended) -> Result<Waiting, DeskError> {
        self.room(size(&call.args)).await?;
        let post = Arc::clone(&self.post);
        let job = move |pen: &mut Pen| -> Result<Waiting, DeskError> {
            let Intended { conversation, call: alias, name, args, ticket: _, via } = call;
            let session = place(pen, &post, &conversation)?;
            let seq = pen.book().session(&session).map_err(refused)?.next();
            let id = format!("{alias}~{seq}");
            let body = Body::Call {
                call: id.clone(),
                name: name.clone(),
                args: args.clone(),
                via: via.clone(),
            };
            let way = (Role::Initiator, Role::Provider);
            let (event, bytes) = pen.book().say(session, way, body, post.key()).map_err(refused)?;
            let (hash, prev) = (event.hash(), event.unverified().prev);
            let pact = event.unverified().pact;
            // Before the record, so that no courier carries it unawaited.
            let judgement = post.await_judgement(hash);
            let said = Record::Said { session, event: bytes, source: None, alias: Some(alias) };
            let delivered = Record::Delivered { session };
            // Where nothing is stopped the call goes out with this answer.
            let records: &[Record] = if post.terms.enforced { &[said] } else { &[said, delivered] };
            if pen.write(records).is_err() {
                post.forget_judgement(&hash);
                return Err(FULL);
            }
            let passage = Passage { session, seq, prev, call: id, ticket: None, via, pact };
            Ok(Waiting { session, event: hash, passage, name, args, judgement })
        };
        let waiting = self.post.ledger.run(job).await.map_err(|_| DeskError::Closed)??;
        self.post.wake(waiting.session);
        Ok(waiting)
    }

    /// Waits for the verdict, at most to the pact's deadline.
    async fn verdict(&self, key: (String, String), waiting: Waiting) -> Decision {
        let ended = self.post.ended(waiting.session);
        let mut judgement = waiting.judgement.clone();
        let deadline = self.post.terms.deadline;
        let heard = tokio::select! {
            biased;
            heard = timeout(deadline, judgement.wait_for(Option::is_some)) => {
                heard.ok().and_then(|h| h.ok().and_then(|j| j.clone()))
            }
            () = ended.cancelled() => return terminated(),
        };
        match heard {
            None => {
                self.post.forget_judgement(&waiting.event);
                match self.post.terms.on_deadline {
                    OnDeadline::Closed => Decision::Deny { rule: "deadline".into() },
                    OnDeadline::Open => {
                        output::trouble("deadline-open", &waiting.session);
                        self.let_out(waiting.passage).await
                    }
                }
            }
            Some(judged) if judged.action == Action::Pause && judged.enforced => {
                self.keep_paused(key, waiting.clone());
                self.overseen(waiting, &ended).await
            }
            Some(judged) => {
                self.post.forget_judgement(&waiting.event);
                self.answer(judged, waiting).await
            }
        }
    }

    /// Waits a while for the overseer's decision on a paused call.
    async fn overseen(&self, waiting: Waiting, ended: &CancellationToken) -> Decision {
        let mut judgement = waiting.judgement.clone();
        let decided = |j: &Option<Judged>| j.as_ref().is_some_and(|j| j.action != Action::Pause);
        let heard = tokio::select! {
            biased;
            heard = timeout(PAUSE_ANSWER, judgement.wait_for(decided)) => {
                heard.map(|h| h.ok().and_then(|j| j.clone()))
            }
            () = ended.cancelled() => return terminated(),
        };
        match heard {
            Ok(Some(judged)) => self.answer(judged, waiting).await,
            // Nobody will decide any more.
            Ok(None) => Decision::Deny { rule: "approval-timeout".into() },
            Err(_) => {
                let rule = waiting.judgement.borrow().as_ref().map(|j| j.rule.clone());
                Decision::Pause { rule: rule.unwrap_or_default(), retry_after: PAUSE_RETRY }
            }
        }
    }

    async fn answer(&self, judged: Judged, waiting: Waiting) -> Decision {
        let Judged { action, rule, ticket, enforced, .. } = judged;
        match action {
            _ if !enforced => self.let_out(waiting.passage).await,
            Action::Allow | Action::Alert => {
                let link = self.post.links.last();
                let ticket = ticket.filter(|ticket| {
                    link.is_some_and(|link| good(ticket, waiting.session, waiting.event, &link))
                });
                match ticket {
                    None => Decision::Deny { rule: "ticket-missing".into() },
                    ticket => self.let_out(Passage { ticket, ..waiting.passage }).await,
                }
            }
            Action::Pause | Action::Deny => Decision::Deny { rule },
            Action::Terminate => Decision::Terminate { rule },
        }
    }

    /// The call goes to the counterparty with this answer.
    async fn let_out(&self, passage: Passage) -> Decision {
        let session = passage.session;
        if self.post.terms.enforced {
            let note = move |pen: &mut Pen| pen.note(&[Record::Delivered { session }]);
            if !matches!(self.post.ledger.run(note).await, Ok(Ok(()))) {
                return Decision::Deny { rule: "outbox-stopped".into() };
            }
        }
        Decision::Allow { ticket: Some(passage.to_text()) }
    }

    fn keep_paused(&self, key: (String, String), waiting: Waiting) {
        let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        // Whose judgement has no sender any more is decided or late.
        paused.retain(|_, other| other.judgement.has_changed().is_ok());
        paused.insert(key, waiting);
    }

    /// The same call asked again while it waits for an overseer.
    fn asked_again(&self, key: &(String, String), call: &Intended) -> Option<Waiting> {
        let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        paused.retain(|_, other| other.judgement.has_changed().is_ok());
        let known = paused.get(key)?;
        (known.name == call.name && known.args == call.args).then(|| known.clone())
    }

    async fn take(&self, passage: Passage, call: Intended) -> Result<Redemption, DeskError> {
        let peer = if self.post.terms.enforced {
            match self.post.links.last() {
                Some(link) => Some(link.peer),
                None => return Err(UNREACHABLE),
            }
        } else {
            None
        };
        // The pact lets calls run when there is no monitor to ask; the initiator's side had none.
        let open = self.post.terms.on_deadline == OnDeadline::Open
            && passage.ticket.is_none()
            && self.post.links.now().is_none();
        let peer = peer.filter(|_| !open);
        let session = passage.session;
        let job = move |pen: &mut Pen| -> Result<Redemption, DeskError> {
            let arrived = Arrived {
                conversation: &call.conversation,
                alias: &call.call,
                name: &call.name,
                args: &call.args,
            };
            match redeem(pen.book(), &passage, &arrived, peer.as_ref(), now()) {
                Ok(records) => pen.write(&records).map(|()| Redemption::Redeemed).map_err(|_| FULL),
                Err(error) => {
                    output::trouble(error.code(), &passage.session);
                    Ok(Redemption::Refused)
                }
            }
        };
        let taken = self.post.ledger.run(job).await.map_err(|_| DeskError::Closed)??;
        if taken == Redemption::Redeemed {
            self.post.wake(session);
        }
        Ok(taken)
    }
}

impl gateway::Desk for Desk {
    async fn observe(&self, seen: Observation) -> Result<(), DeskError> {
        if seen.from.reporter() != self.post.terms.party {
            // The counterparty's own connector reports it, under its own signature.
            return Ok(());
        }
        let body = event_body(seen.body);
        self.room(content_size(&body)).await?;
        let (post, way) = (Arc::clone(&self.post), (seen.from, seen.to));
        let (conversation, source) = (seen.conversation, seen.source);
        let job = move |pen: &mut Pen| -> Result<Option<(SessionId, bool)>, DeskError> {
            let source = source.map(|source| source.0);
            if source.is_some_and(|source| pen.book().told(&source)) {
                return Ok(None);
            }
            let session = place(pen, &post, &conversation)?;
            let mut early = false;
            let body = match (body, pen.book().session(&session)) {
                // Decided before it ran, so it is reported already.
                (Body::Call { call, .. }, Ok(known)) if known.call(&call).is_some() => {
                    return Ok(None);
                }
                (Body::Result { call, status, content, latency_us }, Ok(known)) => {
                    let named = known.call(&call).map(Into::into);
                    early = named.is_none();
                    let call = named.unwrap_or(call);
                    Body::Result { call, status, content, latency_us }
                }
                (body, _) => body,
            };
            let (_, event) = pen.book().say(session, way, body, post.key()).map_err(refused)?;
            let said = Record::Said { session, event, source, alias: None };
            pen.write(&[said]).map_err(|_| FULL)?;
            Ok(Some((session, early)))
        };
        let said = self.post.ledger.run(job).await.map_err(|_| DeskError::Closed)??;
        match said {
            Some((session, true)) => self.post.wake_after_grace(session),
            Some((session, false)) => self.post.wake(session),
            None => {}
        }
        Ok(())
    }

    async fn decide(&self, call: Intended) -> Result<Decision, DeskError> {
        if self.post.terms.party == Party::Provider {
            let Some(ticket) = call.ticket.clone() else {
                return Ok(Decision::Deny { rule: TicketError::Missing.code().into() });
            };
            return Ok(match self.redeem(ticket, call).await? {
                Redemption::Redeemed => Decision::Allow { ticket: None },
                Redemption::Refused => Decision::Deny { rule: "ticket-refused".into() },
            });
        }
        let key = (call.conversation.clone(), call.call.clone());
        if let Some(waiting) = self.asked_again(&key, &call) {
            let ended = self.post.ended(waiting.session);
            return Ok(self.overseen(waiting, &ended).await);
        }
        let waiting = match self.intend(call).await {
            Ok(waiting) => waiting,
            Err(DeskError::NoSession) => return Ok(terminated()),
            Err(error) => return Err(error),
        };
        if self.post.terms.enforced {
            return Ok(self.verdict(key, waiting).await);
        }
        self.post.forget_judgement(&waiting.event);
        Ok(self.let_out(waiting.passage).await)
    }

    async fn redeem(&self, ticket: String, call: Intended) -> Result<Redemption, DeskError> {
        if self.stop.is_cancelled() {
            return Err(DeskError::Closed);
        }
        if self.post.terms.party == Party::Initiator {
            return Ok(Redemption::Refused);
        }
        match Passage::parse(&ticket) {
            Ok(passage) => self.take(passage, call).await,
            Err(_) => Ok(Redemption::Refused),
        }
    }
}

/// The conversation's session, begun if need be.
fn place(pen: &mut Pen, post: &Post, conversation: &str) -> Result<SessionId, DeskError> {
    match pen.book().place(conversation, post.terms.principal.as_ref()).map_err(refused)? {
        Ok(session) => Ok(session),
        Err(begun) => {
            let session = *begun.session();
            pen.write(&[begun]).map(|()| session).map_err(|_| FULL)
        }
    }
}

fn refused(error: SessionError) -> DeskError {
    match error {
        SessionError::Terminated => DeskError::NoSession,
        SessionError::Unsayable => DeskError::Unfit,
        SessionError::Disputed
        | SessionError::Over
        | SessionError::RolledBack
        | SessionError::Unknown
        | SessionError::Unsettled => UNREACHABLE,
    }
}

fn terminated() -> Decision {
    Decision::Terminate { rule: SessionError::Terminated.code().into() }
}

/// What the log scope, or the sender, kept back stands in the event by its size or hash: an event
/// that calls missing arguments empty would be untrue.
fn event_body(seen: Seen) -> Body {
    match seen {
        Seen::Delegation { to, via, interactions } => Body::Delegation { to, via, interactions },
        Seen::Call { call, name, args, via } => {
            let args = match args {
                Some(args) => args.into_iter().map(|(k, v)| (k, captured(v))).collect(),
                None => BTreeMap::from([(ABSENT.to_owned(), Value::Bool(true))]),
            };
            Body::Call { call, name, args, via }
        }
        Seen::Message { text } => Body::Message {
            text: match captured(text) {
                Value::String(text) => text,
                other => other.to_string(),
            },
        },
        Seen::Result { call, status, content, latency_us } => {
            let content = match content.map(captured) {
                Some(Value::String(text)) => Content::Text(text),
                Some(document) => Content::Document(document),
                None => Content::Document(json!({ ABSENT: true })),
            };
            Body::Result { call, status, content, latency_us }
        }
    }
}

fn captured(value: Captured) -> Value {
    match value {
        Captured::Full(value) => value,
        Captured::Hashed { hash, bytes } => {
            json!({ "cloister:hash": hex::encode(hash), "cloister:bytes": bytes })
        }
        Captured::Sized { bytes } => json!({ "cloister:bytes": bytes }),
    }
}

fn content_size(body: &Body) -> usize {
    match body {
        Body::Call { args, .. } => size(args),
        Body::Delegation { interactions, .. } => interactions.iter().map(String::len).sum(),
        Body::Message { text } => text.len(),
        Body::Result { content: Content::Text(text), .. } => text.len(),
        Body::Result { content: Content::Document(value), .. } => value.to_string().len(),
    }
}

fn size(args: &BTreeMap<String, Value>) -> usize {
    args.iter().fold(0, |sum, (name, value)| {
        sum.saturating_add(name.len()).saturating_add(value.to_string().len())
    })
}

const ABSENT: &str = "cloister:absent";
const FULL: DeskError = DeskError::Full { retry_after: Duration::from_secs(2) };
const UNREACHABLE: DeskError = DeskError::Unreachable { retry_after: Duration::from_secs(1) };
/// How long a sender is held up while the outbox is nearly full.
const SLOWED: Duration = Duration::from_millis(100);
/// How long a paused call's answer waits for the overseer before the client is told to ask again.
const PAUSE_ANSWER: Duration = Duration::from_secs(20);
const PAUSE_RETRY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
