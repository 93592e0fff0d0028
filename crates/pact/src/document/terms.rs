//! Every term of the format, typed. Unknown fields and words are refused by construction.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

pub use super::monitoring::{
    Access, Anomaly, ApprovalTerms, Canaries, ClaimTerms, Disclosure, DpTerms, EvidenceTerms,
    Incident, Monitoring, Retention, Sampling, Scrutiny,
};
pub use super::origin::{ConsentSalt, Origin, Per, Prior};
use super::scalar::{Digest, Exact, Moment, Name, PartyId, Span, Uuid, Version};
pub use super::words::{
    AccessScope, AccessWhen, Alike, AnchorKind, ApprovalTerm, ArgType, ClaimOp, Confirmer,
    ConsequenceKind, Direction, DisputeDefault, DpUnit, During, Effect, Erase, EvidenceFormat,
    Extract, Fail, FlowEffect, IncidentDetail, Indicator, InteractionKind, KeyHolder, LogScope,
    Mode, Narrowing, OnTimeout, Otherwise, OverseerRole, PenaltyPer, Procedure, RenewalMode,
    RequestedWhen, Signal, Tee, TermKind, Tier, Trust, Unless, Unlisted,
};

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
        /// Digests of the configurations that it may run; any if there are none.
        #[serde(default)] configs: Vec<Digest>,
        /// Digests of the appraisal policies under which its evidence is to be accepted; any if there
        /// are none.
        #[serde(default)] policies: Vec<Digest>,
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
        /// Steps with dots; `*` is one step, `**` any number, `*_id` one that ends so.
        path: String,
        /// Its trust.
        trust: Option<Trust>,
        /// Its sensitivity.
        tier: Option<Tier>,
        /// Kinds of personal data.
        #[serde(default)] pii: Vec<Name>,
        /// It names who wrote the object that it stands in.
        sender: Option<bool>,
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
        /// Always, or once something was read that raises scrutiny; always when absent.
        when: Option<RequestedWhen>,
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
        /// Only these once something was read that raises scrutiny; `any_of` when absent.
        under_scrutiny: Option<Vec<Origin>>,
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
