//! Consent: exact disclosure needs an entry of the pact, also when the holder proves alone,
//! since nobody can log or ration what a holder does offline.

use messages::bundle::ProvenClaim;
use messages::claim::{Audience, Claim, ConsentEntry};
use messages::codec::Wire;
use messages::leaf::{PactBody, TallyBody};
use messages::merkle::CONSENT;
use messages::time::{Bracket, Epoch, Millis};

use crate::codes::Fault;

/// Opens the entry under the pact leaf's consent root and checks that it permits the claim.
pub(crate) fn check(
    proven: &ProvenClaim,
    pact: &PactBody,
    before: &TallyBody,
    after: &TallyBody,
) -> Result<(), Fault> {
    let path: Vec<[u8; 32]> = proven.consent_path.iter().map(|h| h.0).collect();
    let (index, count) = (usize_of(proven.consent_index), usize_of(pact.consent_count));
    let root = CONSENT.root_from(&proven.consent.to_cbor(), index, count, &path);
    if root != Some(pact.consent) {
        return Err(Fault::NotConsented);
    }
    permits(&proven.consent, &proven.claim, before, after)
}

/// Does the entry name this statement, this audience and this calendar range?
///
/// # Errors
/// [`Fault`] with one of the codes that begin with `not-consented-`.
pub fn permits(
    entry: &ConsentEntry,
    claim: &Claim,
    before: &TallyBody,
    after: &TallyBody,
) -> Result<(), Fault> {
    if claim.predicate.program_id() != entry.program {
        return Err(Fault::NotConsentedProgram);
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
        (before.epoch == Epoch(0) || on_boundary(&before.at, per)) && on_boundary(&after.at, per)
    });
    if aligned { Ok(()) } else { Err(Fault::NotConsentedCalendar) }
}

/// Is there exactly one multiple of `per` in the bracket?
fn on_boundary(at: &Bracket, per: Millis) -> bool {
    let narrow = at.latest.0.checked_sub(at.earliest.0).is_some_and(|width| width < per.0);
    let past = at.latest.0.checked_rem(per.0);
    narrow
        && past
            .zip(at.latest.0.checked_sub(at.earliest.0))
            .is_some_and(|(past, width)| past <= width)
}

fn usize_of(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use messages::time::{ClockKind, UnixMillis};

    use super::*;

    #[test]
    fn a_boundary_is_a_multiple_within_a_narrow_bracket() {
        let at = |earliest, latest| Bracket {
            earliest: UnixMillis(earliest),
            latest: UnixMillis(latest),
            clock: ClockKind::Generated,
        };
        assert!(on_boundary(&at(200, 200), Millis(100)));
        assert!(on_boundary(&at(195, 205), Millis(100)));
        assert!(on_boundary(&at(195, 200), Millis(100)) && on_boundary(&at(200, 205), Millis(100)));
        assert!(
            !on_boundary(&at(201, 201), Millis(100)) && !on_boundary(&at(199, 199), Millis(100))
        );
        assert!(!on_boundary(&at(150, 250), Millis(100)), "a wide bracket holds every boundary");
        assert!(!on_boundary(&at(200, 199), Millis(100)) && !on_boundary(&at(0, 0), Millis(0)));
    }
}
