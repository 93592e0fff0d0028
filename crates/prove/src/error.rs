//! Why there is no proof.

use verify::{Fault, StatementError};

/// Why a claim is not proven. No variant says anything of a value, except that the statement
/// is false.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProveError {
    /// The boot leaf is not of the boot that signed the leaf after the range.
    #[error("the boot leaf is not of the boot that signed the leaf after the range")]
    BootMismatch,
    /// A leaf's body is not of its kind.
    #[error("the body of a leaf is not of its kind")]
    BodyMalformed,
    /// A counter fell between the two leaves.
    #[error("a counter fell between the two leaves")]
    CounterFell,
    /// An opening that the claim needs is not held: it is of a counter that is not shared with the
    /// holder, or a session was open where two monitors are compared.
    #[error("an opening that the claim needs is not held")]
    NotHeld,
    /// The proof system failed.
    #[error("the proof system failed")]
    Internal,
    /// The entries do not lead from the leaf before the range to its last one.
    #[error("the entries do not lead from one leaf to the other")]
    OtherEntries,
    /// The openings are not those of the leaves.
    #[error("the openings are not those of the leaves")]
    OpeningsMismatch,
    /// A verifier would refute the claim.
    #[error(transparent)]
    Refutable(#[from] Fault),
    /// The predicate is not a statement under the schema.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The statement is false.
    #[error("the statement is false")]
    StatementFalse,
}

impl ProveError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::BootMismatch => "boot-mismatch",
            Self::BodyMalformed => "body-malformed",
            Self::CounterFell => "counter-fell",
            Self::Internal => "prover-failed",
            Self::NotHeld => "opening-not-held",
            Self::OtherEntries => "entries-mismatch",
            Self::OpeningsMismatch => "openings-mismatch",
            Self::Refutable(fault) => fault.code(),
            Self::Statement(error) => error.code(),
            Self::StatementFalse => "statement-false",
        }
    }
}

#[cfg(feature = "groth16")]
impl From<circuits::keys::ProveError> for ProveError {
    fn from(error: circuits::keys::ProveError) -> Self {
        match error {
            circuits::keys::ProveError::Unsatisfied { .. } => Self::StatementFalse,
            circuits::keys::ProveError::BadKey | circuits::keys::ProveError::OtherCircuit => {
                Self::Internal
            }
        }
    }
}
