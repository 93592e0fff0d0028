//! Events: batches, each line with an answer of its own, and calls that ask before they run.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use channel::forms::decision::wait_of;
use channel::forms::request::session_of;
use channel::forms::{
    Decision, FormError, JSON, MAX_BODY_BYTES, NDJSON, Operation, batch_lines, from_http, to_json,
};
use futures_util::stream::{self, StreamExt};
use http::HeaderValue;
use messages::event::SignedEvent;
use messages::ids::SessionId;
use messages::reply::{Action, Reply, Request};
use pact::OnDeadline;
use tokio::time::{Duration, Instant, sleep, timeout, timeout_at};

use super::desk::Desk;
use super::intake::{Refusal, busy, bytes_of};
use super::problems::{DECISION_LATE, MONITOR_BUSY, SHARE_USED_UP, problem};
use super::routes::{Admitted, Api, Parts};
use super::shares::Seat;

/// Takes the events of a batch in their order and answers each on a line of its own. Nothing stops
/// at a refusal: whoever sends a chain with a hole in it is told so for every event behind it.
///
/// Answers go out as they come, and the next events are asked for while the answers are read: a
/// sender that does not read is not served further.
pub(super) fn batch<D: Desk>(
    api: &Arc<Api<D>>,
    admitted: Admitted,
    body: &Bytes,
) -> Result<Response, Refusal> {
    let (_, parameter) =
        Operation::find(admitted.parts.uri.path()).ok_or(FormError::PathUnknown)?;
    let session = channel::forms::encoding::Hex::parse(parameter.unwrap_or(""));
    let session = session.map(|hex| SessionId(hex.0)).ok_or(FormError::Malformed)?;
    let lines: Vec<Bytes> = batch_lines(body)?.into_iter().map(|l| body.slice_ref(l)).collect();
    let Admitted { caller, seat, .. } = admitted;
    let (seat, patience) = (Arc::new(seat), api.limits.patience);
    let asking = Arc::clone(api);
    let answers = stream::iter(lines)
        // One after the other: this is where the order of the batch becomes the order of the
        // queue, and an event that waits for its share holds back those behind it.
        .then(move |line| {
            let (api, seat, caller) = (Arc::clone(&asking), Arc::clone(&seat), caller.clone());
            async move {
                hold_back(&seat, patience).await?;
                let request = within(session, &line)?;
                Ok(api.desk.submit(request, caller, None).await)
            }
        })
        .map(|submitted: Result<_, &'static str>| async move {
            let reply = match submitted {
                Ok(promise) => promise.kept().await,
                Err(code) => Reply::Error { code: code.into() },
            };
            let mut answer = to_json(&reply, &problem);
            answer.push(b'\n');
            Parts::Ok(answer.into())
        })
        .buffered(AT_ONCE);
    Ok(bytes_of(NDJSON, Body::from_stream(answers)))
}

/// Waits for room in the caller's share: a sender that is too fast is slowed down first.
async fn hold_back(seat: &Seat, mut patience: Duration) -> Result<(), &'static str> {
    loop {
        let Err(used_up) = seat.charge(Instant::now()) else { return Ok(()) };
        patience = patience.checked_sub(used_up.0).ok_or(SHARE_USED_UP)?;
        sleep(used_up.0).await;
    }
}

fn within(session: SessionId, line: &Bytes) -> Result<Request, &'static str> {
    match session_of(line) {
        Ok(named) if named == session => Ok(Request::Event { event: line.to_vec() }),
        Ok(_) => Err(FormError::OtherSession.code()),
        Err(error) => Err(error.code()),
    }
}

/// Decides on one call. The pact's deadline runs from here; what the pact says follows when it is
/// reached. A pause is answered at once, or when the overseer has decided, as the caller prefers.
pub(super) async fn decide<D: Desk>(
    api: &Arc<Api<D>>,
    admitted: &Admitted,
    body: Body,
) -> Result<Response, Refusal> {
    let body = admitted.read(body, MAX_BODY_BYTES, &api.limits).await?;
    let started = Instant::now();
    let method = admitted.operation.method();
    let request = from_http(&method, admitted.target(), admitted.content_type(), &body)?;
    let session = session_of(&body)?;
    let terms = timeout(UNKNOWN_DEADLINE, api.desk.deadline(session)).await.ok().flatten();
    let (span, clause) = terms.unwrap_or((UNKNOWN_DEADLINE, OnDeadline::Closed));
    let deadline = started.checked_add(span).ok_or_else(busy)?;
    let preferred = admitted.parts.headers.get_all("prefer").iter();
    let wait = preferred.filter_map(|value| value.to_str().ok()).find_map(wait_of);

    let decision = match ask_until(api, admitted, request, deadline).await {
        None => match clause {
            OnDeadline::Closed => Decision::DeadlineClosed,
            OnDeadline::Open => Decision::DeadlineOpen,
        },
        Some(Reply::Error { code }) => return Err(Refusal::new(&code)),
        Some(reply) => Decision::Answered(Box::new(match wait {
            Some(wait) => overseen(api, reply, &body, wait).await,
            None => reply,
        })),
    };
    let mut response = bytes_of(JSON, decision.to_json(&problem)).into_response();
    if let Some(wait) = wait {
        let applied = format!("wait={}", wait.as_secs());
        if let Ok(applied) = HeaderValue::from_str(&applied) {
            response.headers_mut().insert("preference-applied", applied);
        }
    }
    Ok(response)
}

/// Asks until there is an answer or the deadline is reached; a full queue is asked again.
async fn ask_until<D: Desk>(
    api: &Api<D>,
    admitted: &Admitted,
    request: Request,
    deadline: Instant,
) -> Option<Reply> {
    loop {
        let asked =
            api.desk.ask(request.clone(), admitted.caller.clone(), Some(deadline.into_std()));
        match timeout_at(deadline, asked).await.ok()? {
            Reply::Error { code } if code == DECISION_LATE => return None,
            Reply::Error { code } if code == MONITOR_BUSY => {
                timeout_at(deadline, sleep(A_MOMENT)).await.ok()?;
            }
            reply => return Some(reply),
        }
    }
}

/// A paused call's answer, once its overseer has decided; the pause itself when that takes longer
/// than the caller waits.
async fn overseen<D: Desk>(api: &Api<D>, reply: Reply, call: &[u8], wait: Duration) -> Reply {
    let Reply::Verdict { action: Action::Pause, receipt, .. } = &reply else { return reply };
    // The receipt's head may be a later event of the party: the call is named by its own bytes.
    let Ok(call) = SignedEvent::parse(call) else { return reply };
    let decided = api.desk.decided(receipt.session, call.hash());
    timeout(wait, decided).await.ok().flatten().unwrap_or(reply)
}

/// Events of one batch that the desk holds at one time.
const AT_ONCE: usize = 256;
/// Deadline of a session that nobody knows: its event is refused, in time.
const UNKNOWN_DEADLINE: Duration = Duration::from_secs(2);
const A_MOMENT: Duration = Duration::from_millis(5);
