//! Domain separators, all of them. Unique and prefix-free (tested), so that no hash or
//! signature made for one purpose can be shown for another.

use sha2::{Digest, Sha256};

/// A label that separates one use of a hash or a signature from every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain(&'static str);

impl Domain {
    /// The label's bytes.
    #[must_use]
    pub const fn as_bytes(self) -> &'static [u8] {
        self.0.as_bytes()
    }

    /// The label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// SHA-256 over the label, a zero byte, and each part framed by its 64-bit length.
    #[must_use]
    pub fn hash(self, parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.as_bytes());
        hash.update([0]);
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

macro_rules! domains {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: Domain = Domain($text);)*
        /// Every separator, for the test that they are prefix-free.
        pub const ALL: &[Domain] = &[$($name),*];
    };
}

domains! {
    /// What a verifier accepts of confidential VMs, and its signatures.
    APPRAISAL_POLICY = "cloister/appraisal-policy/v1";
    /// Blinding of one commitment.
    BLINDING = "cloister/blinding/v1";
    /// A party's login to one attested channel.
    CHANNEL_LOGIN = "cloister/channel-login/v1";
    /// Identity of a circuit's verifying key.
    CIRCUIT_KEY = "cloister/circuit-key/v1";
    /// A boot's signature of a verifying key that it made.
    CIRCUIT_SETUP = "cloister/circuit-setup/v1";
    /// A claim's Fiat-Shamir transcript.
    CLAIM = "cloister/claim/v1";
    /// Identity of what a claim states.
    CLAIM_PROGRAM = "cloister/claim-program/v1";
    /// The configuration that an enclave measures.
    CONFIG = "cloister/config/v1";
    /// A leaf of the tree over a tally's commitments.
    COMMITMENT_LEAF = "cloister/commitment-leaf/v1";
    /// An inner node of that tree.
    COMMITMENT_NODE = "cloister/commitment-node/v1";
    /// A leaf of the consent tree.
    CONSENT_LEAF = "cloister/consent-leaf/v1";
    /// An inner node of the consent tree.
    CONSENT_NODE = "cloister/consent-node/v1";
    /// Salt of one consent entry.
    CONSENT_SALT = "cloister/consent-salt/v1";
    /// The coefficients of the polynomial whose values are custodians' shares.
    CUSTODY_COEFFICIENT = "cloister/custody-coefficient/v1";
    /// A custodian's request for its share.
    CUSTODY_HOLD = "cloister/custody-hold/v1";
    /// Identity of a key of which custodians hold shares.
    CUSTODY_KEY = "cloister/custody-key/v1";
    /// Where a custodian's share lies on the polynomial.
    CUSTODY_POINT = "cloister/custody-point/v1";
    /// What such a key wraps.
    CUSTODY_SEALING = "cloister/custody-sealing/v1";
    /// A custodian's share, brought to a locked boot.
    CUSTODY_UNLOCK = "cloister/custody-unlock/v1";
    /// A value that must never travel.
    CANARY = "cloister/canary/v1";
    /// A party's signed running counts.
    COUNTS = "cloister/counts/v1";
    /// A key that the processor derives for one image, and what is wrapped with it.
    DERIVED_SEALING = "cloister/seal/v1";
    /// The chain of one party's events.
    EVENT = "cloister/event/v1";
    /// Identity of evidence.
    EVIDENCE = "cloister/evidence-id/v1";
    /// One session of the set that two monitors may have in common.
    CUT = "cloister/cut/v1";
    /// What happened in an epoch, for whom the pact names.
    HIDDEN = "cloister/hidden/v1";
    /// A leaf of the tree over what opens a tally leaf.
    OPENING_LEAF = "cloister/opening-leaf/v1";
    /// An inner node of that tree.
    OPENING_NODE = "cloister/opening-node/v1";
    /// The monitor's signature of a tally leaf and what opens it.
    OPENINGS = "cloister/openings-signature/v1";
    /// A request for openings.
    OPENINGS_REQUEST = "cloister/openings-request/v1";
    /// Openings on their way to their holder.
    OPENINGS_SEAL = "cloister/openings-seal/v1";
    /// The point at which a segment's lookups are compared.
    SEGMENT_CHALLENGE = "cloister/segment-challenge/v1";
    /// The counters that segments move, hidden.
    SEGMENT_COUNTERS = "cloister/segment-counters/v1";
    /// What stands for one event in a log of entries, and hides it.
    SEGMENT_EVENT = "cloister/segment-event/v1";
    /// A log of entries.
    SEGMENT_LOG = "cloister/segment-log/v1";
    /// What hides one entry of that log.
    SEGMENT_NONCE = "cloister/segment-nonce/v1";
    /// The rules of a pact, as segments look them up.
    SEGMENT_RULES = "cloister/segment-rules/v1";
    /// Weights of a batch of segment proofs.
    SEGMENT_WEIGHTS = "cloister/segment-weights/v1";
    /// A claim that the monitor evaluated and signs.
    SIGNED_CLAIM = "cloister/signed-claim/v1";
    /// Root over the boots of a tally's life.
    BOOTS = "cloister/boots/v1";
    /// The blinding secret of one holder.
    HOLDER = "cloister/holder-secret/v1";
    /// Identity of an insecure sealing key.
    INSECURE_SEALING = "cloister/insecure-sealing/v1";
    /// The place that a sealed record belongs to: origin, boot, segment.
    JOURNAL_CONTEXT = "cloister/journal-context/v1";
    /// The chain of a journal's records.
    JOURNAL_HEAD = "cloister/journal-head/v1";
    /// The chain of a journal's segments.
    JOURNAL_HEADER = "cloister/journal-header/v1";
    /// The keys of one segment.
    JOURNAL_KEYS = "cloister/journal-keys/v1";
    /// The origin that a journal belongs to.
    JOURNAL_ORIGIN = "cloister/journal-origin/v1";
    /// What the wrapped key of a segment is bound to.
    JOURNAL_WRAP = "cloister/journal-wrap/v1";
    /// A leaf body, salted.
    LEAF_BODY = "cloister/leaf-body/v1";
    /// A leaf's signature by the boot key.
    LEAF_SIGNATURE = "cloister/leaf-signature/v1";
    /// An overseer's decision.
    APPROVAL = "cloister/approval/v1";
    /// What the monitor tells a party that follows it.
    NOTICE = "cloister/notice/v1";
    /// The log key's word for a boot key.
    BOOT_CERTIFICATE = "cloister/boot-certificate/v1";
    /// An overseer's decision to go on after a rollback.
    REINSTATEMENT = "cloister/reinstatement/v1";
    /// A party's return to a session.
    RESUMPTION = "cloister/resumption/v1";
    /// The monitor's leave for one call.
    TICKET = "cloister/ticket/v1";
    /// The opening of a session.
    OPEN = "cloister/open/v1";
    /// A request for a proof.
    PROOF_REQUEST = "cloister/proof-request/v1";
    /// A request for a private statistic.
    STATISTIC_REQUEST = "cloister/statistic-request/v1";
    /// A receipt of a trial, which stands for nothing.
    TRIAL_RECEIPT = "cloister/trial-receipt/v1";
    /// Identity of a pact.
    PACT = "cloister/pact/v1";
    /// A pact, salted for the public log.
    PACT_SALTED = "cloister/pact-salted/v1";
    /// A party's signature of a pact.
    PACT_SIGNATURE = "cloister/pact-signature/v1";
    /// Identity of a private query.
    QUERY = "cloister/query/v1";
    /// The monitor's receipt.
    RECEIPT = "cloister/receipt/v1";
    /// What hardware evidence binds.
    REPORT_DATA = "cloister/report-data/v1";
    /// An ordered list of counters.
    SCHEMA = "cloister/schema/v1";
    /// Development evidence.
    SOFTWARE_EVIDENCE = "cloister/insecure-software-evidence/v1";
    /// Identity of a tally.
    TALLY = "cloister/tally/v1";
    /// A dealer's value of a day, and how long the log was when it told it.
    COIN_DEAL = "cloister/coin-deal/v1";
    /// A dealer's value of a day, from the next day's.
    COIN_LINK = "cloister/coin-link/v1";
    /// A dealer's value of the last day.
    COIN_SECRET = "cloister/coin-secret/v1";
    /// The seed of a day's coins, from all dealers' values.
    COIN_SEED = "cloister/coin-seed/v1";
    /// Public coins, from a seed that nobody knew when the bits were committed.
    NOISE_COINS = "cloister/noise-coins/v1";
    /// The transcript of a proof of noise.
    NOISE_PROOF = "cloister/noise-proof/v1";
    /// Seed of the weights with which a verifier joins its equations.
    VERIFIER_WEIGHTS = "cloister/verifier-weights/v1";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn separators_are_unique_and_prefix_free() {
        for (i, a) in ALL.iter().enumerate() {
            for (j, b) in ALL.iter().enumerate() {
                assert!(i == j || !b.as_bytes().starts_with(a.as_bytes()), "{a:?} {b:?}");
            }
        }
    }
}
