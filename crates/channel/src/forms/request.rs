//! A request as HTTP, both ways. `from_http(to_http(r)) == r` for every request; everything else
//! that a stranger may send is refused by [`FormError`], which quotes nothing.

use http::Method;
use messages::claim::Range;
use messages::codec::Wire;
use messages::coins::Deal;
use messages::custody::{Hold, Unlock};
use messages::ids::{BootId, PactHash, Root, SessionId};
use messages::reply::{Request, Wanted};
use messages::signature::Signature;
use messages::time::Millis;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::body::{
    AdvanceBody, ApproveBody, AttestBody, CosignBody, CountBody, DealBody, HoldBody, IncludeBody,
    OpenBody, OpeningsBody, ProveBody, ReinstateBody, ReleaseBody, ResumeBody, TryBody, UnlockBody,
};
use super::encoding::{Base64, Hex, SecretHex};
use super::operation::Operation;
use super::statement::ModeForm;

/// Media type of one JSON document.
pub const JSON: &str = "application/json";
/// Media type of several, one a line.
pub const NDJSON: &str = "application/x-ndjson";
/// Largest body of one request, bytes.
pub const MAX_BODY_BYTES: usize = 512 * 1024;
/// Largest body of a batch of events, bytes.
pub const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Most events of one batch.
pub const MAX_BATCH_EVENTS: usize = 16 * 1024;

/// A request as it goes over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// Which operation.
    pub operation: Operation,
    /// Its method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// Media type of the body; none without a body.
    pub content_type: Option<&'static str>,
    /// The body; empty for GET.
    pub body: Vec<u8>,
}

/// Why something is no request, in either direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Not the JSON form of this operation, or a parameter is not one.
    #[error("the request is not of the form that the operation takes")]
    Malformed,
    /// A body of another media type.
    #[error("the body is not of a media type that the operation takes")]
    MediaType,
    /// The path is asked with another method.
    #[error("the path does not take this method")]
    MethodUnknown,
    /// Path and body name two sessions.
    #[error("path and body name two different sessions")]
    OtherSession,
    /// No operation has this path.
    #[error("there is no such path")]
    PathUnknown,
    /// Over [`MAX_BODY_BYTES`], [`MAX_BATCH_BYTES`] or [`MAX_BATCH_EVENTS`].
    #[error("the body is larger than the operation takes")]
    TooLarge,
}

impl FormError {
    /// Every variant.
    pub const ALL: &'static [Self] = &[
        Self::Malformed,
        Self::MediaType,
        Self::MethodUnknown,
        Self::OtherSession,
        Self::PathUnknown,
        Self::TooLarge,
    ];

    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "request-malformed",
            Self::MediaType => "request-media-type",
            Self::MethodUnknown => "request-method-unknown",
            Self::OtherSession => "request-other-session",
            Self::PathUnknown => "request-path-unknown",
            Self::TooLarge => "request-too-large",
        }
    }
}

/// The request as HTTP.
///
/// # Errors
/// [`FormError::Malformed`] for an event that names no session: it could not be sent anywhere.
pub fn to_http(request: &Request) -> Result<HttpRequest, FormError> {
    Ok(match request {
        Request::Attest { nonce } => {
            post(Operation::Attest, "", &AttestBody { nonce: Hex(*nonce) })
        }
        Request::Register { pact } => post_bytes(Operation::Register, "", JSON, pact.clone()),
        Request::Open { open, signature } => {
            let body = OpenBody { open: open.into(), signature: Hex(signature.0) };
            post(Operation::Open, "", &body)
        }
        Request::Try { draft, open, parties, mode } => {
            let body = TryBody {
                draft: Base64(draft.clone()),
                open: open.into(),
                parties: parties.clone(),
                mode: mode.map(ModeForm::from),
            };
            post(Operation::Try, "", &body)
        }
        Request::Event { event } => to_event(Operation::Feed, event)?,
        Request::Count { counts, signature } => {
            let body = CountBody { counts: counts.into(), signature: Hex(signature.0) };
            post(Operation::Count, &hex::encode(counts.session.0), &body)
        }
        Request::Approve { approval, signature } => {
            let body = ApproveBody { approval: approval.into(), signature: Hex(signature.0) };
            post(Operation::Approve, "", &body)
        }
        Request::Advance { by } => post(Operation::Advance, "", &AdvanceBody { by_ms: by.0 }),
        Request::Openings { range, requester, signature } => {
            let (range, requester) = (Base64(range.to_cbor()), requester.clone());
            let body = OpeningsBody { range, requester, signature: Hex(signature.0) };
            post(Operation::Openings, "", &body)
        }
        Request::Prove { wanted, requester, signature } => {
            let (wanted, requester) = (Base64(wanted.to_cbor()), requester.clone());
            let body = ProveBody { wanted, requester, signature: Hex(signature.0) };
            post(Operation::Prove, "", &body)
        }
        Request::Release { query, requester, signature } => {
            let (query, requester) = (query.into(), requester.clone());
            let body = ReleaseBody { query, requester, signature: Hex(signature.0) };
            post(Operation::Release, "", &body)
        }
        Request::Include { leaves } => {
            post(Operation::Include, "", &IncludeBody { leaves: leaves.clone() })
        }
        Request::Consistency { old, new } => {
            let new = new.map(|new| format!("&new={new}")).unwrap_or_default();
            get(Operation::Consistency, "", &format!("?old={old}{new}"))
        }
        Request::Resume { resumption, signature } => {
            let body = ResumeBody { resumption: resumption.into(), signature: Hex(signature.0) };
            post(Operation::Resume, &hex::encode(resumption.receipt.session.0), &body)
        }
        Request::Reinstate { reinstatement, signature } => {
            let (reinstatement, signature) = (reinstatement.into(), Hex(signature.0));
            post(Operation::Reinstate, "", &ReinstateBody { reinstatement, signature })
        }
        Request::Inbox => get(Operation::Inbox, "", ""),
        Request::Read { session, from } => {
            get(Operation::Read, &hex::encode(session.0), &format!("?from={from}"))
        }
        Request::Chain { pact } => get(Operation::Chain, &hex::encode(pact.0), ""),
        Request::Disclose { leaf } => get(Operation::Disclose, &leaf.to_string(), ""),
        Request::Undealt => get(Operation::Undealt, "", ""),
        Request::Deal { deal, signature } => {
            let Deal { origin, day, value, size, root } = deal.clone();
            let (value, root, signature) = (Hex(value), Hex(root.0), Hex(signature.0));
            post(Operation::Deal, "", &DealBody { origin, day, value, size, root, signature })
        }
        Request::Hold { hold, signature } => {
            let Hold { boot, custodian } = hold.clone();
            let (boot, signature) = (Hex(boot.0), Hex(signature.0));
            post(Operation::Hold, "", &HoldBody { boot, custodian, signature })
        }
        Request::Unlock { unlock, signature } => {
            let Unlock { boot, custodian, share } = unlock;
            let (boot, custodian) = (Hex(boot.0), custodian.clone());
            let (share, signature) = (SecretHex(share.clone()), Hex(signature.0));
            post(Operation::Unlock, "", &UnlockBody { boot, custodian, share, signature })
        }
        Request::Cosign { note } => post(Operation::Cosign, "", &CosignBody { note: note.clone() }),
    })
}

/// One signed event to [`Operation::Feed`] or [`Operation::Decide`].
///
/// # Errors
/// [`FormError::Malformed`] for bytes that name no session.
pub fn to_event(operation: Operation, event: &[u8]) -> Result<HttpRequest, FormError> {
    let session = hex::encode(session_of(event)?.0);
    Ok(post_bytes(operation, &session, JSON, event.to_vec()))
}

/// Signed events of one session, in order.
///
/// # Errors
/// [`FormError::TooLarge`]; [`FormError::Malformed`] for an event that holds a line break, as no
/// canonical event does.
pub fn to_batch(session: &SessionId, events: &[Vec<u8>]) -> Result<HttpRequest, FormError> {
    if events.iter().any(|event| event.is_empty() || event.contains(&b'\n')) {
        return Err(FormError::Malformed);
    }
    let body = events.join(&b'\n');
    if body.len() > MAX_BATCH_BYTES || events.len() > MAX_BATCH_EVENTS {
        return Err(FormError::TooLarge);
    }
    Ok(post_bytes(Operation::Feed, &hex::encode(session.0), NDJSON, body))
}

/// The events of a batch, empty lines left out.
///
/// # Errors
/// [`FormError::TooLarge`] for more than [`MAX_BATCH_EVENTS`].
pub fn batch_lines(body: &[u8]) -> Result<Vec<&[u8]>, FormError> {
    let ended = |line| <[u8]>::strip_suffix(line, b"\r").unwrap_or(line);
    let lines = body.split(|b| *b == b'\n').map(ended).filter(|line| !line.is_empty());
    let lines: Vec<&[u8]> = lines.take(MAX_BATCH_EVENTS.saturating_add(1)).collect();
    if lines.len() > MAX_BATCH_EVENTS { Err(FormError::TooLarge) } else { Ok(lines) }
}

/// The request that one HTTP request is. Of a batch, of the health checks, of a login, a follower,
/// a tile or unsigned telemetry there is none: [`FormError::MediaType`] for the first,
/// [`FormError::Malformed`] else.
///
/// # Errors
/// [`FormError`].
pub fn from_http(
    method: &Method,
    target: &str,
    content_type: Option<&str>,
    body: &[u8],
) -> Result<Request, FormError> {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
    let (operation, parameter) = Operation::find(path).ok_or(FormError::PathUnknown)?;
    if operation.method() != *method {
        return Err(FormError::MethodUnknown);
    }
    if *method == Method::POST && !is_media_type(content_type, JSON) {
        return Err(FormError::MediaType);
    }
    if body.len() > MAX_BODY_BYTES {
        return Err(FormError::TooLarge);
    }
    let session = || Hex::parse(parameter.unwrap_or("")).map(|hex| SessionId(hex.0));
    Ok(match operation {
        Operation::Attest => {
            let AttestBody { nonce } = json(body)?;
            Request::Attest { nonce: nonce.0 }
        }
        Operation::Register => Request::Register { pact: body.to_vec() },
        Operation::Open => {
            let OpenBody { open, signature } = json(body)?;
            Request::Open { open: open.into(), signature: Signature(signature.0) }
        }
        Operation::Try => {
            let TryBody { draft, open, parties, mode } = json(body)?;
            let (open, mode) = (open.into(), mode.map(Into::into));
            Request::Try { draft: draft.0, open, parties, mode }
        }
        Operation::Decide | Operation::Feed => {
            if Some(session_of(body)?) != session() {
                return Err(FormError::OtherSession);
            }
            Request::Event { event: body.to_vec() }
        }
        Operation::Count => {
            let CountBody { counts, signature } = json(body)?;
            let counts = counts.of(session().ok_or(FormError::Malformed)?);
            Request::Count { counts, signature: Signature(signature.0) }
        }
        Operation::Approve => {
            let ApproveBody { approval, signature } = json(body)?;
            Request::Approve { approval: approval.into(), signature: Signature(signature.0) }
        }
        Operation::Advance => {
            let AdvanceBody { by_ms } = json(body)?;
            Request::Advance { by: Millis(by_ms) }
        }
        Operation::Openings => {
            let OpeningsBody { range, requester, signature } = json(body)?;
            let range = Range::from_cbor(&range.0).map_err(|_| FormError::Malformed)?;
            Request::Openings { range, requester, signature: Signature(signature.0) }
        }
        Operation::Prove => {
            let ProveBody { wanted, requester, signature } = json(body)?;
            let wanted = Wanted::from_cbor(&wanted.0).map_err(|_| FormError::Malformed)?;
            Request::Prove { wanted, requester, signature: Signature(signature.0) }
        }
        Operation::Release => {
            let ReleaseBody { query, requester, signature } = json(body)?;
            let (query, signature) = (query.into(), Signature(signature.0));
            Request::Release { query, requester, signature }
        }
        Operation::Include => {
            let IncludeBody { leaves } = json(body)?;
            Request::Include { leaves }
        }
        Operation::Consistency => {
            let (old, new) = match query.and_then(|query| query.split_once('&')) {
                Some((old, new)) => (Some(old), Some(number_of(Some(new), "new=")?)),
                None => (query, None),
            };
            Request::Consistency { old: number_of(old, "old=")?, new }
        }
        Operation::Checkpoint | Operation::CheckpointOfTiles => {
            Request::Include { leaves: Vec::new() }
        }
        Operation::Resume => {
            let ResumeBody { resumption, signature } = json(body)?;
            if session() != Some(SessionId(resumption.receipt.session.0)) {
                return Err(FormError::OtherSession);
            }
            let (resumption, signature) = (resumption.into(), Signature(signature.0));
            Request::Resume { resumption, signature }
        }
        Operation::Reinstate => {
            let ReinstateBody { reinstatement, signature } = json(body)?;
            let (reinstatement, signature) = (reinstatement.into(), Signature(signature.0));
            Request::Reinstate { reinstatement, signature }
        }
        Operation::Inbox => Request::Inbox,
        Operation::Read => {
            let session = session().ok_or(FormError::Malformed)?;
            let from = if query.is_some() { number_of(query, "from=")? } else { 0 };
            Request::Read { session, from }
        }
        Operation::Chain => {
            let pact = Hex::parse(parameter.unwrap_or("")).ok_or(FormError::Malformed)?;
            Request::Chain { pact: PactHash(pact.0) }
        }
        Operation::Disclose => Request::Disclose { leaf: number(parameter.unwrap_or(""))? },
        Operation::Undealt => Request::Undealt,
        Operation::Deal => {
            let DealBody { origin, day, value, size, root, signature } = json(body)?;
            let (value, root) = (value.0, Root(root.0));
            let deal = Deal { origin, day, value, size, root };
            Request::Deal { deal, signature: Signature(signature.0) }
        }
        Operation::Hold => {
            let HoldBody { boot, custodian, signature } = json(body)?;
            let hold = Hold { boot: BootId(boot.0), custodian };
            Request::Hold { hold, signature: Signature(signature.0) }
        }
        Operation::Unlock => {
            let UnlockBody { boot, custodian, share, signature } = json(body)?;
            let (boot, share) = (BootId(boot.0), share.0);
            let unlock = Unlock { boot, custodian, share };
            Request::Unlock { unlock, signature: Signature(signature.0) }
        }
        Operation::Cosign => {
            let CosignBody { note } = json(body)?;
            Request::Cosign { note }
        }
        Operation::ExportLogs
        | Operation::ExportMetrics
        | Operation::ExportTraces
        | Operation::Follow
        | Operation::Health
        | Operation::Login
        | Operation::OpenApi
        | Operation::Ready
        | Operation::Tile => return Err(FormError::Malformed),
    })
}

/// Whether a `Content-Type` names this media type, parameters left out.
#[must_use]
pub fn is_media_type(content_type: Option<&str>, wanted: &str) -> bool {
    let named = content_type.and_then(|value| value.split(';').next()).unwrap_or("");
    named.trim().eq_ignore_ascii_case(wanted)
}

/// The session that an event names; nothing else of it is looked at.
///
/// # Errors
/// [`FormError::Malformed`].
pub fn session_of(event: &[u8]) -> Result<SessionId, FormError> {
    #[derive(Deserialize)]
    struct Envelope {
        event: Named,
    }
    #[derive(Deserialize)]
    struct Named {
        session: Hex<32>,
    }
    let Envelope { event } = json(event)?;
    Ok(SessionId(event.session.0))
}

/// Reads a JSON document of a known form.
///
/// # Errors
/// [`FormError::Malformed`], which says nothing of the document.
pub fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, FormError> {
    serde_json::from_slice(body).map_err(|_| FormError::Malformed)
}

fn number_of(query: Option<&str>, name: &str) -> Result<u64, FormError> {
    number(query.and_then(|q| q.strip_prefix(name)).ok_or(FormError::Malformed)?)
}

/// A number as this interface writes it: digits, and no zero in front.
fn number(digits: &str) -> Result<u64, FormError> {
    let plain = digits == "0" || !digits.starts_with(['0', '+']);
    digits.parse().ok().filter(|_| plain).ok_or(FormError::Malformed)
}

fn post(operation: Operation, parameter: &str, body: &impl Serialize) -> HttpRequest {
    // Strings, numbers and lists of them always have JSON; were it not so, the empty body is the
    // form of nothing and every reader refuses it.
    post_bytes(operation, parameter, JSON, serde_json::to_vec(body).unwrap_or_default())
}

fn post_bytes(
    operation: Operation,
    parameter: &str,
    content_type: &'static str,
    body: Vec<u8>,
) -> HttpRequest {
    let target = operation.path(parameter);
    let content_type = Some(content_type);
    HttpRequest { operation, method: Method::POST, target, content_type, body }
}

fn get(operation: Operation, parameter: &str, query: &str) -> HttpRequest {
    let target = [&operation.path(parameter), query].concat();
    HttpRequest { operation, method: Method::GET, target, content_type: None, body: Vec::new() }
}
