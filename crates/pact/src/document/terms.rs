//! Every term of the format, typed. Unknown fields and words are refused by construction.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::json::de_fault;
use super::scalar::{Digest, Exact, Moment, Name, PartyId, Span, Uuid, Version};
use crate::error::Fault;

macro_rules! terms {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident : $type:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
    )*};
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
        pub enum $name { $($(#[$word_doc])* #[serde(rename = $text)] $word,)* }
    )*};
}

terms! {
    /// A whole pact.
    Document {
        /// Version of the format.
        pact: Version,
        /// Identity of the relation.
        id: Uuid,
        /// Counts revisions from 1.
        revision: u64,
        /// Hash of the pact that this one replaces.
        #[serde(default)] prior: Prior,
        /// Where the text came from.
        template: Option<Name>,
        /// Who.
        parties: Parties,
        /// When.
        term: Term,
        /// What is known of results.
        #[serde(default)] labels: Labels,
        /// What is permitted; all else is denied.
        interactions: Vec<Interaction>,
        /// What was read from where may go where.
        #[serde(default)] flows: Vec<Flow>,
        /// How much.
        #[serde(default)] limits: Vec<Limit>,
        /// How well.
        #[serde(default)] performance: Vec<Objective>,
        /// Who else.
        delegation: Option<Delegation>,
        /// How data is treated.
        data: DataTerms,
        /// What follows a breach.
        consequences: Vec<Consequence>,
        /// What the monitor may do.
        monitoring: Monitoring,
        /// What happens in a dispute.
        dispute: Dispute,
        /// Where the pact's existence is anchored.
        anchor: Option<Anchor>,
    }
    /// The parties.
    Parties {
        /// Asks.
        initiator: PartyTerms,
        /// Serves.
        provider: PartyTerms,
        /// Watch.
        monitors: Vec<MonitorTerms>,
        /// Decide.
        overseers: Vec<Overseer>,
    }
    /// One party.
    PartyTerms {
        /// Its DID.
        did: PartyId,
        /// Its organisation.
        organisation: PartyId,
        /// Digest of what it says it can do.
        capability_hash: Option<Digest>,
        /// Digests of its credentials.
        #[serde(default)] credentials: Vec<Digest>,
        /// Where it answers to.
        jurisdiction: Option<String>,
    }
    /// A monitor and what it must prove.
    MonitorTerms {
        /// Its DID.
        did: PartyId,
        /// The platform state.
        attestation: AttestationTerms,
    }
    /// What a monitor must prove of its platform.
    AttestationTerms {
        /// The technology.
        tee: Tee,
        /// Accepted measurements.
        measurements: Vec<String>,
        /// Lowest accepted firmware.
        min_tcb: Option<String>,
        /// Oldest accepted evidence.
        max_age: Option<Span>,
    }
    /// Somebody who decides or audits.
    Overseer {
        /// Their DID.
        did: PartyId,
        /// Their role.
        role: OverseerRole,
        /// Where they are reached.
        endpoint: Option<String>,
    }
    /// When the pact holds.
    Term {
        /// For how much.
        kind: TermKind,
        /// From.
        not_before: Moment,
        /// Until.
        not_after: Moment,
        /// Most sessions under it.
        max_sessions: Option<u64>,
        /// What follows it.
        renewal: Option<Renewal>,
        /// How it may change.
        renegotiation: Option<Renegotiation>,
    }
    /// What follows a term.
    Renewal {
        /// How.
        mode: RenewalMode,
        /// How early.
        notice: Option<Span>,
        /// Objectives that must hold.
        #[serde(default)] conditions: Vec<Name>,
    }
    /// How a pact may change.
    Renegotiation {
        /// At all.
        allowed: bool,
        /// Always true.
        both_must_sign: Option<bool>,
        /// Meanwhile.
        during: Option<During>,
        /// Longest.
        timeout: Option<Span>,
    }
    /// What is known of results and data.
    #[derive(Default)]
    Labels {
        /// Per tool.
        #[serde(default)] sources: Vec<Source>,
        /// Kinds of personal data.
        #[serde(default)] pii_classes: Vec<Name>,
    }
    /// What is known of one tool's results.
    Source {
        /// Which tool; `*` for all others.
        tool: String,
        /// Trust of what no field names.
        trust: Trust,
        /// Sensitivity.
        tier: Tier,
        /// Kinds of personal data.
        #[serde(default)] pii: Vec<Name>,
        /// Parts of another trust or tier.
        #[serde(default)] fields: Vec<FieldTerms>,
    }
    /// What is known of a part of a result.
    FieldTerms {
        /// Steps with dots; `*` is one step, `**` any number.
        path: String,
        /// Its trust.
        trust: Option<Trust>,
        /// Its sensitivity.
        tier: Option<Tier>,
        /// Kinds of personal data.
        #[serde(default)] pii: Vec<Name>,
    }
    /// One permitted interaction.
    Interaction {
        /// Its identifier, which verdicts and counters name.
        id: Name,
        /// Who starts it.
        direction: Direction,
        /// What it is.
        kind: InteractionKind,
        /// The tool's name.
        name: Name,
        /// What it changes.
        effect: Effect,
        /// Most sensitive data that it may carry.
        max_tier: Option<Tier>,
        /// Constraints by argument; `*` for all others.
        #[serde(default)] args: BTreeMap<String, Constraint>,
        /// What of arguments that are not listed.
        unlisted_args: Option<Unlisted>,
        /// Words that the principal must have used.
        requested: Option<Requested>,
        /// Who must have said yes.
        confirmed_by: Option<Confirmer>,
        /// Interactions that must have succeeded before, in the session.
        #[serde(default)] after: Vec<Name>,
        /// When an overseer decides.
        approval: Option<ApprovalTerm>,
        /// Limits that it is meant to be under.
        #[serde(default)] limits: Vec<Name>,
        /// Largest arguments in bytes.
        max_bytes: Option<u64>,
        /// May be repeated without effect.
        idempotency: Option<bool>,
    }
    /// What an interaction needs of the principal's words.
    Requested {
        /// Any of these.
        terms: Vec<String>,
        /// Otherwise.
        #[serde(rename = "else")] otherwise: Otherwise,
    }
    /// What an argument must satisfy.
    Constraint {
        /// Its type.
        #[serde(rename = "type")] kind: Option<ArgType>,
        /// Must be there.
        required: Option<bool>,
        /// The only value.
        #[serde(rename = "const")] constant: Option<Value>,
        /// The only values.
        #[serde(rename = "in")] one_of: Option<Vec<Value>>,
        /// Never these.
        not_in: Option<Vec<Value>>,
        /// The whole text matches.
        pattern: Option<String>,
        /// At least.
        min: Option<Exact>,
        /// At most.
        max: Option<Exact>,
        /// Of what.
        unit: Option<String>,
        /// Most characters.
        max_len: Option<u64>,
        /// Most elements.
        max_items: Option<u64>,
        /// Of every element.
        each: Option<Box<Constraint>>,
        /// Where the value must have come from.
        provenance: Option<Provenance>,
        /// The provenance is of these tokens inside the text.
        extract: Option<Extract>,
        /// Most sensitive data that it may carry.
        max_tier: Option<Tier>,
        /// Most pieces of personal data in it.
        pii_max: Option<u64>,
        /// Unless an overseer approved.
        unless: Option<Unless>,
        /// Otherwise; denied when absent.
        #[serde(rename = "else")] otherwise: Option<Otherwise>,
    }
    /// Where a value must have come from.
    Provenance {
        /// Any of these.
        any_of: Vec<Origin>,
        /// How alike.
        #[serde(rename = "match")] alike: Option<Alike>,
        /// Otherwise.
        #[serde(rename = "else")] otherwise: Otherwise,
    }
    /// What was read from where may go where.
    Flow {
        /// Its identifier.
        id: Name,
        /// What.
        from: FlowFrom,
        /// Where.
        to: FlowTo,
        /// May it.
        effect: FlowEffect,
        /// Least matching tokens.
        min_match: Option<u64>,
    }
    /// What a flow is about.
    FlowFrom {
        /// Sensitivity.
        #[serde(default)] tiers: Vec<Tier>,
        /// Tools.
        #[serde(default)] sources: Vec<Name>,
        /// Kinds of personal data.
        #[serde(default)] pii: Vec<Name>,
    }
    /// Where a flow goes.
    FlowTo {
        /// Interactions.
        interactions: Vec<Name>,
        /// Recipients.
        #[serde(default)] recipients: Vec<String>,
    }
    /// How much.
    Limit {
        /// Its identifier, which verdicts name.
        id: Name,
        /// What is counted.
        counter: String,
        /// Over what: `session`, `pact`, or a sliding window.
        per: Per,
        /// At most.
        max: Exact,
        /// Otherwise.
        #[serde(rename = "else")] otherwise: Otherwise,
    }
    /// How well.
    Objective {
        /// Its identifier.
        id: Name,
        /// What is measured.
        indicator: Indicator,
        /// Of which share.
        percentile: Option<Exact>,
        /// Compared how.
        op: ClaimOp,
        /// With what.
        target: Exact,
        /// Over what.
        window: Span,
        /// Of at least.
        min_samples: Option<u64>,
        /// Of which interactions.
        #[serde(default)] applies_to: Vec<Name>,
    }
    /// Who else may act.
    Delegation {
        /// Longest chain.
        max_depth: u64,
        /// How scopes change along it.
        narrowing: Option<Narrowing>,
        /// To whom.
        #[serde(default)] to: Vec<PartyId>,
        /// What goes along.
        #[serde(default)] carry: Vec<String>,
    }
    /// How data is treated.
    DataTerms {
        /// Most sensitive data.
        max_tier: Tier,
        /// Most sensitive personal data.
        pii_max_tier: Option<Tier>,
        /// How long.
        retention: Option<DataRetention>,
        /// With whom.
        sharing: Option<Sharing>,
        /// Where.
        #[serde(default)] jurisdictions: Vec<String>,
        /// How.
        encryption: Option<Encryption>,
        /// Under other names.
        pseudonymise: Option<bool>,
    }
    /// How long data is kept.
    DataRetention {
        /// Payloads.
        content: Span,
        /// All else.
        metadata: Span,
        /// And then.
        erase: Option<Erase>,
    }
    /// With whom data is shared.
    Sharing {
        /// Others.
        third_parties: Vec<PartyId>,
        /// Why.
        #[serde(default)] purpose: Vec<String>,
    }
    /// How data is protected.
    Encryption {
        /// On the way.
        in_transit: Vec<String>,
        /// At rest.
        #[serde(default)] at_rest: Vec<String>,
    }
    /// What follows a breach.
    Consequence {
        /// Of what.
        on: Vec<Name>,
        /// What.
        #[serde(rename = "do")] actions: Vec<ConsequenceAction>,
        /// From the n-th on.
        after: Option<u64>,
        /// Time to repair.
        cure: Option<Span>,
    }
    /// One consequence.
    ConsequenceAction {
        /// What.
        action: ConsequenceKind,
        /// To whom.
        #[serde(default)] to: Vec<PartyId>,
        /// By when.
        within: Option<Span>,
        /// How much.
        amount: Option<Exact>,
        /// Of what.
        unit: Option<String>,
        /// From where.
        from_escrow: Option<String>,
        /// How often.
        per: Option<PenaltyPer>,
    }
    /// What the monitor may do.
    Monitoring {
        /// How it acts.
        mode: Mode,
        /// What it keeps.
        log_scope: LogScope,
        /// Who can read what it keeps.
        content_key_holder: Option<KeyHolder>,
        /// How long it keeps it.
        retention: Retention,
        /// Who may read what and when.
        access: Vec<Access>,
        /// Past the deadline.
        fail: Option<Fail>,
        /// Longest wait for a verdict.
        deadline_ms: Option<u64>,
        /// How approvals work.
        approval: Option<ApprovalTerms>,
        /// Inspection.
        sampling: Option<Sampling>,
        /// Whom to tell.
        #[serde(default)] incidents: Vec<Incident>,
        /// What is preserved.
        evidence: Option<EvidenceTerms>,
        /// What may leave.
        disclosure: Option<Disclosure>,
    }
    /// How long a monitor keeps what it keeps.
    Retention {
        /// At least.
        min: Span,
        /// At most.
        max: Span,
    }
    /// Who may read.
    Access {
        /// Who.
        did: PartyId,
        /// What.
        scope: AccessScope,
        /// When.
        when: Option<AccessWhen>,
    }
    /// How approvals work.
    ApprovalTerms {
        /// Longest wait.
        timeout: Span,
        /// And then.
        on_timeout: OnTimeout,
        /// How many overseers.
        quorum: Option<u64>,
    }
    /// Inspection.
    Sampling {
        /// Without notice.
        unannounced: bool,
        /// With planted values.
        canaries: Option<bool>,
    }
    /// Whom to tell of what.
    Incident {
        /// What.
        on: Vec<Name>,
        /// Whom.
        to: Vec<PartyId>,
        /// By when.
        within: Span,
        /// How much.
        detail: IncidentDetail,
    }
    /// What is preserved.
    EvidenceTerms {
        /// How long.
        preserve: Span,
        /// How.
        format: EvidenceFormat,
        /// Longer on.
        #[serde(default)] hold_on: Vec<Name>,
    }
    /// What may leave.
    Disclosure {
        /// Private aggregates.
        dp: Vec<DpTerms>,
        /// Proven claims.
        claims: Vec<ClaimTerms>,
        /// 64 random hexadecimal digits: keep consent entries from being guessed.
        consent_salt: Option<ConsentSalt>,
    }
    /// One private aggregate.
    DpTerms {
        /// Which.
        statistic: Name,
        /// Loss.
        epsilon: Exact,
        /// Slack.
        delta: Exact,
        /// How often.
        per: Span,
        /// Of one unit.
        bounds: [Exact; 2],
        /// Whose privacy.
        unit: Option<DpUnit>,
    }
    /// One claim that may be proven.
    ClaimTerms {
        /// Its identifier.
        id: Name,
        /// Of what.
        counter: String,
        /// Compared how.
        op: ClaimOp,
        /// With what.
        bound: Option<Exact>,
        /// And at least this.
        lower: Option<Exact>,
        /// As a share of this counter.
        ratio_of: Option<String>,
        /// As the sum of these counters.
        sum_of: Option<Vec<String>>,
        /// Of this share of a histogram.
        percentile: Option<Exact>,
        /// Smallest whole of a share; 1 when absent.
        min_samples: Option<u64>,
        /// To whom; anyone when absent.
        #[serde(default)] to: Vec<PartyId>,
        /// Over whole multiples of this.
        per: Option<Span>,
    }
    /// What happens in a dispute.
    Dispute {
        /// How.
        procedure: Procedure,
        /// To whom.
        escalate_to: Vec<PartyId>,
        /// Longest.
        max_pause: Option<Span>,
        /// And then.
        default: Option<DisputeDefault>,
        /// Under which law.
        law: Option<String>,
    }
    /// Where the pact's existence is anchored.
    Anchor {
        /// How.
        kind: AnchorKind,
        /// By whom.
        #[serde(default)] tsa: Vec<String>,
    }
}

words! {
    /// Confidential computing technologies.
    Tee { /// AMD.
        SevSnp = "sev-snp", /// Intel.
        Tdx = "tdx" }
    /// What an overseer is.
    OverseerRole { /// Audits.
        Auditor = "auditor", /// Approves.
        HumanApprover = "human-approver", /// Oversees.
        OversightBody = "oversight-body", /// Regulates.
        Regulator = "regulator" }
    /// For how much a pact holds.
    TermKind { /// One interaction.
        Interaction = "interaction", /// One session.
        Session = "session", /// Many sessions.
        Standing = "standing" }
    /// What follows a term.
    RenewalMode { /// It goes on.
        AutomaticUnlessObjected = "automatic-unless-objected", /// Both sign again.
        Explicit = "explicit", /// Nothing.
        None = "none" }
    /// While a pact is renegotiated.
    During { /// The old one holds.
        ContinueUnderOld = "continue-under-old", /// Nothing happens.
        Pause = "pause" }
    /// How far a value is believed.
    Trust { /// Said by the agent.
        Agent = "agent", /// Anybody may have written it.
        Content = "content", /// The principal's own.
        Principal = "principal", /// The provider vouches for it.
        Record = "record" }
    /// Sensitivity.
    Tier { /// For all.
        Public = "public", /// For the organisation.
        Internal = "internal", /// For some.
        Confidential = "confidential", /// For few.
        Restricted = "restricted", /// For named persons.
        TopSecret = "top-secret" }
    /// Who starts an interaction.
    Direction { /// The initiator.
        ToProvider = "initiator->provider", /// The provider.
        ToInitiator = "provider->initiator" }
    /// What an interaction is.
    InteractionKind { /// A call.
        Call = "call", /// Free text.
        Message = "message", /// An answer.
        Result = "result", /// Many pieces.
        Stream = "stream" }
    /// What an interaction changes.
    Effect { /// Removes.
        Destructive = "destructive", /// Reaches others.
        ExternalSend = "external-send", /// Nothing.
        Read = "read", /// Money.
        Spend = "spend", /// Something.
        Write = "write" }
    /// What of arguments that are not listed.
    Unlisted { /// They may be anything.
        Allow = "allow", /// They are refused.
        Deny = "deny" }
    /// What follows when a term is not met.
    Otherwise { /// Somebody is told.
        Alert = "alert", /// It does not happen.
        Deny = "deny", /// An overseer decides.
        Escalate = "escalate", /// As escalate.
        Pause = "pause", /// As terminate.
        Suspend = "suspend", /// The session ends.
        Terminate = "terminate" }
    /// Who must have said yes.
    Confirmer { /// An overseer.
        Overseer = "overseer", /// The principal.
        Principal = "principal" }
    /// When an overseer decides.
    ApprovalTerm { /// Always.
        Always = "always", /// Never: what would be escalated is denied.
        Never = "never", /// When a term says so.
        OnElse = "on-else" }
    /// Type of an argument.
    ArgType { /// A list.
        Array = "array", /// True or false.
        Boolean = "boolean", /// An exact number.
        Decimal = "decimal", /// A whole number.
        Integer = "integer", /// An object.
        Object = "object", /// A text.
        String = "string", /// A date or a moment.
        Timestamp = "timestamp" }
    /// How alike a value must be to what was read.
    Alike { /// The whole value.
        Exact = "exact", /// Its host.
        Host = "host", /// A run of its source's words.
        Substring = "substring" }
    /// Tokens inside free text.
    Extract { /// Email addresses.
        Email = "email", /// Account numbers.
        Iban = "iban", /// File paths.
        Path = "path", /// Web addresses.
        Url = "url" }
    /// An exception.
    Unless { /// An overseer approved.
        Approved = "approved" }
    /// What a flow may do.
    FlowEffect { /// Go.
        Allow = "allow", /// Not go.
        Deny = "deny", /// Wait.
        Escalate = "escalate" }
    /// What is measured.
    Indicator { /// Share of time.
        Availability = "availability", /// Share of failures.
        FailureRatio = "failure_ratio", /// Time to answer.
        LatencyMs = "latency_ms", /// Share of successes.
        SuccessRatio = "success_ratio", /// Calls in time.
        Throughput = "throughput" }
    /// How two numbers are compared.
    ClaimOp { /// Less.
        Below = "<", /// At most.
        AtMost = "<=", /// Equal.
        Equal = "=", /// At least.
        AtLeast = ">=", /// More.
        Above = ">" }
    /// How scopes change along a delegation.
    Narrowing { /// Strictly.
        MustNarrow = "must-narrow", /// Not.
        None = "none", /// At most the same.
        SameOrNarrower = "same-or-narrower" }
    /// How data ends.
    Erase { /// Its key is destroyed.
        CryptoErase = "crypto-erase", /// It is deleted.
        Delete = "delete" }
    /// What follows a breach.
    ConsequenceKind { /// Tell.
        Alert = "alert", /// Refuse.
        Deny = "deny", /// Ask an overseer.
        Escalate = "escalate", /// Wait.
        Pause = "pause", /// Pay.
        Penalty = "penalty", /// Write.
        Report = "report", /// Stop for now.
        Suspend = "suspend", /// Stop.
        Terminate = "terminate" }
    /// How often a penalty is due.
    PenaltyPer { /// Each breach.
        Breach = "breach", /// Each hour.
        Hour = "hour", /// Each session.
        Session = "session" }
    /// How a monitor acts.
    Mode { /// Records and alerts.
        Active = "active", /// Decides before a call runs.
        Interventionist = "interventionist", /// Records.
        Passive = "passive" }
    /// What a monitor keeps.
    LogScope { /// Payloads.
        Full = "full", /// Digests.
        HashOnly = "hash-only", /// Names, sizes, times.
        Metadata = "metadata" }
    /// Who can read what a monitor keeps.
    KeyHolder { /// Both parties.
        Both = "both", /// A third.
        Escrow = "escrow", /// The initiator.
        Initiator = "initiator", /// Nobody.
        None = "none", /// The provider.
        Provider = "provider" }
    /// What may be read.
    AccessScope { /// Private aggregates.
        Aggregates = "aggregates", /// All.
        Full = "full", /// Names, sizes, times.
        Metadata = "metadata", /// Proven claims.
        Proofs = "proofs" }
    /// When it may be read.
    AccessWhen { /// Always.
        Always = "always", /// On a court's order.
        CourtOrder = "court-order", /// In a dispute.
        Dispute = "dispute", /// After an incident.
        Incident = "incident" }
    /// Past the deadline.
    Fail { /// Refuse.
        Closed = "closed", /// Go on and tell.
        OpenWithAlert = "open-with-alert" }
    /// When nobody approved in time.
    OnTimeout { /// Refuse.
        Deny = "deny", /// End the session.
        Terminate = "terminate" }
    /// How much is told of an incident.
    IncidentDetail { /// All.
        Full = "full", /// Names, sizes, times.
        Metadata = "metadata", /// That it was.
        Notice = "notice", /// A proof.
        Proof = "proof" }
    /// How evidence is preserved.
    EvidenceFormat { /// Payloads, sealed.
        FullSealed = "full-sealed", /// Signed digests.
        HashChainCose = "hash-chain+cose" }
    /// Whose privacy.
    DpUnit { /// An agent's.
        Agent = "agent", /// An event's.
        Event = "event", /// An organisation's.
        Organisation = "organisation", /// A session's.
        Session = "session" }
    /// How disputes go.
    Procedure { /// The only one.
        PauseAndEscalate = "pause-and-escalate" }
    /// When a dispute is not settled.
    DisputeDefault { /// As before.
        ResumeUnderOld = "resume-under-old", /// It ends.
        Terminate = "terminate" }
    /// Where existence is anchored.
    AnchorKind { /// A ledger.
        Ledger = "ledger", /// Nowhere.
        None = "none", /// A time-stamping authority.
        Rfc3161 = "rfc3161" }
}

/// Hash of the pact that is replaced; null or absent for the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prior(pub Option<[u8; 32]>);

impl<'de> Deserialize<'de> for Prior {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match Value::deserialize(d)? {
            Value::Null => Ok(Self(None)),
            Value::String(text) => messages::ids::PactHash::parse(&text)
                .map(|hash| Self(Some(hash.0)))
                .ok_or_else(|| de_fault(Fault::BadDigest)),
            _ => Err(de_fault(Fault::WrongType)),
        }
    }
}

/// 32 random bytes as hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsentSalt(pub [u8; 32]);

impl<'de> Deserialize<'de> for ConsentSalt {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = format!("sha256:{}", String::deserialize(d)?);
        let salt = messages::ids::Salt::parse(&text);
        salt.map(|s| Self(s.0)).ok_or_else(|| de_fault(Fault::BadDigest))
    }
}

/// Where a value may have come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Free text that anybody may have written.
    Content,
    /// One of these values.
    List(Vec<String>),
    /// An address or host under this domain.
    Org(String),
    /// The principal's words.
    Principal,
    /// A field that the provider vouches for.
    Record,
    /// A result of this tool, under this path.
    Result {
        /// The tool.
        tool: String,
        /// Steps with dots; all of it when absent.
        path: Option<String>,
    },
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = match text.split_once(':') {
            Some((kind, rest)) if !rest.is_empty() => (kind, rest),
            Some(_) => return None,
            None => (text, ""),
        };
        match (kind, rest) {
            ("content", "") => Some(Self::Content),
            ("principal", "") => Some(Self::Principal),
            ("record", "") => Some(Self::Record),
            ("list", values) if !values.is_empty() => {
                Some(Self::List(values.split(',').map(|v| v.trim().to_owned()).collect()))
            }
            ("org", domain) => {
                let ok = domain.contains('.')
                    && domain.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
                ok.then(|| Self::Org(domain.to_ascii_lowercase()))
            }
            ("result", rest) if !rest.is_empty() => {
                let (tool, path) = match rest.split_once('.') {
                    Some((tool, path)) => (tool, Some(path.to_owned())),
                    None => (rest, None),
                };
                let ok = !tool.is_empty() && path.as_deref() != Some("");
                ok.then(|| Self::Result { tool: tool.to_owned(), path })
            }
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(d)?).ok_or_else(|| de_fault(Fault::BadProvenance))
    }
}

/// Over what a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// All sessions under the pact.
    Pact,
    /// One session.
    Session,
    /// A sliding window over all sessions.
    Window(Span),
}

impl<'de> Deserialize<'de> for Per {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match String::deserialize(d)?.as_str() {
            "pact" => Ok(Self::Pact),
            "session" => Ok(Self::Session),
            text => match Span::parse(text).filter(|s| s.0.0 > 0) {
                Some(span) => Ok(Self::Window(span)),
                None => Err(de_fault(Fault::BadDuration)),
            },
        }
    }
}
