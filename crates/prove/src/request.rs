//! What is needed to prove, and the checks before anything is proven.

use messages::bundle::{OpenedCommitments, OpenedConsent, Proof, ProvenClaim, SignedProof, Stand};
use messages::claim::Claim;
use messages::codec::Wire;
use messages::counter::{CounterIndex, Schema};
use messages::domain;
use messages::evidence::Conceptual;
use messages::ids::BootId;
use messages::leaf::{BootBody, Kind, PactBody, TallyBody};
use messages::merkle::CONSENT;
use messages::publication::Disclosed;
use messages::signature::Sign;
use rand_core::CryptoRngCore;
use tally::Openings;
use verify::transcript::{Binding, StandBinding, signed_message};
use verify::{
    Fault, Statement, check_agreement, check_shape, check_terms, consent, covers, stretch, used,
};

use crate::error::ProveError;
use crate::linear;
use crate::witness::Witness;

/// A claim and what it stands on, one ground for each of its ranges.
pub struct Request<'a> {
    /// What is to be proven.
    pub claim: &'a Claim,
    /// In the order of its ranges.
    pub grounds: Vec<Ground<'a>>,
}

/// The published leaves of one range, and the openings of two of them.
pub struct Ground<'a> {
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
    /// The consent entries that permit the claim, one for each of its statements.
    pub consent: Vec<OpenedConsent>,
    /// Openings of `before`.
    pub before_openings: &'a Openings,
    /// Openings of `after`.
    pub after_openings: &'a Openings,
}

/// Proves the claim of `request` in zero knowledge.
///
/// # Errors
/// [`ProveError`]: when a verifier would refute the claim, when the leaves, openings and claim do
/// not belong together, when an opening that is needed is not there, and when a statement is false.
pub fn prove(
    request: &Request<'_>,
    rng: &mut impl CryptoRngCore,
) -> Result<ProvenClaim, ProveError> {
    let checked = Checked::of(request)?;
    checked.check_linear()?;
    let openings: Vec<_> =
        request.grounds.iter().map(|g| [g.before_openings, g.after_openings]).collect();
    let (mut equalities, mut inequalities) = (Vec::new(), Vec::new());
    for statement in &checked.statements {
        for form in statement.equalities() {
            equalities.push(Witness::new(form, &openings)?);
        }
        if statement.compares_cuts() {
            equalities.extend(Witness::cuts(&openings)?);
        }
        for (form, width) in statement.inequalities() {
            inequalities.push((width, Witness::new(form, &openings)?));
        }
    }
    let commitments = request.grounds.iter().enumerate().map(|(at, ground)| {
        let counters = used(&checked.statements, at);
        counters.iter().map(|counter| opened(ground, *counter)).collect()
    });
    let commitments: Vec<Vec<_>> = commitments.collect::<Result<_, _>>()?;
    let bindings = checked.bindings(request, &commitments)?;
    let binding = Binding { claim: request.claim, stands: &bindings };
    let proof = linear::prove(&binding, &equalities, inequalities, rng)?;
    Ok(proven(request, commitments, Proof::ZeroKnowledge(proof)))
}

/// Checks that the claim of `request` can be proven: all that [`prove`] does but the proof.
///
/// # Errors
/// [`ProveError`], as [`prove`] does.
pub fn check(request: &Request<'_>) -> Result<(), ProveError> {
    evaluate(request, &Checked::of(request)?)
}

/// Does the claim hold by its openings?
fn evaluate(request: &Request<'_>, checked: &Checked) -> Result<(), ProveError> {
    checked.check_linear()?;
    let openings: Vec<_> =
        request.grounds.iter().map(|g| [g.before_openings, g.after_openings]).collect();
    for statement in &checked.statements {
        if statement.compares_cuts() {
            Witness::cuts(&openings)?;
        }
        let forms = statement.inequalities().map(|(form, _)| form);
        for form in forms.chain(statement.equalities()) {
            Witness::new(form, &openings)?;
        }
    }
    Ok(())
}

/// Evaluates the claim of `request` and signs that it holds, as the boot `boot` whose log has
/// `size` leaves.
///
/// # Errors
/// [`ProveError`], as [`prove`] does.
pub fn sign(
    request: &Request<'_>,
    (boot, size): (BootId, u64),
    key: &impl Sign,
) -> Result<ProvenClaim, ProveError> {
    let checked = Checked::of(request)?;
    if checked.statements.iter().any(Statement::compares_cuts) {
        return Err(Fault::SignedLogs.into());
    }
    evaluate(request, &checked)?;
    let commitments = vec![Vec::new(); request.grounds.len()];
    let bindings = checked.bindings(request, &commitments)?;
    let binding = Binding { claim: request.claim, stands: &bindings };
    let signature = key.sign(domain::SIGNED_CLAIM, &signed_message(&binding, &boot, size));
    let proof = Proof::Signed(SignedProof { boot, size, signature });
    Ok(proven(request, commitments, proof))
}

/// A request that a verifier would not refute for its shape.
pub(crate) struct Checked {
    statements: Vec<Statement>,
    bodies: Vec<Bodies>,
}

struct Bodies {
    before: TallyBody,
    after: TallyBody,
    pact: PactBody,
    boot: BootBody,
}

impl Checked {
    pub(crate) fn of(request: &Request<'_>) -> Result<Self, ProveError> {
        let claim = request.claim;
        check_shape(claim)?;
        if request.grounds.len() != claim.ranges.len() {
            return Err(Fault::StandCount.into());
        }
        let bodies = request.grounds.iter().zip(&claim.ranges).map(|(ground, range)| {
            let bodies = Bodies {
                before: body(ground.before, Kind::Tally)?,
                after: body(ground.after, Kind::Tally)?,
                pact: body(ground.pact, Kind::Pact)?,
                boot: body(ground.boot, Kind::Boot)?,
            };
            covers(range, &bodies.before, &bodies.after, &bodies.pact)?;
            if bodies.pact.schema != ground.schema.hash() {
                return Err(Fault::PactSchema.into());
            }
            if bodies.boot.boot != ground.after.leaf.boot {
                return Err(ProveError::BootMismatch);
            }
            check_openings(ground.before_openings, &bodies.before)?;
            check_openings(ground.after_openings, &bodies.after)?;
            check_consent(claim, ground, &bodies)?;
            Ok(bodies)
        });
        let bodies = bodies.collect::<Result<Vec<_>, _>>()?;
        let ranges: Vec<_> = request
            .grounds
            .iter()
            .zip(&bodies)
            .map(|(ground, b)| stretch(ground.schema, &b.before, &b.after))
            .collect();
        let statements = claim.statements.iter().map(|p| Statement::new(p, &ranges));
        let statements = statements.collect::<Result<Vec<_>, _>>()?;
        check_agreement(claim, &statements)?;
        check_terms(&statements)?;
        Ok(Self { statements, bodies })
    }

    /// No other pact was in force at the beginning of a range.
    #[cfg(feature = "groth16")]
    pub(crate) fn check_one_pact(&self) -> Result<(), Fault> {
        let one = |bodies: &Bodies| bodies.before.pact == bodies.pact.pact;
        if self.bodies.iter().all(one) { Ok(()) } else { Err(Fault::ObeyedRevised) }
    }

    /// Nothing that forms show is about each event.
    fn check_linear(&self) -> Result<(), Fault> {
        let each = self.statements.iter().any(Statement::is_of_each_event);
        if each { Err(Fault::ObeyedProof) } else { Ok(()) }
    }

    pub(crate) fn bindings<'a>(
        &self,
        request: &Request<'a>,
        commitments: &'a [Vec<OpenedCommitments>],
    ) -> Result<Vec<StandBinding<'a>>, ProveError> {
        let grounds = request.grounds.iter().zip(&self.bodies).zip(commitments);
        let one = |((ground, bodies), commitments): ((&Ground<'a>, &Bodies), &'a Vec<_>)| {
            let evidence = Conceptual::from_cbor(&bodies.boot.evidence);
            Ok(StandBinding {
                log_key: bodies.boot.log_key,
                pact: bodies.pact.pact,
                schema: bodies.pact.schema,
                before: verify::leaf_hash(&ground.before.leaf),
                after: verify::leaf_hash(&ground.after.leaf),
                boot: bodies.boot.boot,
                boot_key: bodies.boot.boot_key,
                evidence: evidence.map_err(|_| ProveError::BodyMalformed)?.evidence_id(),
                commitments,
            })
        };
        grounds.map(one).collect()
    }
}

pub(crate) fn proven(
    request: &Request<'_>,
    commitments: Vec<Vec<OpenedCommitments>>,
    proof: Proof,
) -> ProvenClaim {
    let stands = request.grounds.iter().zip(commitments).map(|(ground, commitments)| Stand {
        before: ground.before.index,
        after: ground.after.index,
        pact: ground.pact.index,
        consent: ground.consent.clone(),
        commitments,
    });
    ProvenClaim { claim: request.claim.clone(), stands: stands.collect(), proof }
}

fn body<T: Wire>(disclosed: &Disclosed, kind: Kind) -> Result<T, ProveError> {
    let body = T::from_cbor(&disclosed.body).map_err(|_| ProveError::BodyMalformed)?;
    if disclosed.leaf.kind == kind { Ok(body) } else { Err(ProveError::BodyMalformed) }
}

fn check_openings(openings: &Openings, leaf: &TallyBody) -> Result<(), ProveError> {
    let same = openings.epoch() == leaf.epoch
        && openings.root() == leaf.commitments
        && openings.cut() == leaf.cut
        && openings.kappa() == leaf.kappa
        && u32::try_from(openings.commitments().len()) == Ok(leaf.counters);
    if same { Ok(()) } else { Err(ProveError::OpeningsMismatch) }
}

fn check_consent(claim: &Claim, ground: &Ground<'_>, bodies: &Bodies) -> Result<(), Fault> {
    let pact = &bodies.pact;
    if ground.consent.len() != claim.statements.len() {
        return Err(Fault::ConsentCount);
    }
    for (predicate, opened) in claim.statements.iter().zip(&ground.consent) {
        let path: Vec<[u8; 32]> = opened.path.iter().map(|hash| hash.0).collect();
        let number = |n: u32| usize::try_from(n).map_err(|_| Fault::NotConsented);
        let (index, count) = (number(opened.index)?, number(pact.consent_count)?);
        if CONSENT.root_from(&opened.entry.to_cbor(), index, count, &path) != Some(pact.consent) {
            return Err(Fault::NotConsented);
        }
        consent::permits(&opened.entry, predicate, claim, &bodies.before, &bodies.after)?;
    }
    Ok(())
}

fn opened(ground: &Ground<'_>, counter: CounterIndex) -> Result<OpenedCommitments, ProveError> {
    let place = usize::from(counter.0);
    let (before, after) = (ground.before_openings, ground.after_openings);
    Ok(OpenedCommitments {
        counter: counter.0,
        before: before.commitments().get(place).copied(),
        before_path: before.path(counter),
        after: *after.commitments().get(place).ok_or(ProveError::OpeningsMismatch)?,
        after_path: after.path(counter),
    })
}
