//! Commitments to totals and what opens them.

use std::sync::LazyLock;

use bulletproofs::PedersenGens;
use circuits::digest::{bytes_of, element};
use curve25519_dalek::Scalar;
use curve25519_dalek::constants::RISTRETTO_BASEPOINT_TABLE;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoBasepointTable, RistrettoPoint};
use messages::counter::CounterIndex;
use messages::ids::{Commitment, FieldElement, LeafHash, Root};
use messages::merkle::COMMITMENTS;
use messages::segment::MOVED;
use messages::time::Epoch;
use zeroize::{Zeroize, Zeroizing};

use crate::blinding::{Blinding, BlindingContext, Blindings, Hiding};
use crate::cut::Cut;
use crate::entries::Place;
use crate::held::HeldError;
use crate::secret::HolderSecret;
use crate::totals::Totals;

/// Commits to every total: S_i = C_i·G + R_i·H, with a blinding of its own (also when the total
/// did not move: an unchanged commitment would say so).
///
/// The set of counted sessions is committed to beside them, if there is one, and `moved` counters
/// once more, for circuits, with the log of entries that moved them: kappa = Poseidon(r, root,
/// C_1, ...), with r as secret as a blinding.
pub fn commit(
    totals: &Totals,
    (moved, entries): (&Moved, Place),
    cut: Option<&Cut>,
    secret: &HolderSecret,
    context: &BlindingContext,
) -> Openings {
    let derived = Blindings::new(secret, context);
    let cut_blinding = cut.map(|_| derived.of(CUT));
    let cut = match (cut, &cut_blinding) {
        (Some(cut), Some(blinding)) => cut.commit(blinding),
        // To nothing that anybody could know: the blinding of a place that is never opened.
        _ => Commitment((derived.of(NO_CUT).expose() * RISTRETTO_BASEPOINT_TABLE).compress().0),
    };
    let hiding = derived.element(KAPPA);
    let values = Zeroizing::new(totals.expose().iter().copied().map(Some).collect::<Vec<_>>());
    let kappa = kappa_of(&hiding, entries.root(), &moved_of(&values, moved)).unwrap_or_default();
    let blindings = derived;
    let blindings: Vec<Blinding> =
        (0..=u16::MAX).take(totals.len()).map(|i| blindings.of(CounterIndex(i))).collect();
    // Half of each commitment: the batch encoding doubles what it is given, and shares one field
    // inversion among all points.
    let mut halves: Vec<RistrettoPoint> = totals
        .expose()
        .iter()
        .zip(&blindings)
        .map(|(value, blinding)| {
            let value = Zeroizing::new(Scalar::from(*value) * *HALF);
            let blinding = Zeroizing::new(blinding.expose() * *HALF);
            &*value * RISTRETTO_BASEPOINT_TABLE + &*blinding * &*BLINDING_TABLE
        })
        .collect();
    let commitments: Vec<Commitment> = RistrettoPoint::double_and_compress_batch(&halves)
        .into_iter()
        .map(|point| Commitment(point.to_bytes()))
        .collect();
    halves.iter_mut().for_each(Zeroize::zeroize);
    let root = COMMITMENTS.root(&leaves(&commitments));
    let blindings = blindings.into_iter().map(Some).collect();
    let (epoch, hiding) = (context.epoch, Some((hiding, entries.root())));
    Openings { epoch, values, blindings, commitments, root, cut, cut_blinding, kappa, hiding }
}

fn kappa_of(hiding: &Hiding, root: FieldElement, moved: &[u64; MOVED]) -> Option<FieldElement> {
    Some(bytes_of(&circuits::log::commit(hiding.expose(), &element(&root)?, moved)))
}

/// Where the counters are that segments move (see [`messages::segment::moved`]).
pub type Moved = [Option<CounterIndex>; MOVED];

/// Their values; zero where there is none.
fn moved_of(values: &[Option<u64>], moved: &Moved) -> Zeroizing<[u64; MOVED]> {
    let value = |at: CounterIndex| values.get(usize::from(at.0)).copied().flatten();
    Zeroizing::new(moved.map(|place| place.and_then(value).unwrap_or_default()))
}

/// The totals of one epoch with their blindings, all of them or those that are shared: whoever
/// holds this can prove.
#[must_use]
pub struct Openings {
    epoch: Epoch,
    values: Zeroizing<Vec<Option<u64>>>,
    blindings: Vec<Option<Blinding>>,
    commitments: Vec<Commitment>,
    root: Root,
    cut: Commitment,
    cut_blinding: Option<Blinding>,
    kappa: FieldElement,
    /// With the root of the log of entries.
    hiding: Option<(Hiding, FieldElement)>,
}

impl Openings {
    /// The epoch that these totals end.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The commitments, in schema order. Public.
    #[must_use]
    pub fn commitments(&self) -> &[Commitment] {
        &self.commitments
    }

    /// Root over the commitments, as the leaf carries it.
    #[must_use]
    pub fn root(&self) -> Root {
        self.root
    }

    /// Way of one commitment to the root; empty when there is no such counter.
    #[must_use]
    pub fn path(&self, counter: CounterIndex) -> Vec<LeafHash> {
        let place = usize::from(counter.0);
        if place >= self.commitments.len() {
            return Vec::new();
        }
        let path = COMMITMENTS.path(&leaves(&self.commitments), place);
        path.into_iter().map(LeafHash).collect()
    }

    /// Reads one total out.
    #[must_use]
    pub fn expose_value(&self, counter: CounterIndex) -> Option<u64> {
        self.values.get(usize::from(counter.0)).copied().flatten()
    }

    /// The commitment to the set of counted sessions, as the leaf carries it. Public.
    #[must_use]
    pub fn cut(&self) -> Commitment {
        self.cut
    }

    /// The same as a group element; none when it is none's encoding.
    #[must_use]
    pub fn cut_point(&self) -> Option<RistrettoPoint> {
        CompressedRistretto(self.cut.0).decompress()
    }

    /// Reads the blinding of that set out; none when a session was open, so that there is no set.
    #[must_use]
    pub fn expose_cut_blinding(&self) -> Option<&Blinding> {
        self.cut_blinding.as_ref()
    }

    /// The hidden counters that segments move, as the leaf carries them. Public.
    #[must_use]
    pub fn kappa(&self) -> FieldElement {
        self.kappa
    }

    /// Reads out what hides those counters, and the root that is hidden with them; none when not
    /// all of them are shared.
    #[must_use]
    pub fn expose_hiding(&self) -> Option<(&Hiding, FieldElement)> {
        self.hiding.as_ref().map(|(hiding, root)| (hiding, *root))
    }

    /// Reads those counters out; zero where one is missing.
    #[must_use]
    pub fn expose_moved(&self, moved: &Moved) -> Zeroizing<[u64; MOVED]> {
        moved_of(&self.values, moved)
    }

    /// Reads one blinding out.
    #[must_use]
    pub fn expose_blinding(&self, counter: CounterIndex) -> Option<&Blinding> {
        self.blindings.get(usize::from(counter.0))?.as_ref()
    }

    /// Openings that came from elsewhere: each must open its commitment.
    pub(crate) fn restored(
        epoch: Epoch,
        commitments: &[Commitment],
        (cut, cut_blinding): (Commitment, Option<[u8; 32]>),
        (kappa, hiding, moved): (FieldElement, Option<[[u8; 32]; 2]>, &Moved),
        opened: impl Iterator<Item = (CounterIndex, u64, [u8; 32])>,
    ) -> Result<Self, HeldError> {
        let mut values = Zeroizing::new(vec![None; commitments.len()]);
        let mut blindings: Vec<Option<Blinding>> = commitments.iter().map(|_| None).collect();
        for (counter, value, bytes) in opened {
            let wrong = HeldError::WrongOpening { counter };
            let place = usize::from(counter.0);
            let blinding = Blinding::from_canonical(bytes).ok_or(wrong)?;
            let scalar = Zeroizing::new(Scalar::from(value));
            let point = &*scalar * RISTRETTO_BASEPOINT_TABLE + blinding.expose() * &*BLINDING_TABLE;
            let same = commitments.get(place).map(|c| c.0) == Some(point.compress().to_bytes());
            let (Some(at), Some(of)) = (values.get_mut(place), blindings.get_mut(place)) else {
                return Err(wrong);
            };
            if !same {
                return Err(wrong);
            }
            (*at, *of) = (Some(value), Some(blinding));
        }
        let root = COMMITMENTS.root(&leaves(commitments));
        let cut_blinding = cut_blinding.and_then(Blinding::from_canonical);
        let commitments = commitments.to_vec();
        let hiding = match hiding {
            None => None,
            Some([bytes, root]) => {
                let hiding = Hiding::from_canonical(bytes).ok_or(HeldError::WrongKappa)?;
                let root = FieldElement(root);
                // What hides them is told only where all of them are.
                let known = |at: CounterIndex| {
                    let place = usize::from(at.0);
                    place >= values.len() || values.get(place).is_some_and(Option::is_some)
                };
                let all = moved.iter().flatten().all(|at| known(*at));
                let again = kappa_of(&hiding, root, &moved_of(&values, moved));
                if !all || again != Some(kappa) {
                    return Err(HeldError::WrongKappa);
                }
                Some((hiding, root))
            }
        };
        Ok(Self { epoch, values, blindings, commitments, root, cut, cut_blinding, kappa, hiding })
    }
}

fn leaves(commitments: &[Commitment]) -> Vec<&[u8]> {
    commitments.iter().map(|c| &c.0[..]).collect()
}

/// Places of blindings that no counter has.
const CUT: CounterIndex = CounterIndex(u16::MAX);
const NO_CUT: CounterIndex = CounterIndex(u16::MAX - 1);
const KAPPA: CounterIndex = CounterIndex(u16::MAX - 2);
/// 1/2 modulo the group order.
static HALF: LazyLock<Scalar> = LazyLock::new(|| Scalar::from(2u8).invert());
/// Multiples of H, for constant-time multiplication.
pub(crate) static BLINDING_TABLE: LazyLock<RistrettoBasepointTable> =
    LazyLock::new(|| RistrettoBasepointTable::create(&PedersenGens::default().B_blinding));

#[cfg(test)]
mod tests {
    use messages::counter::{Counter, Schema};
    use messages::ids::{PactHash, Salt, TallyId};
    use messages::signature::PublicKey;

    use super::*;

    static_assertions::assert_not_impl_any!(
        Openings: Clone, Copy, core::fmt::Debug, core::fmt::Display, PartialEq
    );

    fn totals(values: &[u64]) -> Totals {
        let counter = |i| Counter {
            name: format!("c{i}"),
            unit: "calls".into(),
            max: u64::MAX,
            bucket: None,
        };
        let mut totals =
            Totals::new(&Schema { counters: (0..values.len()).map(counter).collect() });
        let adds: Vec<_> = (0u16..).map(CounterIndex).zip(values.iter().copied()).collect();
        totals.add(&adds).unwrap();
        totals
    }

    fn context(salt: u8) -> BlindingContext {
        BlindingContext {
            root_pact: PactHash([1; 32]),
            tally: TallyId([2; 32]),
            epoch: Epoch(3),
            salt: Salt([salt; 32]),
            boot_key: PublicKey([5; 32]),
        }
    }

    #[test]
    fn a_commitment_is_the_pedersen_commitment_of_its_opening() {
        let secret = HolderSecret::from_bytes([9; 32]);
        let gens = PedersenGens::default();
        for count in [0, 1, 2, 3, 32, 33] {
            let values: Vec<u64> = (0..count).map(|i| u64::MAX >> (i % 64)).collect();
            let openings = commit(
                &totals(&values),
                (&[None; MOVED], Place::start()),
                None,
                &secret,
                &context(4),
            );
            assert_eq!(openings.commitments().len(), values.len());
            for (i, value) in (0u16..).zip(&values) {
                let at = CounterIndex(i);
                assert_eq!(openings.expose_value(at), Some(*value));
                let blinding = openings.expose_blinding(at).unwrap();
                let point = gens.commit(Scalar::from(*value), *blinding.expose()).compress();
                assert_eq!(openings.commitments()[usize::from(i)].0, point.to_bytes(), "{i}");
                let path: Vec<[u8; 32]> = openings.path(at).iter().map(|h| h.0).collect();
                let root =
                    COMMITMENTS.root_from(&point.to_bytes(), usize::from(i), values.len(), &path);
                assert_eq!(root, Some(openings.root()));
            }
            let past = CounterIndex(u16::try_from(count).unwrap());
            assert!(
                openings.expose_value(past).is_none() && openings.expose_blinding(past).is_none()
            );
            assert!(openings.path(past).is_empty());
        }
    }

    #[test]
    fn an_unchanged_total_has_another_commitment_under_another_salt() {
        let secret = HolderSecret::from_bytes([9; 32]);
        let first =
            commit(&totals(&[0, 0]), (&[None; MOVED], Place::start()), None, &secret, &context(4));
        let second =
            commit(&totals(&[0, 0]), (&[None; MOVED], Place::start()), None, &secret, &context(6));
        assert_ne!(first.commitments()[0], first.commitments()[1]);
        assert_ne!(first.commitments()[0], second.commitments()[0]);
        assert_ne!(first.root(), second.root());
    }

    #[test]
    fn without_the_holders_secret_the_commitment_does_not_open() {
        let mine = commit(
            &totals(&[7]),
            (&[None; MOVED], Place::start()),
            None,
            &HolderSecret::from_bytes([9; 32]),
            &context(4),
        );
        let guess = commit(
            &totals(&[7]),
            (&[None; MOVED], Place::start()),
            None,
            &HolderSecret::from_bytes([8; 32]),
            &context(4),
        );
        assert_ne!(mine.commitments(), guess.commitments());
    }

    #[test]
    fn generators_are_the_published_ones() {
        let gens = PedersenGens::default();
        let hex = |p: RistrettoPoint| -> String {
            p.compress().to_bytes().iter().map(|b| format!("{b:02x}")).collect()
        };
        assert_eq!(hex(gens.B), "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76");
        assert_eq!(
            hex(gens.B_blinding),
            "8c9240b456a9e6dc65c377a1048d745f94a08cdb7f44cbcd7b46f34048871134"
        );
    }
}
