//! Every refusal by its stable code. Codes are never reused; none carries text from the input.

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $code:literal, $meaning:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
        pub enum $name {
            $(#[doc = $meaning] #[error($meaning)] $variant,)*
        }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// What it means, in one clause.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

codes! {
    /// Why a predicate is not a statement that can be proven under a schema.
    StatementError {
        AgreeOfTwo = "agree-of-two", "only two ranges can be said to agree";
        BucketRepeated = "bucket-repeated", "the histogram has an edge twice";
        CounterNameRepeated = "counter-name-repeated", "the schema has a name twice";
        CounterTwice = "counter-twice", "a counter is on both sides of an equality";
        EmptyInterval = "empty-interval", "the lower bound is above the upper bound";
        NeverTrue = "never-true", "no values within the declared maxima satisfy the statement";
        NoCounters = "no-counters", "the statement names no counter, or a side of it names none";
        NoOverflowBucket = "no-overflow-bucket", "the histogram does not count values above its last edge";
        NotABucketEdge = "not-a-bucket-edge", "only the edges of a histogram can be stated";
        PercentOutOfRange = "percent-out-of-range", "a percentile lies in 1..=99";
        RateOfNoTime = "rate-of-no-time", "a rate is per some time";
        RatioNotAFraction = "ratio-not-a-fraction", "the threshold is not a positive fraction in lowest terms";
        RatioWithoutMinimum = "ratio-without-minimum", "without a positive minimum, nothing out of nothing satisfies every ratio";
        SchemaTooLong = "schema-too-long", "the schema has too many counters";
        StatesNothing = "states-nothing", "there is neither a lower nor an upper bound";
        SumOrder = "sum-order", "the counters of a sum are not in strictly increasing order";
        TooWide = "too-wide", "the bounds of the statement do not fit 127 bits";
        UnitsDiffer = "units-differ", "counters of different units are added";
        UnknownCounter = "unknown-counter", "the schema has no such counter";
        UnknownHistogram = "unknown-histogram", "the schema has no such histogram";
        ZeroCoefficient = "zero-coefficient", "a counter is multiplied by zero";
    }
}

codes! {
    /// Why nothing at all can be said from these bytes: they are no bundle of this log.
    Unusable {
        AggregateRepeated = "aggregate-repeated", "an aggregate is shown twice";
        BodyDigest = "body-digest", "a body is not the one that its leaf commits to";
        BodyMalformed = "body-malformed", "a body is not of its kind's only encoding";
        BootIdMismatch = "boot-id-mismatch", "a boot leaf names another boot than its body";
        BootLogKey = "boot-log-key", "a boot leaf belongs to another log";
        BootRepeated = "boot-repeated", "two boot leaves introduce one boot";
        BootSuperseded = "boot-superseded", "a leaf is signed by a boot that another boot had replaced";
        CheckpointBadSignature = "checkpoint-bad-signature", "the log's signature of the checkpoint does not hold";
        CheckpointExtension = "checkpoint-extension", "the checkpoint has lines after its root";
        CheckpointMalformed = "checkpoint-malformed", "the checkpoint is not a signed note";
        CheckpointNonCanonical = "checkpoint-non-canonical", "the checkpoint is a second spelling of another";
        CheckpointTooLarge = "checkpoint-too-large", "the checkpoint is over its size bound";
        CheckpointTruncated = "checkpoint-truncated", "the checkpoint is cut short";
        CheckpointUnsigned = "checkpoint-unsigned", "the log did not sign the checkpoint";
        CheckpointWrongKey = "checkpoint-wrong-key", "the checkpoint is signed by another key of the log's name";
        CheckpointWrongOrigin = "checkpoint-wrong-origin", "the checkpoint belongs to another origin";
        Empty = "empty", "the bundle claims nothing";
        Equivocation = "equivocation", "one epoch of one tally has two leaves";
        EvidenceMalformed = "evidence-malformed", "a boot leaf carries no readable evidence";
        Format = "format", "the bundle is of another format or version";
        LeafBeforeBoot = "leaf-before-boot", "a leaf lies before the boot that signs it";
        LeafBeyondCheckpoint = "leaf-beyond-checkpoint", "a leaf lies outside the checkpoint's log";
        LeafOrder = "leaf-order", "leaves are not in strictly increasing order";
        LeafSignature = "leaf-signature", "the boot key did not sign a leaf";
        LedgerNotTheLog = "ledger-not-the-log", "the leaves are not those of the checkpoint";
        LogNotAnchored = "log-not-anchored", "the bundle shows a log that is not anchored";
        LogOrder = "log-order", "logs are not in strictly increasing order of their origins";
        Malformed = "malformed", "the bytes are not of a bundle's shape";
        NonCanonical = "non-canonical", "the bytes are a second encoding of a bundle";
        NotIncluded = "not-included", "a leaf is not in the checkpoint's log";
        PreviousLeaf = "previous-leaf", "a tally's leaf does not continue the leaf of the epoch before";
        TooLarge = "too-large", "the bundle is over its size bound";
        TooManyBoots = "too-many-boots", "the bundle carries too many boots";
        TooManyClaims = "too-many-claims", "the bundle carries too many claims";
        TooManyLeaves = "too-many-leaves", "the bundle carries too many leaves";
        TooManyLogs = "too-many-logs", "the bundle shows too many logs";
        TooManyNotes = "too-many-notes", "the bundle carries too many time stamps or missing statements";
    }
}

codes! {
    /// Why a claim or aggregate does not hold.
    Fault {
        AfterNotTally = "after-not-tally", "the leaf after the range is no tally leaf";
        AggregateEarly = "aggregate-early", "the aggregate was drawn before its day was over";
        AggregateKind = "aggregate-kind", "the leaf shown as an aggregate is none";
        AgreeLogs = "agree-logs", "the two ranges are not of one tally in two logs";
        BeforeNotTally = "before-not-tally", "the leaf before the range is no tally leaf";
        BootEvidence = "boot-evidence", "the tally names other evidence or configuration than the boot's leaf";
        BootsDiverge = "boots-diverge", "the boots at the end of the range do not continue those before it";
        BootsOrder = "boots-order", "the boots of the tally's life are repeated or out of order";
        BudgetExceeded = "budget-exceeded", "more is spent than the day's cap";
        BudgetInconsistent = "budget-inconsistent", "the debits do not add up to what is spent";
        CellsMismatch = "cells-mismatch", "there are not as many values as distinct cells";
        CoinsCommitted = "coins-committed", "the reservation does not commit to the number under dealers, or does and no coins are for it";
        CoinsDealt = "coins-dealt", "the coins are not those that the dealers promised";
        CoinsEarly = "coins-early", "a dealer told its coins before the log had the commitment";
        CoinsElsewhere = "coins-elsewhere", "a dealer told its coins over another log";
        CoinsSignature = "coins-signature", "a dealer did not sign its deal";
        CommitmentEncoding = "commitment-encoding", "a commitment is not a canonical group element";
        CommitmentIdentity = "commitment-identity", "a commitment is the identity";
        CommitmentPathAfter = "commitment-path-after", "a commitment is not in the leaf after the range";
        CommitmentPathBefore = "commitment-path-before", "a commitment is not in the leaf before the range";
        CommitmentSet = "commitment-set", "the commitments are not those of the statement's counters, in order";
        ConsentCount = "consent-count", "there is not one consent entry for each statement and range";
        CounterCount = "counter-count", "a leaf commits to another number of counters than the schema has";
        CrossesBreak = "crosses-break", "the tally ended within the range";
        EpochAfter = "epoch-after", "the leaf after the range is not of its last epoch";
        EpochBefore = "epoch-before", "the leaf before the range is not of the epoch before its first";
        EqualityCount = "equality-count", "there are not as many equality proofs as equalities";
        EqualityEncoding = "equality-encoding", "an equality proof is not canonically encoded";
        EqualityProof = "equality-proof", "an equality proof does not hold";
        EvidenceBinding = "evidence-binding", "the evidence binds other keys, configuration, origin or boot than the leaf says";
        GapsFell = "gaps-fell", "the cumulative gap counts fell";
        HighCount = "high-count", "there are not as many high halves as the width asks for";
        HighEncoding = "high-encoding", "a high half is not a canonical group element";
        LeafOrderReversed = "range-reversed-in-log", "the leaf after the range lies before the leaf before it";
        LedgerGap = "ledger-gap", "a number of a ledger was never given to any entry";
        NoiseEncoding = "noise-encoding", "the proof of a number with the noise of coins is not well-formed";
        NoiseMechanism = "noise-mechanism", "the noise is of another mechanism than the query";
        NoiseProof = "noise-proof", "the number is not what was committed to with the noise of its coins";
        NoiseScale = "noise-scale", "the noise is smaller than the price that was paid allows";
        NoiseSensitivity = "noise-sensitivity", "the noise is for another sensitivity than the bounds imply";
        NoiseWidth = "noise-width", "the stated interval is narrower than the noise";
        NotConsented = "not-consented", "no entry of the pact's consent permits the claim";
        NotConsentedAudience = "not-consented-audience", "the consent is for others than the claim's audience";
        NotConsentedCalendar = "not-consented-calendar", "the range is not the calendar range that the consent permits";
        NotConsentedProgram = "not-consented-program", "the consent is for another statement";
        NotConsentedThreshold = "not-consented-threshold", "the consent does not list these thresholds";
        ObeyedAlone = "obeyed-alone", "that every event obeyed is claimed with other statements, or over several ranges";
        ObeyedProof = "obeyed-proof", "that every event obeyed is not shown by segments, or they show something else";
        ObeyedRevised = "obeyed-revised", "another pact was in force at the beginning of the range";
        PactChain = "pact-chain", "the pact at the end of the range does not follow the one at its beginning";
        PactNotInForce = "pact-not-in-force", "the pact leaf is not of the pact in force at the end of the range";
        PactNotPact = "pact-not-pact", "the leaf shown as the pact is none";
        PactOrder = "pact-order", "a pact leaf stands behind a tally leaf that counts under it";
        PactRoot = "pact-root", "the leaves belong to different chains of pacts";
        PactSchema = "pact-schema", "the leaves commit to another schema than the pact's";
        RangeEmpty = "range-empty", "the range begins before epoch 1 or after its end";
        RangeEncoding = "range-encoding", "the range proof is not well-formed";
        RangeOrder = "range-order", "the ranges are not in strictly increasing order";
        RangePactRoot = "range-pact-root", "the leaves belong to another chain of pacts than the range says";
        RangeProof = "range-proof", "the range proof does not hold";
        RangeTwice = "range-twice", "two ranges count the same sessions";
        RangeUnexpected = "range-unexpected", "there is a range proof and no inequality, or the reverse";
        ReservationBoot = "reservation-boot", "another boot drew than the one that paid";
        ReservationDay = "reservation-day", "the reservation debits another day";
        ReservationDebit = "reservation-debit", "the reservation debits another price";
        ReservationOrder = "reservation-order", "the reservation does not come before the aggregate";
        ReservationQuery = "reservation-query", "the reservation has no debit for the query";
        SchemaNotAppended = "schema-not-appended", "a revision reordered or replaced counters instead of appending them";
        SecondCommitment = "second-commitment", "a statistic of a day is committed to twice";
        SecondDraw = "second-draw", "noise was drawn twice for one query";
        SegmentCount = "segment-count", "the segments are no power of two, or do not fit what is hidden between them";
        SegmentEncoding = "segment-encoding", "a segment's proof or what is hidden beside it is not well-formed";
        SegmentProof = "segment-proof", "a segment's proof does not hold";
        SequenceRepeated = "sequence-repeated", "the ledger's sequence numbers do not increase with the log";
        SignedCommitments = "signed-commitments", "a signed claim opens commitments";
        SignedLogs = "signed-logs", "a signed claim speaks of another log than its signer";
        SignedOrder = "signed-order", "the signer was not the boot in charge when it signed";
        SignedProof = "signed-proof", "the signature of a signed claim does not hold";
        StandCount = "stand-count", "there is not one stand for each range";
        StatementCount = "statement-count", "the claim has no statement or too many, or too many ranges";
        StatementIdentity = "statement-identity", "the statement's commitment is the identity";
        StatisticUnknown = "statistic-unknown", "no statistic of this name is drawn with this noise";
        TallyAfter = "tally-after", "the leaf after the range is of another tally";
        TallyBefore = "tally-before", "the leaf before the range is of another tally";
        TimeReversed = "time-reversed", "the range ends before it begins";
        TooManyParties = "too-many-parties", "the statements need more commitments than one proof holds";
        TooManyTerms = "too-many-terms", "the statements multiply more counters than a verifier is asked to";
        TotalDays = "total-days", "the query is not of one of the days of a total, or its mechanism is of none";
        TotalGap = "total-gap", "a running total leaves out a day";
        TotalNoise = "total-noise", "a running total goes on at another price or with other noise";
        TotalsOverlap = "totals-overlap", "a day is told in two totals, or earlier days after later ones";
    }
}

codes! {
    /// Why nothing can be said of one claim or aggregate, though nothing speaks against it.
    Reason {
        Audience = "audience", "the proof speaks to another verifier";
        BootMissing = "boot", "a boot of the range is not shown";
        BootsMissing = "boots-missing", "the boots of the tally's life are not shown";
        CircuitEvidence = "circuit-evidence", "the evidence of the boot that made the circuit's key was not appraised";
        CircuitNotAnchored = "circuit-not-anchored", "the circuit's key is not anchored";
        CircuitUnknown = "circuit-unknown", "this verifier knows no circuits";
        CoinsNotAnchored = "coins-not-anchored", "no dealer of the coins is anchored";
        ConfigNotAnchored = "config-not-anchored", "a boot of the range ran a configuration that is not anchored";
        Evidence = "evidence", "the evidence of a boot of the range was not appraised";
        Expired = "expired", "the proof has expired";
        Gap = "gap", "more events are missing in the range than the claim admits";
        LeafMissing = "leaf-missing", "a leaf that the claim or aggregate stands on is not shown";
        LedgerHidden = "ledger-hidden", "a boot, reservation or aggregate of the log is not opened";
        LogMissing = "log-missing", "the log of a range is not shown";
        Nonce = "nonce", "the proof does not answer the verifier's nonce";
        NotProven = "not-proven", "the bundle says that this is missing";
        NotStamped = "not-stamped", "the checkpoint carries no time stamp that is accepted";
        NotWitnessed = "not-witnessed", "fewer witnesses than demanded have cosigned the checkpoint";
        PactNotAnchored = "pact-not-anchored", "the pact is not anchored";
        ReservationMissing = "reservation-missing", "the reservation that paid is not shown";
        RevisionMissing = "revision-missing", "a pact between the two that were in force at the ends of the range is not shown";
        SchemaMissing = "schema-missing", "the schema is not shown";
        SequenceGap = "sequence-gap", "entries of the ledger between reservation and aggregate are not shown";
        TailOpen = "tail-open", "a session of the range was never closed by both sides, so any number of events may be missing";
    }
}

codes! {
    /// Why an accusation convicts nobody.
    Unfounded {
        Checkpoint = "accusation-checkpoint", "the log did not sign a checkpoint of the accusation";
        CommitmentPath = "accusation-commitment-path", "the commitment is not in the leaf";
        Format = "accusation-format", "the file is of another format or version";
        HeadsAgree = "accusation-heads-agree", "the two checkpoints can both be true";
        LeavesAgree = "accusation-leaves-agree", "the two leaves are one, or at different places";
        LogNotAnchored = "accusation-log-not-anchored", "the accused log is not anchored";
        Malformed = "accusation-malformed", "the bytes are not of an accusation's shape";
        NonCanonical = "accusation-non-canonical", "the bytes are a second encoding of an accusation";
        NotIncluded = "accusation-not-included", "a leaf is not in the log of its checkpoint";
        OpeningPath = "accusation-opening-path", "the opening is not under the signed root";
        OpeningRight = "accusation-opening-right", "the opening opens the commitment";
        OpeningSignature = "accusation-opening-signature", "the monitor did not sign the opening";
        TooLarge = "accusation-too-large", "the file is over its size bound";
        TotalsAgree = "accusation-totals-agree", "no epoch of a tally has two leaves";
        View = "accusation-view", "what is shown of the log does not hold by itself";
    }
}

impl Unusable {
    /// What to do.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::CheckpointBadSignature
            | Self::CheckpointUnsigned
            | Self::CheckpointWrongKey
            | Self::CheckpointWrongOrigin
            | Self::BootLogKey => {
                "compare the anchors with what the monitor publishes; if they are right, the bundle is of another monitor or forged"
            }
            Self::Equivocation | Self::PreviousLeaf | Self::BootSuperseded | Self::BootRepeated => {
                "keep the bundle: it is signed evidence against the monitor"
            }
            Self::LogNotAnchored => {
                "pin the monitor of every log that it speaks of, and join their anchors"
            }
            _ => "ask for the bundle again; what arrived was cut, altered or never valid",
        }
    }
}

impl Reason {
    /// What to do.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Audience => {
                "if it is for you, name yourself as the audience of your anchors; else ask the holder for a proof to you"
            }
            Self::Expired | Self::Nonce => "ask the holder for a proof to you, over your nonce",
            Self::BootMissing
            | Self::BootsMissing
            | Self::LeafMissing
            | Self::ReservationMissing
            | Self::RevisionMissing
            | Self::SchemaMissing
            | Self::SequenceGap => "ask for a bundle that shows it",
            Self::CoinsNotAnchored => {
                "anchor a dealer that you know not to work with the monitor, or anchor none"
            }
            Self::CircuitEvidence => {
                "appraise the evidence of the boot that made the key, and verify again"
            }
            Self::CircuitNotAnchored => "anchor the circuit's key if you trust how it was made",
            Self::CircuitUnknown => "verify with a verifier that knows circuits",
            Self::ConfigNotAnchored => {
                "read that configuration; anchor it only if you accept what it lets the monitor do"
            }
            Self::LogMissing => "ask for a bundle that shows it",
            Self::NotProven => "ask why; a statement that does not hold cannot be proven",
            Self::NotStamped => "ask for a bundle with a time stamp, or do without",
            Self::NotWitnessed => {
                "ask for a checkpoint that the witnesses cosigned, or trust others"
            }
            Self::Evidence => "appraise the evidence of every boot in the bundle and verify again",
            Self::TailOpen => "ask for a range without the session that was left open",
            Self::Gap => "read the gap counts; accept the claim only in a form that admits them",
            Self::LedgerHidden => "fetch the ledger again, whole, with `cloister log ledger`",
            Self::PactNotAnchored => "read the pact; anchor its root if it is the one you mean",
        }
    }
}

/// Why a claim or aggregate is false or not what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refutation {
    /// A part does not hold.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The predicate is not a statement.
    #[error(transparent)]
    Statement(#[from] StatementError),
}

impl Refutation {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Fault(fault) => fault.code(),
            Self::Statement(error) => error.code(),
        }
    }

    /// What it means, in one clause.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Fault(fault) => fault.meaning(),
            Self::Statement(error) => error.meaning(),
        }
    }

    /// What to do.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Fault(_) => "do not rely on it; ask who gave it to you why it does not hold",
            Self::Statement(_) => "ask for a claim that says something",
        }
    }
}

/// Every code, in order of kind.
#[must_use]
pub fn all_codes() -> Vec<&'static str> {
    let unusable = Unusable::ALL.iter().map(|e| e.code());
    let faults = Fault::ALL.iter().map(|e| e.code());
    let statements = StatementError::ALL.iter().map(|e| e.code());
    let reasons = Reason::ALL.iter().map(|e| e.code());
    let unfounded = Unfounded::ALL.iter().map(|e| e.code());
    unusable.chain(faults).chain(statements).chain(reasons).chain(unfounded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accusation::Offence;

    #[test]
    fn codes_are_unique_and_kebab_case() {
        let mut codes = all_codes();
        assert!(codes.len() >= 100, "{}", codes.len());
        let kebab =
            |c: &str| c.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        assert!(codes.iter().all(|c| kebab(c)));
        codes.sort_unstable();
        let count = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }

    /// Words for people: whole ones, and another meaning for every code.
    #[test]
    fn every_code_says_what_it_means_and_what_to_do() {
        let refutations = Fault::ALL.iter().copied().map(Refutation::from);
        let refutations =
            refutations.chain(StatementError::ALL.iter().copied().map(Refutation::from));
        let refutations = refutations.map(|r| (r.code(), r.to_string(), r.meaning(), r.remedy()));
        let reasons =
            Reason::ALL.iter().map(|r| (r.code(), r.to_string(), r.meaning(), r.remedy()));
        let unusable =
            Unusable::ALL.iter().map(|u| (u.code(), u.to_string(), u.meaning(), u.remedy()));
        let all: Vec<_> = refutations.chain(reasons).chain(unusable).collect();
        let mut meanings = Vec::new();
        for (code, shown, meaning, remedy) in &all {
            assert_eq!(shown, meaning, "{code}");
            assert!(meaning.contains(' ') && remedy.contains(' '), "{code}");
            meanings.push(*meaning);
        }
        let says = |words: &str| {
            let told = Unusable::ALL.iter().filter(|u| u.remedy().contains(words));
            told.map(|u| u.code()).collect::<Vec<_>>()
        };
        let convicting = ["boot-repeated", "boot-superseded", "equivocation", "previous-leaf"];
        assert_eq!(says("signed evidence against the monitor"), convicting);
        assert_eq!(says("pin the monitor of every log"), ["log-not-anchored"]);
        assert_eq!(says("compare the anchors").len(), 5);
        for offence in [Offence::Fork, Offence::TwoTotals, Offence::WrongOpening] {
            assert!(offence.meaning().starts_with("the monitor signed"), "{}", offence.code());
            meanings.push(offence.meaning());
        }
        meanings.extend(Unfounded::ALL.iter().map(|unfounded| unfounded.meaning()));
        let count = meanings.len();
        meanings.sort_unstable();
        meanings.dedup();
        assert_eq!(meanings.len(), count, "two codes mean the same");
    }
}
