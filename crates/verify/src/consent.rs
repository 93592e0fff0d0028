//! Consent: exact disclosure needs an entry of the pact, also when the holder proves alone,
//! since nobody can log or ration what a holder does offline.

use messages::bundle::{ProvenClaim, Stand};
use messages::claim::{Audience, Claim, ConsentEntry, Predicate};
use messages::codec::Wire;
use messages::leaf::{PactBody, TallyBody};
use messages::merkle::CONSENT;
use messages::time::Epoch;

use crate::codes::Fault;

/// Opens one entry for each statement under the pact leaf's consent root and checks that it
/// permits the statement.
pub(crate) fn check(
    proven: &ProvenClaim,
    stand: &Stand,
    pact: &PactBody,
    before: &TallyBody,
    after: &TallyBody,
) -> Result<(), Fault> {
    if stand.consent.len() != proven.claim.statements.len() {
        return Err(Fault::ConsentCount);
    }
    for (predicate, opened) in proven.claim.statements.iter().zip(&stand.consent) {
        let path: Vec<[u8; 32]> = opened.path.iter().map(|h| h.0).collect();
        let (index, count) = (usize_of(opened.index), usize_of(pact.consent_count));
        if CONSENT.root_from(&opened.entry.to_cbor(), index, count, &path) != Some(pact.consent) {
            return Err(Fault::NotConsented);
        }
        permits(&opened.entry, predicate, &proven.claim, before, after)?;
    }
    Ok(())
}

/// Does the entry name this statement of the claim, its audience and its calendar range?
///
/// # Errors
/// [`Fault`] with one of the codes that begin with `not-consented-`.
pub fn permits(
    entry: &ConsentEntry,
    predicate: &Predicate,
    claim: &Claim,
    before: &TallyBody,
    after: &TallyBody,
) -> Result<(), Fault> {
    if predicate.program_id() != entry.program {
        return Err(Fault::NotConsentedProgram);
    }
    // A longer list of thresholds is a binary search written out.
    let short = entry.grid.len() <= ConsentEntry::MAX_GRID;
    if !short || !entry.grid.contains(&predicate.thresholds()) {
        return Err(Fault::NotConsentedThreshold);
    }
    let listed = match &claim.audience {
        Audience::Public => entry.audience.is_empty(),
        Audience::Verifier { did, .. } => entry.audience.is_empty() || entry.audience.contains(did),
    };
    if !listed {
        return Err(Fault::NotConsentedAudience);
    }
    // A tally's opening counts as a boundary: nothing lies before it that a finer range could show.
    let aligned = entry.per.is_none_or(|per| {
        (before.epoch == Epoch(0) || per.bounds(&before.at)) && per.bounds(&after.at)
    });
    if aligned { Ok(()) } else { Err(Fault::NotConsentedCalendar) }
}

fn usize_of(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
