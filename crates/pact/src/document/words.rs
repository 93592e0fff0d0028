//! The words that the format lists.

use serde::Deserialize;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
        pub enum $name { $($(#[$word_doc])* #[serde(rename = $text)] $word,)* }
    )*};
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
    /// When an interaction must have been asked for.
    RequestedWhen { /// Always.
        Always = "always", /// Once something was read that raises scrutiny.
        Scrutiny = "scrutiny" }
    /// What in a result raises scrutiny.
    Signal { /// A long run in an encoding.
        Encoded = "encoded", /// Characters that people do not see.
        Hidden = "hidden", /// Talk to an agent about its task or instructions.
        Instructions = "instructions" }
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
    Extract { /// Email addresses and web addresses.
        Address = "address", /// Email addresses.
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

impl Tier {
    /// From the least sensitive.
    pub const ALL: [Self; 5] =
        [Self::Public, Self::Internal, Self::Confidential, Self::Restricted, Self::TopSecret];
}
