//! Blindings: one scalar a commitment, derived, fresh for every commitment attempt.

use ark_bn254::Fr;
use ark_ff::PrimeField;
use circuits::digest::{bytes_of, element};
use curve25519_dalek::Scalar;
use hkdf::Hkdf;
use messages::counter::CounterIndex;
use messages::domain;
use messages::ids::{FieldElement, PactHash, Salt, TallyId};
use messages::signature::PublicKey;
use messages::time::Epoch;
use sha2::Sha512;
use zeroize::{Zeroize, Zeroizing};

use crate::secret::HolderSecret;

/// What separates one set of blindings from every other. All of it is public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlindingContext {
    /// Root of the pact's revision chain.
    pub root_pact: PactHash,
    /// The tally.
    pub tally: TallyId,
    /// The epoch that ends.
    pub epoch: Epoch,
    /// Fresh random bytes per commitment *attempt*, published in the leaf. Two values under one
    /// blinding would differ by (c − c′)·G, which is a tiny discrete logarithm.
    pub salt: Salt,
    /// The key that signs the leaf.
    pub boot_key: PublicKey,
}

/// The blinding of one commitment. Erased on drop.
pub struct Blinding(Scalar);

impl Blinding {
    /// Reads the scalar out, to prove with it.
    #[must_use]
    pub fn expose(&self) -> &Scalar {
        &self.0
    }
}

impl Blinding {
    /// A blinding that came from elsewhere; none when the bytes are no reduced scalar.
    pub(crate) fn from_canonical(bytes: [u8; 32]) -> Option<Self> {
        Option::from(Scalar::from_canonical_bytes(bytes)).map(Self)
    }
}

impl Drop for Blinding {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// What hides the counters of kappa: an element of the scalar field of BN254. Erased on drop.
pub struct Hiding(Fr);

impl Hiding {
    /// Reads the element out, to prove with it.
    #[must_use]
    pub fn expose(&self) -> &Fr {
        &self.0
    }

    /// The canonical bytes, to show or to seal.
    pub(crate) fn expose_bytes(&self) -> [u8; 32] {
        bytes_of(&self.0).0
    }

    /// One that came from elsewhere; none when the bytes are no reduced element.
    pub(crate) fn from_canonical(bytes: [u8; 32]) -> Option<Self> {
        element(&FieldElement(bytes)).map(Self)
    }
}

impl Drop for Hiding {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Derives blindings: HKDF-SHA-512 (RFC 5869) with the holder's secret as input keying material
/// and the public salt as salt, extracted once and expanded per counter.
pub(crate) struct Blindings {
    key: Hkdf<Sha512>,
    info: Vec<u8>,
}

impl Blindings {
    pub(crate) fn new(secret: &HolderSecret, context: &BlindingContext) -> Self {
        let info = [
            domain::BLINDING.as_bytes(),
            &[0],
            &context.root_pact.0,
            &context.tally.0,
            &context.epoch.0.to_be_bytes(),
            &context.boot_key.0,
        ]
        .concat();
        Self { key: Hkdf::new(Some(&context.salt.0), secret.expose()), info }
    }

    /// 64 bytes of output reduced modulo the group order: the bias is below 2^-250.
    pub(crate) fn of(&self, counter: CounterIndex) -> Blinding {
        Blinding(Scalar::from_bytes_mod_order_wide(&self.wide(counter)))
    }

    /// The same over the other field.
    pub(crate) fn element(&self, place: CounterIndex) -> Hiding {
        Hiding(Fr::from_be_bytes_mod_order(&*self.wide(place)))
    }

    fn wide(&self, counter: CounterIndex) -> Zeroizing<[u8; 64]> {
        let mut wide = Zeroizing::new([0; 64]);
        let info = [&self.info[..], &counter.0.to_be_bytes()];
        // 64 bytes are one block of the expansion, far below its limit of 255 blocks.
        let expanded = self.key.expand_multi_info(&info, &mut *wide);
        debug_assert!(expanded.is_ok());
        wide
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static_assertions::assert_not_impl_any!(
        Hiding: Clone, Copy, core::fmt::Debug, core::fmt::Display, PartialEq
    );
    static_assertions::assert_not_impl_any!(
        Blinding: Clone, Copy, core::fmt::Debug, core::fmt::Display, PartialEq
    );

    fn context() -> BlindingContext {
        BlindingContext {
            root_pact: PactHash([1; 32]),
            tally: TallyId([2; 32]),
            epoch: Epoch(3),
            salt: Salt([4; 32]),
            boot_key: PublicKey([5; 32]),
        }
    }

    fn derive(secret: u8, context: &BlindingContext, counter: u16) -> Scalar {
        let secret = HolderSecret::from_bytes([secret; 32]);
        *Blindings::new(&secret, context).of(CounterIndex(counter)).expose()
    }

    #[test]
    fn every_field_of_the_context_changes_the_blinding() {
        let good = context();
        // Destructured so that a new field cannot be forgotten here.
        let BlindingContext { root_pact: _, tally: _, epoch: _, salt: _, boot_key: _ } = good;
        let seen = [
            derive(9, &good, 0),
            derive(8, &good, 0),
            derive(9, &good, 1),
            derive(9, &BlindingContext { root_pact: PactHash([0; 32]), ..good }, 0),
            derive(9, &BlindingContext { tally: TallyId([0; 32]), ..good }, 0),
            derive(9, &BlindingContext { epoch: Epoch(4), ..good }, 0),
            derive(9, &BlindingContext { salt: Salt([0; 32]), ..good }, 0),
            derive(9, &BlindingContext { boot_key: PublicKey([0; 32]), ..good }, 0),
        ];
        for (i, a) in seen.iter().enumerate() {
            assert!(seen.iter().skip(i + 1).all(|b| a != b), "{i}");
        }
        assert_eq!(derive(9, &good, 0), derive(9, &good, 0));
    }

    #[test]
    fn blindings_have_balanced_bits() {
        let ones: u32 = (0..256)
            .map(|i| {
                derive(9, &context(), i).to_bytes()[..31]
                    .iter()
                    .map(|b| b.count_ones())
                    .sum::<u32>()
            })
            .sum();
        // 63,488 fair bits: mean 31,744, standard deviation 126; six of them.
        assert!((30_988..32_500).contains(&ones), "{ones}");
    }

    #[test]
    fn the_first_blinding_is_the_published_vector() {
        assert_eq!(hex(&derive(9, &context(), 0).to_bytes()), VECTOR);
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    // Computed apart, with HMAC-SHA-512 of another implementation.
    const VECTOR: &str = "687b13776a8c88aa904946ca1d84369c73d15fe8942fb2e99e9b8ee505705705";
}
