//! What the parties consent to: the monitor's mode, what it keeps, and what may leave.

use serde::Deserialize;

use super::origin::ConsentSalt;
use super::scalar::{Digest, Exact, Name, PartyId, Period, Span};
use super::words::{
    AccessScope, AccessWhen, ClaimOp, DpUnit, EvidenceFormat, Fail, IncidentDetail, KeyHolder,
    LogScope, Mode, OnTimeout, Otherwise, Signal,
};

terms! {
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
        /// Past the deadline; closed when absent.
        fail: Option<Fail>,
        /// Longest wait for a verdict, 1 to 60000; 2000 when absent.
        deadline_ms: Option<u64>,
        /// How approvals work.
        approval: Option<ApprovalTerms>,
        /// Inspection.
        sampling: Option<Sampling>,
        /// What raises the scrutiny of the calls that follow; nothing when absent.
        scrutiny: Option<Scrutiny>,
        /// What is compared with what is usual.
        #[serde(default)] anomalies: Vec<Anomaly>,
        /// Values that must never travel.
        canaries: Option<Canaries>,
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
    /// Signals in what is read.
    Scrutiny {
        /// These.
        on: Vec<Signal>,
    }
    /// Something that is unusual from some times its usual number on.
    Anomaly {
        /// Its identifier, which verdicts name with both numbers.
        id: Name,
        /// `calls`, `calls:ID` or `sum:ID.ARG`.
        counter: String,
        /// Windows of this length are compared with the mean of up to 64 before.
        window: Span,
        /// More than one.
        factor: Exact,
        /// Nothing is unusual below it.
        least: Exact,
        /// What happens.
        #[serde(rename = "else")] otherwise: Otherwise,
    }
    /// Values that must never travel.
    Canaries {
        /// SHA-256 of each in lower case, under the domain of canaries: one word each.
        digests: Vec<Digest>,
        /// What happens.
        #[serde(rename = "else")] otherwise: Otherwise,
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
        /// What each party gets to prove from, about itself; nothing when absent.
        openings: Option<OpeningsTerms>,
        /// 64 random hexadecimal digits: keep consent entries from being guessed.
        consent_salt: Option<ConsentSalt>,
    }
    /// Counters that a party gets openings of, about its own behaviour: by name, or `*` for all.
    OpeningsTerms {
        /// The initiator.
        #[serde(default)] initiator: Vec<String>,
        /// The provider.
        #[serde(default)] provider: Vec<String>,
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
        /// Any of these statements, in the language of claims: one program, several thresholds.
        #[serde(default)] any_of: Vec<String>,
        /// That no term of the pact was broken: one claim for each limit, flow and objective.
        terms: Option<bool>,
        /// Of what.
        counter: Option<String>,
        /// Compared how.
        op: Option<ClaimOp>,
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
        /// Over whole multiples of this, or whole months.
        per: Option<Period>,
    }
}

impl ClaimTerms {
    /// Does it say what it permits field by field?
    pub(crate) const fn is_structured(&self) -> bool {
        self.counter.is_some()
            || self.op.is_some()
            || self.bound.is_some()
            || self.lower.is_some()
            || self.ratio_of.is_some()
            || self.sum_of.is_some()
            || self.percentile.is_some()
            || self.min_samples.is_some()
    }
}
