//! Delegation: how far a party's agent may hand on what it may do.

use crate::document::terms::{Document, Narrowing};

/// To whom, how far, and how much.
#[derive(Clone, Debug)]
pub(crate) struct DelegationRule {
    /// Longest chain of delegates.
    pub(crate) max_depth: u64,
    pub(crate) narrowing: Narrowing,
    /// Nobody in particular when empty.
    pub(crate) to: Vec<String>,
}

pub(crate) fn compile(terms: &Document) -> Option<DelegationRule> {
    let delegation = terms.delegation.as_ref()?;
    Some(DelegationRule {
        max_depth: delegation.max_depth,
        narrowing: delegation.narrowing.unwrap_or(Narrowing::MustNarrow),
        to: delegation.to.iter().map(|did| did.0.as_str().to_owned()).collect(),
    })
}
