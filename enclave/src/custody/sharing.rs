//! Sharing a key among custodians: Shamir, *How to share a secret* (Communications of the ACM 22,
//! 1979), over the scalars of Ristretto255 (RFC 9496), with Feldman's commitments (*A practical scheme
//! for non-interactive verifiable secret sharing*, FOCS 1987), so that a wrong share is known for what
//! it is.
//!
//! The polynomial follows from the key and the quorum, so that each custodian's share can be made
//! again as long as the key is known, and is always the same one. Fewer shares than the quorum tell of
//! the key what its public commitment does: it is as hard to find as a discrete logarithm.

use curve25519_dalek::constants::RISTRETTO_BASEPOINT_TABLE;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use hkdf::Hkdf;
use messages::custody::Share;
use messages::domain;
use messages::ids::Commitment;
use messages::signature::PublicKey;
use rand_core::CryptoRngCore;
use sha2::Sha512;
use zeroize::Zeroizing;

/// The key that is shared. No `Debug`, no `Clone`; erased on drop.
pub(crate) struct Shared(Zeroizing<Scalar>);

/// What everybody may know of it: a commitment to each coefficient of the polynomial. As many shares
/// find the key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Commitments(Vec<CompressedRistretto>);

impl Shared {
    /// Draws a key.
    pub(crate) fn draw(rng: &mut impl CryptoRngCore) -> Self {
        let mut wide = Zeroizing::new([0; 64]);
        rng.fill_bytes(wide.as_mut_slice());
        Self(Zeroizing::new(Scalar::from_bytes_mod_order_wide(&wide)))
    }

    /// A key that was stored; none if the bytes are no scalar.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        Option::from(Scalar::from_canonical_bytes(*bytes)).map(|key| Self(Zeroizing::new(key)))
    }

    /// Reads the key out, to seal it or to derive from it; every read can be found by this name.
    pub(crate) fn expose(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// What anybody may know.
    pub(crate) fn commitments(&self, quorum: usize) -> Commitments {
        let committed = |coefficient: &Scalar| (coefficient * RISTRETTO_BASEPOINT_TABLE).compress();
        Commitments(self.polynomial(quorum).iter().map(committed).collect())
    }

    /// The share of one custodian.
    pub(crate) fn share(&self, quorum: usize, custodian: &PublicKey) -> Share {
        let (polynomial, at) = (self.polynomial(quorum), point(custodian));
        let mut value = Zeroizing::new(Scalar::ZERO);
        for next in polynomial.iter().rev() {
            *value = *value * at + next;
        }
        Share::from_bytes(value.to_bytes())
    }

    /// The key, then a coefficient for each further share that is needed.
    fn polynomial(&self, quorum: usize) -> Zeroizing<Vec<Scalar>> {
        let label = domain::CUSTODY_COEFFICIENT.as_bytes();
        let expand = Hkdf::<Sha512>::new(Some(label), self.expose().as_slice());
        let coefficient = |place: usize| {
            let mut wide = Zeroizing::new([0; 64]);
            let which = [quorum, place].map(|n| u64::try_from(n).unwrap_or(u64::MAX).to_be_bytes());
            // 64 bytes are far below what HKDF gives.
            let expanded = expand.expand(&which.concat(), wide.as_mut_slice());
            expanded.map_or(Scalar::ZERO, |()| Scalar::from_bytes_mod_order_wide(&wide))
        };
        Zeroizing::new(core::iter::once(*self.0).chain((1..quorum).map(coefficient)).collect())
    }
}

impl Commitments {
    /// Reads them; none if one is no point, or there are none.
    pub(crate) fn read(written: &[Commitment]) -> Option<Self> {
        let points: Vec<_> = written.iter().map(|point| CompressedRistretto(point.0)).collect();
        let sound = !points.is_empty() && points.iter().all(|p| p.decompress().is_some());
        sound.then_some(Self(points))
    }

    /// As they are stored.
    pub(crate) fn written(&self) -> Vec<Commitment> {
        self.0.iter().map(|point| Commitment(point.0)).collect()
    }

    /// How many shares find the key.
    pub(crate) fn quorum(&self) -> usize {
        self.0.len()
    }

    /// Whether `share` is this custodian's.
    pub(crate) fn holds(&self, custodian: &PublicKey, share: &Share) -> bool {
        let Some(share) = Shared::from_bytes(share.expose()) else { return false };
        let at = point(custodian);
        let value =
            self.0.iter().rev().try_fold(RistrettoPoint::default(), |sum, next| {
                Some(sum * at + next.decompress()?)
            });
        value == Some(&*share.0 * RISTRETTO_BASEPOINT_TABLE)
    }

    /// The key, from the shares of as many custodians; none if they are too few, or not its own.
    pub(crate) fn key<'a>(
        &self,
        shares: impl Iterator<Item = (&'a PublicKey, &'a Share)>,
    ) -> Option<Shared> {
        let values = shares.take(self.quorum()).map(|(custodian, share)| {
            let value = Shared::from_bytes(share.expose())?;
            Some((point(custodian), value))
        });
        let values: Vec<(Scalar, Shared)> = values.collect::<Option<_>>()?;
        let mut key = Zeroizing::new(Scalar::ZERO);
        for (at, value) in &values {
            // Lagrange's polynomial of this place, at zero.
            let mut weight = Scalar::ONE;
            for (other, _) in values.iter().filter(|(other, _)| other != at) {
                weight *= other * (other - at).invert();
            }
            *key += weight * *value.0;
        }
        let key = Shared(key);
        (values.len() == self.quorum() && key.commitments(self.quorum()) == *self).then_some(key)
    }
}

/// Where a custodian's share lies; never at zero, where the key does.
fn point(custodian: &PublicKey) -> Scalar {
    let mut wide = [0; 64];
    for (half, number) in wide.chunks_exact_mut(32).zip([[0], [1]]) {
        half.copy_from_slice(&domain::CUSTODY_POINT.hash(&[&number, &custodian.0]));
    }
    let at = Scalar::from_bytes_mod_order_wide(&wide);
    if at == Scalar::ZERO { Scalar::ONE } else { at }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;

    static_assertions::assert_not_impl_any!(Shared: Clone, core::fmt::Debug);

    fn custodian(number: u8) -> PublicKey {
        PublicKey([number; 32])
    }

    fn key(seed: u8) -> Shared {
        Shared::draw(&mut ChaCha20Rng::from_seed([seed; 32]))
    }

    fn found(commitments: &Commitments, shares: &[(PublicKey, Share)]) -> Option<[u8; 32]> {
        let key = commitments.key(shares.iter().map(|(custodian, share)| (custodian, share)));
        key.map(|key| *key.expose())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_quorum_finds_the_key_whoever_it_is_and_fewer_do_not(
            seed: u8, quorum in 1..6usize, order in Just((1..8u8).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let key = key(seed);
            let commitments = key.commitments(quorum);
            let held = |n: &u8| (custodian(*n), key.share(quorum, &custodian(*n)));
            let shares: Vec<_> = order.iter().map(held).collect();
            for (custodian, share) in &shares {
                prop_assert!(commitments.holds(custodian, share));
            }
            prop_assert_eq!(found(&commitments, &shares[..quorum]), Some(*key.expose()));
            prop_assert_eq!(found(&commitments, &shares[1..quorum]), None);
            let again = Commitments::read(&commitments.written()).unwrap();
            prop_assert!(again == commitments);
        }
    }

    #[test]
    fn a_share_of_somebody_else_of_another_key_or_of_another_quorum_is_none() {
        let (ours, other) = (key(1), key(2));
        let commitments = ours.commitments(3);
        let share = ours.share(3, &custodian(1));
        assert!(commitments.holds(&custodian(1), &share));
        assert!(!commitments.holds(&custodian(2), &share));
        assert!(!commitments.holds(&custodian(1), &other.share(3, &custodian(1))));
        assert!(!commitments.holds(&custodian(1), &ours.share(2, &custodian(1))));
        assert!(!commitments.holds(&custodian(1), &Share::from_bytes([255; 32])), "no scalar");
        // What slipped in all the same finds no key.
        let wrong = (custodian(3), other.share(3, &custodian(3)));
        let right = |n| (custodian(n), ours.share(3, &custodian(n)));
        assert_eq!(found(&commitments, &[right(1), right(2), wrong]), None);
        assert_eq!(found(&commitments, &[right(1), right(2), right(2)]), None, "twice is once");
        assert!(found(&commitments, &[right(1), right(2), right(3)]).is_some());
    }

    #[test]
    fn what_is_no_point_or_nothing_is_no_commitment() {
        assert!(Commitments::read(&[]).is_none());
        assert!(Commitments::read(&[Commitment([255; 32])]).is_none());
    }
}
