//! Accusations: a monitor convicted by what it signed. No evidence of its machine is needed, since
//! nothing here speaks for it.

use curve25519_dalek::Scalar;
use curve25519_dalek::constants::RISTRETTO_BASEPOINT_TABLE;
use curve25519_dalek::ristretto::CompressedRistretto;
use messages::accusation::{Accusation, Charge};
use messages::bundle::{IncludedLeaf, LogView};
use messages::codec::{CodecError, Wire};
use messages::domain;
use messages::ids::{BootId, Commitment, LeafHash, Root};
use messages::leaf::{Kind, TallyBody};
use messages::merkle;
use messages::opening::{SignedOpening, signed_bytes};
use messages::publication::Publication;
use messages::signature::Signature;
use tlog::{Checkpoint, open_checkpoint, verify_inclusion};

use crate::anchors::{Anchors, LogAnchor};
use crate::codes::{Unfounded, Unusable};
use crate::generators;
use crate::leaves::{Leaves, Opened};

#[cfg(feature = "groth16")]
mod kappa;

/// What a monitor did, as its own signatures say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offence {
    /// It shows different logs to different people.
    Fork,
    /// It published two totals for one epoch.
    TwoTotals,
    /// It hides other counters for circuits than those that it says it does.
    WrongKappa,
    /// It signed an opening that does not open its commitment.
    WrongOpening,
}

impl Offence {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::TwoTotals => "two-totals",
            Self::WrongKappa => "wrong-kappa",
            Self::WrongOpening => "wrong-opening",
        }
    }

    /// What it means, for people.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Fork => {
                "the monitor signed two logs that cannot both be true: it shows different histories to different people"
            }
            Self::TwoTotals => {
                "the monitor signed two leaves for one epoch of one tally: its counts cannot be relied on"
            }
            Self::WrongKappa => {
                "the monitor signed a leaf that hides other counters for circuits than those it told its party: proofs about each event are about other totals"
            }
            Self::WrongOpening => {
                "the monitor signed an opening that does not open its own commitment: what it told its party is not what it published"
            }
        }
    }
}

/// Judges an accusation under the verifier's anchors. Who holds the accusation needs no trust:
/// either the signatures convict the monitor, or nothing is said.
///
/// # Errors
/// [`Unfounded`] when the file does not convict the monitor that it names.
pub fn judge(accusation: &[u8], anchors: &Anchors) -> Result<Offence, Unfounded> {
    let accusation = Accusation::from_cbor(accusation).map_err(|error| match error {
        CodecError::Malformed => Unfounded::Malformed,
        CodecError::NonCanonical => Unfounded::NonCanonical,
        CodecError::TooLarge { .. } => Unfounded::TooLarge,
    })?;
    if accusation.format != Accusation::FORMAT {
        return Err(Unfounded::Format);
    }
    let anchor = anchors.logs.iter().find(|anchor| anchor.origin == accusation.origin);
    let anchor = anchor.ok_or(Unfounded::LogNotAnchored)?;
    match &accusation.charge {
        Charge::ForkedHead { first, second } => {
            let (first, second) = (head(first, anchor)?, head(second, anchor)?);
            let forked = first.size() == second.size() && first.root() != second.root();
            forked.then_some(Offence::Fork).ok_or(Unfounded::HeadsAgree)
        }
        Charge::ForkedLeaf { first, first_leaf, second, second_leaf } => {
            let first = included(&head(first, anchor)?, first_leaf)?;
            let second = included(&head(second, anchor)?, second_leaf)?;
            let forked = first.0 == second.0 && first.1 != second.1;
            forked.then_some(Offence::Fork).ok_or(Unfounded::LeavesAgree)
        }
        Charge::TwoTotals { view } => match Leaves::open(view, anchor) {
            // Only signatures of boots that are shown have been checked.
            Err(Unusable::Equivocation) if of_its_log(view, anchor) && boots_shown(view) => {
                Ok(Offence::TwoTotals)
            }
            Err(_) => Err(Unfounded::View),
            Ok(_) => Err(Unfounded::TotalsAgree),
        },
        Charge::WrongOpening { view, leaf, opening, commitment, path } => {
            let leaves = open(view, anchor)?;
            let place = Claimed { leaf: *leaf, opening, commitment, path };
            place.judge(&leaves).map(|()| Offence::WrongOpening)
        }
        #[cfg(feature = "groth16")]
        Charge::WrongKappa { view, leaf, schema, openings } => {
            kappa::judge(&open(view, anchor)?, *leaf, schema, openings)
                .map(|()| Offence::WrongKappa)
        }
        // Of a charge that this build cannot check it says what it says of every shape that it does
        // not know.
        #[cfg(not(feature = "groth16"))]
        Charge::WrongKappa { .. } => Err(Unfounded::Malformed),
    }
}

fn head(note: &str, anchor: &LogAnchor) -> Result<Checkpoint, Unfounded> {
    open_checkpoint(note, &anchor.origin, &anchor.log_key).map_err(|_| Unfounded::Checkpoint)
}

fn included(head: &Checkpoint, leaf: &IncludedLeaf) -> Result<(u64, LeafHash), Unfounded> {
    let index = leaf.disclosed.index;
    verify_inclusion(head, index, &leaf.disclosed.leaf, &leaf.path)
        .map_err(|_| Unfounded::NotIncluded)?;
    Ok((index, tlog::leaf_hash(&leaf.disclosed.leaf)))
}

fn open<'a>(view: &'a LogView, anchor: &'a LogAnchor) -> Result<Leaves<'a>, Unfounded> {
    let leaves = Leaves::open(view, anchor).map_err(|_| Unfounded::View)?;
    if of_its_log(view, anchor) { Ok(leaves) } else { Err(Unfounded::View) }
}

fn of_its_log(view: &LogView, anchor: &LogAnchor) -> bool {
    view.origin == anchor.origin
}

/// Is every boot shown that signed a tally leaf?
fn boots_shown(view: &LogView) -> bool {
    let of = |kind| view.leaves.iter().map(|l| &l.disclosed.leaf).filter(move |l| l.kind == kind);
    let boots: Vec<BootId> = of(Kind::Boot).map(|leaf| leaf.boot).collect();
    of(Kind::Tally).all(|leaf| boots.contains(&leaf.boot))
}

/// Did this boot sign the root over openings together with the leaf that they open?
fn signed(
    leaves: &Leaves<'_>,
    leaf: &Opened<'_>,
    root: &Root,
    (boot, signature): (&BootId, &Signature),
) -> Result<(), Unfounded> {
    let signer = leaves.boot(boot).ok_or(Unfounded::View)?;
    // The boot that signed the leaf, or one after it: the key of an earlier one, found
    // somewhere, convicts nobody.
    if !leaves.follows(boot, &leaf.leaf.boot).ok_or(Unfounded::View)? {
        return Err(Unfounded::OpeningSignature);
    }
    let key = &signer.boot_key;
    key.verify(domain::OPENINGS, &signed_bytes(&leaf.hash, root), signature)
        .map_err(|_| Unfounded::OpeningSignature)
}

/// An opening and the commitment that it is said not to open.
struct Claimed<'a> {
    leaf: u64,
    opening: &'a SignedOpening,
    commitment: &'a Commitment,
    path: &'a [LeafHash],
}

impl Claimed<'_> {
    /// The commitment is the leaf's, the boot signed the opening together with the leaf, and the
    /// opening does not open it.
    fn judge(&self, leaves: &Leaves<'_>) -> Result<(), Unfounded> {
        let SignedOpening { opening, index, count, path, boot, signature } = self.opening;
        let leaf = leaves.at(self.leaf).ok_or(Unfounded::View)?;
        let Publication::Tally(body) = &leaf.body else { return Err(Unfounded::View) };
        self.check_commitment(body, opening.counter)?;
        let number = |n: u32| usize::try_from(n).map_err(|_| Unfounded::OpeningPath);
        let path: Vec<[u8; 32]> = path.iter().map(|hash| hash.0).collect();
        let root =
            merkle::OPENINGS.root_from(&opening.to_cbor(), number(*index)?, number(*count)?, &path);
        let root = root.ok_or(Unfounded::OpeningPath)?;
        signed(leaves, leaf, &root, (boot, signature))?;
        // What is no scalar opens nothing.
        let blinding: Option<Scalar> = Scalar::from_canonical_bytes(opening.blinding).into();
        let opens = blinding.is_some_and(|blinding| {
            let point = &Scalar::from(opening.value) * RISTRETTO_BASEPOINT_TABLE
                + blinding * generators::h();
            point.compress() == CompressedRistretto(self.commitment.0)
        });
        if opens { Err(Unfounded::OpeningRight) } else { Ok(()) }
    }

    fn check_commitment(&self, body: &TallyBody, counter: u16) -> Result<(), Unfounded> {
        let count = usize::try_from(body.counters).map_err(|_| Unfounded::CommitmentPath)?;
        let path: Vec<[u8; 32]> = self.path.iter().map(|hash| hash.0).collect();
        let at = usize::from(counter);
        let root = merkle::COMMITMENTS.root_from(&self.commitment.0, at, count, &path);
        if root == Some(body.commitments) { Ok(()) } else { Err(Unfounded::CommitmentPath) }
    }
}
