//! What is needed to prove, and the checks before anything is proven.

use messages::bundle::{OpenedCommitments, ProvenClaim};
use messages::claim::{Claim, ConsentEntry};
use messages::codec::Wire;
use messages::counter::Schema;
use messages::evidence::Conceptual;
use messages::ids::LeafHash;
use messages::leaf::{BootBody, Kind, PactBody, TallyBody};
use messages::merkle::CONSENT;
use messages::publication::Disclosed;
use rand_core::CryptoRngCore;
use tally::Openings;
use verify::transcript::Binding;
use verify::{Fault, Statement, consent, covers};

use crate::error::ProveError;
use crate::linear;
use crate::witness::Witness;

/// A claim, the published leaves that it stands on, and the openings of two of them.
pub struct Request<'a> {
    /// What is to be proven.
    pub claim: &'a Claim,
    /// The ordered counters at the end of the range; those at its beginning are the first of them.
    pub schema: &'a Schema,
    /// The leaf before the range.
    pub before: &'a Disclosed,
    /// The leaf of its last epoch.
    pub after: &'a Disclosed,
    /// The leaf of the pact in force at the end of the range.
    pub pact: &'a Disclosed,
    /// The leaf of the boot that signed `after`.
    pub boot: &'a Disclosed,
    /// The consent entry that permits the claim, its place and its way to the consent root.
    pub consent: (ConsentEntry, usize, Vec<LeafHash>),
    /// Openings of `before`.
    pub before_openings: &'a Openings,
    /// Openings of `after`.
    pub after_openings: &'a Openings,
}

/// Proves the claim of `request`.
///
/// # Errors
/// [`ProveError`]: when a verifier would refute the claim, when the leaves, openings and claim do
/// not belong together, and when the statement is false.
pub fn prove(
    request: &Request<'_>,
    rng: &mut impl CryptoRngCore,
) -> Result<ProvenClaim, ProveError> {
    let before: TallyBody = body(request.before, Kind::Tally)?;
    let after: TallyBody = body(request.after, Kind::Tally)?;
    let pact: PactBody = body(request.pact, Kind::Pact)?;
    let boot: BootBody = body(request.boot, Kind::Boot)?;
    check_range(request, &before, &after, &pact)?;
    if boot.boot != request.after.leaf.boot {
        return Err(ProveError::BootMismatch);
    }
    check_openings(request.before_openings, &before)?;
    check_openings(request.after_openings, &after)?;
    let consent_index = check_consent(request, &before, &after, &pact)?;
    let statement = Statement::new(&request.claim.predicate, request.schema)?;

    let witness = |form| Witness::new(form, request.before_openings, request.after_openings);
    let equalities = statement.equalities().map(witness).collect::<Result<Vec<_>, _>>()?;
    let inequalities = statement.inequalities().map(witness).collect::<Result<Vec<_>, _>>()?;
    let commitments = opened(&statement, request)?;
    let evidence = Conceptual::from_cbor(&boot.evidence).map_err(|_| ProveError::BodyMalformed)?;
    let binding = Binding {
        root_pact: pact.root,
        pact: pact.pact,
        schema: pact.schema,
        before: verify::leaf_hash(&request.before.leaf),
        after: verify::leaf_hash(&request.after.leaf),
        boot: boot.boot,
        boot_key: boot.boot_key,
        evidence: evidence.evidence_id(),
        commitments: &commitments,
        claim: request.claim,
    };
    let proof = linear::prove(&binding, statement.width(), &equalities, &inequalities, rng)?;
    let (consent, _, consent_path) = request.consent.clone();
    Ok(ProvenClaim {
        claim: request.claim.clone(),
        before: request.before.index,
        after: request.after.index,
        pact: request.pact.index,
        consent,
        consent_index,
        consent_path,
        commitments,
        proof,
    })
}

fn body<T: Wire>(disclosed: &Disclosed, kind: Kind) -> Result<T, ProveError> {
    let body = T::from_cbor(&disclosed.body).map_err(|_| ProveError::BodyMalformed)?;
    if disclosed.leaf.kind == kind { Ok(body) } else { Err(ProveError::BodyMalformed) }
}

fn check_range(
    request: &Request<'_>,
    before: &TallyBody,
    after: &TallyBody,
    pact: &PactBody,
) -> Result<(), Fault> {
    covers(&request.claim.range, before, after, pact)?;
    if pact.schema == request.schema.hash() { Ok(()) } else { Err(Fault::PactSchema) }
}

fn check_openings(openings: &Openings, leaf: &TallyBody) -> Result<(), ProveError> {
    let same = openings.epoch() == leaf.epoch
        && openings.root() == leaf.commitments
        && u32::try_from(openings.commitments().len()) == Ok(leaf.counters);
    if same { Ok(()) } else { Err(ProveError::OpeningsMismatch) }
}

fn check_consent(
    request: &Request<'_>,
    before: &TallyBody,
    after: &TallyBody,
    pact: &PactBody,
) -> Result<u32, Fault> {
    let (entry, index, path) = &request.consent;
    let path: Vec<[u8; 32]> = path.iter().map(|hash| hash.0).collect();
    let count = usize::try_from(pact.consent_count).map_err(|_| Fault::NotConsented)?;
    if CONSENT.root_from(&entry.to_cbor(), *index, count, &path) != Some(pact.consent) {
        return Err(Fault::NotConsented);
    }
    consent::permits(entry, request.claim, before, after)?;
    u32::try_from(*index).map_err(|_| Fault::NotConsented)
}

fn opened(
    statement: &Statement,
    request: &Request<'_>,
) -> Result<Vec<OpenedCommitments>, ProveError> {
    let one = |counter: &messages::counter::CounterIndex| {
        let place = usize::from(counter.0);
        let (before, after) = (request.before_openings, request.after_openings);
        let new = after.commitments().get(place).ok_or(ProveError::OpeningsMismatch)?;
        Ok(OpenedCommitments {
            counter: counter.0,
            before: before.commitments().get(place).copied(),
            before_path: before.path(*counter),
            after: *new,
            after_path: after.path(*counter),
        })
    };
    statement.counters().iter().map(one).collect()
}
