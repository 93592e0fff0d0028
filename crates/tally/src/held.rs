//! What a holder holds of one tally leaf: all commitments, and the openings of those counters that
//! the counterparty agreed to share, signed by the monitor and sealed to the holder.
//!
//! The holder checks every opening against the leaf. A wrong one is evidence against the monitor,
//! which signed the leaf and the opening together; a right one proves claims without it.

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use messages::counter::{CounterIndex, MAX_COUNTERS};
use messages::domain;
use messages::ids::{BootId, Commitment, LeafHash};
use messages::leaf::TallyBody;
use messages::merkle;
use messages::opening::{
    SealedOpenings, ShownOpening, SignedOpening, SignedOpenings, signed_bytes,
};
use messages::signature::{PublicKey, Sign, Signature, SigningKey};
use messages::time::Epoch;
use minicbor::{Decode, Encode};
use rand_core::CryptoRngCore;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::openings::{Moved, Openings};

/// The openings of one leaf, as its monitor signed them. Erased on drop.
#[derive(Encode, Decode)]
#[cbor(map)]
pub struct Held {
    #[n(1)]
    leaf: LeafHash,
    #[n(2)]
    epoch: Epoch,
    #[n(3)]
    commitments: Vec<Commitment>,
    #[n(4)]
    cut: Commitment,
    /// By increasing counter; what hides kappa and the set of sessions last, where they are shared.
    #[n(5)]
    openings: Vec<Opening>,
    #[n(6)]
    boot: BootId,
    #[n(7)]
    signature: Signature,
}

/// One opening; the encoding is that of [`ShownOpening`].
#[derive(Encode, Decode, Zeroize, ZeroizeOnDrop)]
#[cbor(map)]
struct Opening {
    #[n(1)]
    counter: u16,
    #[n(2)]
    value: u64,
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    blinding: [u8; 32],
}

/// The places of the set of sessions and of kappa among openings: no counter has them.
const CUT: u16 = ShownOpening::CUT;
const KAPPA: u16 = ShownOpening::KAPPA;
const ENTRIES: u16 = ShownOpening::ENTRIES;

impl Held {
    /// The openings of `shared` counters, signed together with the leaf that they open.
    ///
    /// What hides kappa is among them only if all counters are that it hides: with it and all but
    /// one of them, the last could be guessed.
    pub fn sign(
        openings: &Openings,
        (shared, moved): (&[CounterIndex], &Moved),
        (leaf, boot): (LeafHash, BootId),
        key: &impl Sign,
    ) -> Self {
        let open = |counter: &CounterIndex| {
            let blinding = openings.expose_blinding(*counter)?.expose().to_bytes();
            Some(Opening { counter: counter.0, value: openings.expose_value(*counter)?, blinding })
        };
        let cut = openings.expose_cut_blinding().map(|blinding| Opening {
            counter: CUT,
            value: 0,
            blinding: blinding.expose().to_bytes(),
        });
        let count = openings.commitments().len();
        let told = |at: &CounterIndex| usize::from(at.0) >= count || shared.contains(at);
        let all = moved.iter().flatten().all(told);
        let hiding = openings.expose_hiding().filter(|_| all).map(|(hiding, root)| {
            let opening = |counter, blinding| Opening { counter, value: 0, blinding };
            [opening(ENTRIES, root.0), opening(KAPPA, hiding.expose_bytes())]
        });
        let hiding = hiding.into_iter().flatten();
        let mut held = Self {
            leaf,
            epoch: openings.epoch(),
            commitments: openings.commitments().to_vec(),
            cut: openings.cut(),
            openings: shared.iter().filter_map(open).chain(hiding).chain(cut).collect(),
            boot,
            signature: Signature([0; 64]),
        };
        held.signature = key.sign(domain::OPENINGS, &held.signed());
        held
    }

    /// Seals to the key of `holder`; none when that is no key that anything can be sealed to.
    #[must_use]
    pub fn seal(&self, holder: &PublicKey, rng: &mut impl CryptoRngCore) -> Option<SealedOpenings> {
        let point = ed25519_dalek::VerifyingKey::from_bytes(&holder.0).ok()?;
        if point.is_weak() {
            return None;
        }
        let to = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&point.to_montgomery().0).ok()?;
        let plain = Zeroizing::new(minicbor::to_vec(self).ok()?);
        let (encapsulated, ciphertext) =
            hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256, _>(
                &OpModeS::Base,
                &to,
                domain::OPENINGS_SEAL.as_bytes(),
                &plain,
                &self.leaf.0,
                &mut Rng(rng),
            )
            .ok()?;
        let encapsulated = encapsulated.to_bytes().into();
        Some(SealedOpenings { leaf: self.leaf, encapsulated, ciphertext })
    }

    /// Unseals with the holder's key.
    ///
    /// # Errors
    /// [`HeldError::Sealed`] when they are sealed to another key, or altered.
    pub fn unseal(sealed: &SealedOpenings, holder: &SigningKey) -> Result<Self, HeldError> {
        let wrong = HeldError::Sealed;
        let secret = ed25519_dalek::SigningKey::from_bytes(&holder.expose_seed());
        let scalar = Zeroizing::new(secret.to_scalar_bytes());
        let own = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&*scalar).map_err(|_| wrong)?;
        let from = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&sealed.encapsulated);
        let plain = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &own,
            &from.map_err(|_| wrong)?,
            domain::OPENINGS_SEAL.as_bytes(),
            &sealed.ciphertext,
            &sealed.leaf.0,
        );
        let plain = Zeroizing::new(plain.map_err(|_| wrong)?);
        let held: Self = minicbor::decode(&plain).map_err(|_| wrong)?;
        let fits = held.leaf == sealed.leaf && held.commitments.len() <= MAX_COUNTERS;
        if fits { Ok(held) } else { Err(wrong) }
    }

    /// Checks everything against the leaf that it opens: its hash and its body. `boot_key` is
    /// that of [`Held::boot`]. Who has the openings can prove from them.
    ///
    /// # Errors
    /// [`HeldError`]; with [`HeldError::WrongOpening`], [`Held::evidence`] convicts the monitor.
    pub fn check(
        &self,
        (hash, body): (LeafHash, &TallyBody),
        moved: &Moved,
        boot_key: &PublicKey,
    ) -> Result<Openings, HeldError> {
        let Self { leaf, epoch, commitments, cut, openings, boot: _, signature } = self;
        let same = (*leaf, *epoch, *cut) == (hash, body.epoch, body.cut);
        if !same {
            return Err(HeldError::OtherLeaf);
        }
        boot_key
            .verify(domain::OPENINGS, &self.signed(), signature)
            .map_err(|_| HeldError::Signature)?;
        let opened = openings.iter().filter(|o| ![ENTRIES, KAPPA, CUT].contains(&o.counter));
        let opened = opened.map(|o| (CounterIndex(o.counter), o.value, o.blinding));
        let blinding = |place| openings.iter().find(|o| o.counter == place).map(|o| o.blinding);
        let hidden = blinding(KAPPA).map(|hiding| [hiding, blinding(ENTRIES).unwrap_or_default()]);
        let kappa = (body.kappa, hidden, moved);
        let restored =
            Openings::restored(*epoch, commitments, (*cut, blinding(CUT)), kappa, opened)?;
        let whole = restored.root() == body.commitments
            && u32::try_from(commitments.len()) == Ok(body.counters);
        if whole { Ok(restored) } else { Err(HeldError::OtherLeaf) }
    }

    /// The boot that signed: not always the one that signed the leaf.
    #[must_use]
    pub const fn boot(&self) -> BootId {
        self.boot
    }

    /// The leaf that this opens.
    #[must_use]
    pub const fn leaf(&self) -> LeafHash {
        self.leaf
    }

    /// One opening with what connects it to the monitor's signature. Reads a secret out: only to
    /// show that it is wrong.
    #[must_use]
    pub fn evidence(&self, counter: CounterIndex) -> Option<SignedOpening> {
        let at = self.openings.iter().position(|o| o.counter == counter.0)?;
        let opening = self.openings.get(at)?;
        let encoded = self.encoded();
        let leaves: Vec<&[u8]> = encoded.iter().map(|bytes| &bytes[..]).collect();
        let path = merkle::OPENINGS.path(&leaves, at).into_iter().map(LeafHash).collect();
        Some(SignedOpening {
            opening: ShownOpening {
                counter: opening.counter,
                value: opening.value,
                blinding: opening.blinding,
            },
            index: u32::try_from(at).ok()?,
            count: u32::try_from(self.openings.len()).ok()?,
            path,
            boot: self.boot,
            signature: self.signature,
        })
    }

    /// Everything that the monitor signed, shown: only where it does not fit together.
    #[must_use]
    pub fn shown(&self) -> SignedOpenings {
        let shown = self.openings.iter().map(|opening| ShownOpening {
            counter: opening.counter,
            value: opening.value,
            blinding: opening.blinding,
        });
        SignedOpenings { openings: shown.collect(), boot: self.boot, signature: self.signature }
    }

    /// The commitment of a counter, with its way to the leaf's root.
    #[must_use]
    pub fn committed(&self, counter: CounterIndex) -> Option<(Commitment, Vec<LeafHash>)> {
        let at = usize::from(counter.0);
        let commitment = *self.commitments.get(at)?;
        let leaves: Vec<&[u8]> = self.commitments.iter().map(|c| &c.0[..]).collect();
        let path = merkle::COMMITMENTS.path(&leaves, at).into_iter().map(LeafHash).collect();
        Some((commitment, path))
    }

    fn encoded(&self) -> Vec<Zeroizing<Vec<u8>>> {
        let one = |opening| Zeroizing::new(minicbor::to_vec(opening).unwrap_or_default());
        self.openings.iter().map(one).collect()
    }

    fn signed(&self) -> Vec<u8> {
        let encoded = self.encoded();
        let leaves: Vec<&[u8]> = encoded.iter().map(|bytes| &bytes[..]).collect();
        signed_bytes(&self.leaf, &merkle::OPENINGS.root(&leaves))
    }
}

/// Why openings are not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeldError {
    /// They open another leaf.
    #[error("the openings are of another leaf")]
    OtherLeaf,
    /// They cannot be unsealed.
    #[error("the openings are sealed to another key, or altered")]
    Sealed,
    /// The monitor did not sign them.
    #[error("the monitor did not sign the openings")]
    Signature,
    /// One does not open its commitment.
    #[error("the opening of counter {} is wrong, and the monitor signed it", counter.0)]
    WrongOpening {
        /// Which.
        counter: CounterIndex,
    },
    /// The counters that segments move are not those that are committed to one by one.
    #[error(
        "the leaf hides other counters for circuits than it commits to, and the monitor signed both"
    )]
    WrongKappa,
}

impl HeldError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::OtherLeaf => "openings-other-leaf",
            Self::Sealed => "openings-sealed",
            Self::Signature => "openings-signature",
            Self::WrongKappa => "openings-kappa",
            Self::WrongOpening { .. } => "openings-wrong",
        }
    }

    /// What to do.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::OtherLeaf | Self::Signature => "fetch the openings again from the monitor",
            Self::Sealed => "name the key of the party that fetched them",
            Self::WrongKappa | Self::WrongOpening { .. } => {
                "keep the accusation that was written: it convicts the monitor"
            }
        }
    }
}

/// As the key encapsulation takes randomness.
struct Rng<'a, R>(&'a mut R);

impl<R: CryptoRngCore> rand_core::RngCore for Rng<'_, R> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.0.try_fill_bytes(bytes)
    }
}

impl<R: CryptoRngCore> rand_core::CryptoRng for Rng<'_, R> {}

#[cfg(test)]
mod tests;
