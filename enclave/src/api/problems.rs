//! The words of every refusal: a status, a reason and a remedy for each code. Faults of a pact
//! bring words of their own.

use channel::forms::Problem;

/// The problem of a code.
pub(super) fn problem(code: &str) -> Problem {
    if let Some((_, status, reason, remedy)) = TABLE.iter().find(|(known, ..)| *known == code) {
        return Problem::new(code, *status, reason, remedy);
    }
    if let Some(fault) = pact::Fault::ALL.iter().find(|fault| fault.code() == code) {
        return Problem::new(code, 422, fault.text(), fault.remedy());
    }
    if let Some(meaning) = meaning(code) {
        return Problem::new(code, 422, meaning, "ask for a claim that can be proven");
    }
    // Nothing of a code that has no words here is passed on.
    Problem::new(INTERNAL_FAULT, 500, "the monitor failed", "ask again; tell its operator")
}

/// Statements that cannot be proven, and proofs that a verifier would refute.
fn meaning(code: &str) -> Option<&'static str> {
    let statements = verify::StatementError::ALL.iter().map(|e| (e.code(), e.meaning()));
    let faults = verify::Fault::ALL.iter().map(|e| (e.code(), e.meaning()));
    statements.chain(faults).find(|(known, _)| *known == code).map(|(_, meaning)| meaning)
}

/// A fault of the monitor itself.
pub(super) const INTERNAL_FAULT: &str = "internal-fault";
/// The desk's queue stayed full.
pub(super) const MONITOR_BUSY: &str = "monitor-busy";
/// The caller's share is used up.
pub(super) const SHARE_USED_UP: &str = "share-used-up";
/// The desk did not take the request in time.
pub(super) const DECISION_LATE: &str = "decision-late";
/// Only a party that has logged in is answered.
pub(super) const LOGIN_REQUIRED: &str = "login-required";
/// The request did not arrive over an attested channel.
pub(super) const CHANNEL_MISSING: &str = "channel-missing";
/// The body did not arrive in time.
pub(super) const REQUEST_TOO_SLOW: &str = "request-too-slow";
/// There is no such tile.
pub(super) const TILE_UNKNOWN: &str = "log-no-such-tile";

type Row = (&'static str, u16, &'static str, &'static str);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    // the interface
    (CHANNEL_MISSING, 403, "the request did not come over an attested channel", "connect to the monitor itself, without a proxy"),
    (DECISION_LATE, 503, "the monitor did not decide before the pact's deadline", "follow the pact's fail clause; send the event again"),
    (INTERNAL_FAULT, 500, "the monitor failed", "ask again; tell its operator"),
    ("login-bad-signature", 403, "the signature does not log this DID in to this connection", "sign the exporter of this very TLS session"),
    (LOGIN_REQUIRED, 401, "only a party that has logged in on this connection is answered", "log in with POST /v1/token"),
    ("login-unknown-key", 403, "no key is known for this DID", "use a did:key, or let the operator pin the key"),
    (MONITOR_BUSY, 503, "the monitor's queue is full; nothing was taken", "send the same again after Retry-After"),
    (REQUEST_TOO_SLOW, 408, "the body did not arrive in time", "send it faster, or in smaller batches"),
    ("request-malformed", 400, "the request is not of the form that the operation takes", "see /openapi.json"),
    ("request-media-type", 415, "the body is not of a media type that the operation takes", "send application/json; a batch is application/x-ndjson, and telemetry may be application/x-protobuf"),
    ("request-method-unknown", 405, "the path does not take this method", "see /openapi.json"),
    ("request-other-session", 400, "path and body name two different sessions", "send the event to its own session"),
    ("request-path-unknown", 404, "there is no such path", "see /openapi.json"),
    ("request-too-large", 413, "the body is larger than the operation takes", "send less at once"),
    (SHARE_USED_UP, 429, "the caller's share is used up; nothing was taken", "send the same again after Retry-After, and slower"),
    ("token-expired", 401, "the login has expired", "log in again with POST /v1/token"),
    ("token-invalid", 401, "the token is not one of this connection", "log in on this connection with POST /v1/token"),
    // the monitor as a whole
    ("advance-too-far", 422, "the clock would jump over more epochs than can be closed at once", "advance in smaller steps"),
    ("clock-jumped", 503, "the monitor's clock jumped; nothing that depends on time goes on", "wait until witnesses bracket the time again"),
    ("clock-not-generated", 409, "the clock of this monitor cannot be moved", "wait"),
    ("journal-damaged", 503, "the journal is damaged", "tell its operator"),
    ("journal-disk-full", 503, "the disk is full; nothing was taken", "send the same again after Retry-After"),
    ("journal-group-full", 503, "too much came at once; nothing was taken", "send the same again after Retry-After"),
    ("journal-io", 503, "the disk fails", "tell its operator; resume when the monitor is back"),
    ("journal-not-durable", 503, "the disk does not keep what is written", "tell its operator; resume when the monitor is back"),
    ("journal-not-retained", 404, "this is no longer kept", "ask within the pact's retention"),
    ("journal-record-too-large", 413, "the request is larger than a record may be", "send less at once"),
    ("monitor-stopping", 503, "the monitor is about to stop; what was sent may not be on record", "send the same again when it is back"),
    ("not-kept", 404, "this is no longer kept", "ask within the pact's retention"),
    ("request-out-of-turn", 409, "the request does not belong here", "see /openapi.json"),
    // who asks
    ("caller-not-authenticated", 401, "only a party that has logged in on this connection is answered", "log in with POST /v1/token"),
    ("leaf-not-for-caller", 403, "the leaf does not concern the caller", "ask as a party or overseer of its pact"),
    ("follow-not-concerned", 403, "no pact under monitoring tells the caller anything", "log in as a party or an overseer of a pact"),
    ("read-not-consented", 403, "the pact's consent does not let the caller read the record", "agree on it in the pact"),
    ("requester-bad-signature", 403, "the request is not signed by the one that it names", "sign its encoding with the requester's key"),
    ("requester-key-unknown", 403, "no key is known for the requester's DID", "use a did:key, or let the operator pin the key"),
    // pacts
    ("pact-key-unknown", 422, "no key is known for a party's DID", "use a did:key, or let the operator pin the key"),
    ("pact-known", 409, "the pact is already under monitoring", "open a session under it"),
    ("pact-not-compilable", 422, "the pact cannot be compiled", "run cloister pact lint"),
    ("pact-out-of-term", 409, "the pact is not in force at this time", "agree on a new term"),
    (
        "pact-party-not-admitted",
        403,
        "this monitor takes pacts of named parties only",
        "ask its operator to name both parties",
    ),
    (
        "pact-retention-too-long",
        422,
        "the pact asks for a longer retention than this monitor keeps",
        "agree on a shorter retention, or use another monitor",
    ),
    ("pact-prior-not-in-force", 409, "the pact that this one replaces is not the one in force here", "revise the pact in force, and set prior to its hash"),
    ("pact-not-for-caller", 403, "no pact of this hash concerns the caller", "log in as a party or an overseer of the pact"),
    ("pact-notice-too-short", 422, "the notice for renewal is shorter than this monitor's epoch", "agree a longer notice"),
    ("call-changed", 422, "an identifier stands for another call than before", "give another name or direction another identifier"),
    ("pact-term-ahead", 422, "the revision's term has not begun", "register it when it has"),
    ("other-prior", 422, "the pact does not replace the one that it names", "set prior to the hash of the pact in force"),
    ("revision-gap", 422, "the pact is not the next revision", "set revision one above the pact in force"),
    ("other-identifier", 422, "the revision has another identifier", "keep id"),
    ("other-parties", 422, "the revision is between other parties", "keep the DIDs of initiator and provider"),
    ("not-renegotiable", 422, "the pact in force excludes any change but giving up permits", "agree a new pact with no prior"),
    ("term-moved", 422, "a limit, objective, consequence or anomaly is gone, elsewhere or about something else", "keep each in its place and append new ones; widen a bound to lift one"),
    ("counter-changed", 422, "a counter would go on in another unit", "keep the unit of every argument that a limit sums"),
    ("does-not-compile", 422, "the revision cannot be compiled", "run cloister pact lint on it"),
    ("pact-chain-full", 422, "the pact was revised as often as can be", "agree a new pact with no prior"),
    ("pact-replaced", 409, "a revision took the place of this pact", "open the session under the revision"),
    ("pact-unknown", 404, "the pact is not under monitoring", "register it with POST /v1/pacts"),
    ("pacts-full", 503, "as many pacts are monitored as this monitor can hold", "use another monitor"),
    // sessions
    ("open-bad-signature", 403, "the session is not opened by the pact's initiator", "let the initiator sign the opening"),
    ("open-other-boot", 409, "the opening names another boot than this one", "attest the monitor again and name its boot"),
    ("session-closed", 409, "the session is closed", "open another"),
    ("session-terminated", 409, "the session was terminated", "open another, if the pact allows"),
    ("session-unknown", 404, "there is no such session", "open it with POST /v1/sessions"),
    ("session-used", 409, "the session identifier was used before", "draw a fresh one"),
    ("sessions-of-pact-full", 503, "as many sessions of the pact are open as its share allows", "close sessions of the pact first"),
    ("sessions-full", 503, "as many sessions are open as this monitor can hold", "close sessions, or use another monitor"),
    ("trials-not-in-release-images", 403, "this monitor opens no trials", "use a development monitor"),
    // events
    ("counter-full", 422, "the event alone exceeds what a counter can hold", "check its amounts"),
    ("event-bad-signature", 403, "the event is not signed by the party that reports it", "sign with the key that the pact names"),
    ("event-broken-chain", 409, "the event does not chain to the reporter's event before it", "resume the session with the last receipt"),
    ("event-direction", 422, "this role does not say this to that role", "correct from and to"),
    ("event-duplicate", 409, "the event is already on record", "go on with the next"),
    ("event-malformed", 422, "the bytes are no event", "send one signed event of version 1"),
    ("event-non-canonical", 422, "the event is not canonical JSON", "canonicalise it (RFC 8785)"),
    ("event-other-pact", 422, "the event names another pact than its session", "name the session's pact"),
    ("event-out-of-order", 409, "an event before this one is missing", "send the missing ones first; resume with the last receipt"),
    ("event-too-large", 413, "the event is larger than 262144 bytes", "shorten it"),
    ("monitor-rollback", 409, "the monitor holds less than it has signed for, and allows nothing", "an overseer of the pact reinstates it"),
    // counts and returns
    ("counts-bad-signature", 403, "the statement is not signed by the one that it names", "sign its encoding with that key"),
    ("counts-falling", 409, "the counts fall behind an earlier statement", "send counts that only grow"),
    ("counts-foreign-receipt", 422, "the receipt was not signed by this monitor", "show the last receipt of this monitor"),
    ("counts-implausible", 422, "the counts cannot be true for this session", "count again"),
    ("counts-session-unknown", 404, "there is no such open session", "see which sessions are open"),
    ("resume-bad-signature", 403, "the resumption is not signed by the party of the receipt", "sign its encoding with that party's key"),
    ("resume-foreign-receipt", 422, "the receipt was not signed by a boot of this monitor for this pact", "show the last receipt of this monitor"),
    ("resume-pact-unknown", 404, "the pact is not under monitoring", "register it with POST /v1/pacts"),
    ("resume-forgotten", 410, "the receipt is older than every record that is retained", "open another session"),
    ("resume-session-closed", 409, "the session has ended, and its record is complete", "open another"),
    // overseers
    ("approval-counter-full", 409, "a counter is at its maximum, so the tally has stopped", "agree on a new pact"),
    ("approval-late", 409, "the approval came after its time-out", "let the party ask again"),
    ("approval-monitor-rollback", 409, "the monitor holds less than it has signed for", "reinstate the pact first"),
    ("approval-not-overseer", 403, "the approver is not an overseer of the pact", "let an overseer decide"),
    ("approval-nothing-paused", 404, "no such call is paused", "see GET /v1/inbox"),
    ("approval-session-over", 409, "the session is closed or was terminated", "nothing is left to decide"),
    ("reinstate-bad-signature", 403, "the reinstatement is not signed by the one that it names", "sign its encoding with that key"),
    ("reinstate-not-overseer", 403, "the signer is not an overseer of the pact", "let an overseer decide"),
    ("reinstate-not-stopped", 409, "the pact is not stopped by a rollback", "go on"),
    ("reinstate-other-boot", 409, "the reinstatement names another boot than this one", "decide anew about this boot"),
    ("reinstate-pact-unknown", 404, "the pact is not under monitoring", "register it with POST /v1/pacts"),
    // the log
    ("log-no-such-leaf", 404, "the log has no such leaf", "ask below the size of the newest checkpoint"),
    ("log-no-such-size", 404, "the log never had this size", "ask with a size up to the newest checkpoint's"),
    (TILE_UNKNOWN, 404, "the log has no such tile", "ask for tiles of the newest checkpoint's size"),
    ("note-malformed", 422, "the note is no checkpoint", "send a signed note with cosignatures"),
    ("note-of-another-log", 422, "the note is of another log, or not of this one's past", "cosign a checkpoint of this log"),
    ("note-without-witness", 422, "no witness of the configuration has cosigned the note", "ask a configured witness"),
    // claims
    ("body-malformed", 500, "the monitor's own parts disagree", "tell its operator"),
    ("boot-mismatch", 409, "the range ends in another boot than the leaf shown", "ask for a range within the tally's boots"),
    ("claim-audience-not-consented", 403, "the pact's consent does not name the requester", "agree on it in the pact"),
    ("claim-epoch-unknown", 404, "the range names an epoch that is not published", "wait for the epoch's leaf"),
    ("claim-epoch-zero", 422, "a range begins at epoch 1", "begin at epoch 1 or later"),
    ("claim-not-consented", 403, "no entry of the pact's consent permits the claim", "agree on it in the pact"),
    ("claim-other-log", 404, "the range is of another log", "ask the monitor of that log"),
    ("claim-range-not-closed", 409, "no epoch ended at one of these moments", "name moments at which epochs end, such as whole days that are over"),
    ("claim-other-tally", 404, "the tally is not one of the pact", "name one of the pact's two tallies"),
    ("counter-fell", 500, "the monitor's own parts disagree", "tell its operator"),
    ("opening-not-held", 409, "a session was open at an end of the range, so the sessions of two monitors cannot be compared", "ask over a range at whose ends no session is open"),
    ("openings-key-unusable", 422, "nothing can be sealed to the requester's key", "sign the pact with an Ed25519 key that was drawn as RFC 8032 says"),
    ("openings-not-for-requester", 403, "the tally is not about the requester", "ask with the key of the party that it is about"),
    ("openings-too-many", 422, "the range has more than 63 epochs", "ask for fewer at a time"),
    ("openings-mismatch", 500, "the monitor's own parts disagree", "tell its operator"),
    ("prover-failed", 500, "the proof system failed", "ask again; tell the operator"),
    ("statement-false", 422, "the statement is false", "claim what is true"),
    // private statistics
    ("budget-exhausted", 409, "the day's privacy budget is spent", "ask about another day"),
    ("ledger-full", 503, "the privacy ledger is full", "use another monitor"),
    ("release-bounds", 422, "the query names other bounds than the monitor's", "use the bounds of the monitor's configuration"),
    ("release-day-forgotten", 404, "the day's contributions are no longer kept", "ask within the retention"),
    ("release-day-still-open", 409, "the day is not over", "ask when it is"),
    ("release-lost", 409, "an answer to this query was reserved and lost; it is never drawn again", "ask another query"),
    ("release-mechanism", 422, "the mechanism does not fit the price", "agree on another price"),
    ("release-not-a-party", 403, "the requester is no party or overseer of the pact", "ask as one of them"),
    ("release-not-consented", 403, "the pact's consent does not list the statistic", "agree on it in the pact"),
    ("release-other-data", 500, "the monitor's own parts disagree", "tell its operator"),
    ("release-other-ledger", 500, "the monitor's own parts disagree", "tell its operator"),
    ("release-price", 422, "the price is out of range", "agree on another price"),
    ("release-sampler", 500, "no noise could be drawn; the debit stays", "tell the operator"),
    ("release-too-many-cells", 422, "the query has too many cells", "agree on fewer interactions"),
    ("unknown-statistic", 404, "no statistic has this name", "see the pact's consent"),
];

/// Every code of the table.
#[cfg(test)]
pub(super) fn codes() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(code, ..)| *code)
}
