//! Equalities: proof of knowledge of ρ with V = ρ·H (Schnorr 1991), so that V commits to zero.
//!
//! ρ itself is never revealed: each would be a linear equation over the blindings.

use curve25519_dalek::{
    RistrettoPoint, Scalar, ristretto::CompressedRistretto, traits::IsIdentity,
};
use merlin::Transcript;
use messages::bundle::SchnorrProof;
use messages::ids::Commitment;

use crate::codes::Fault;
use crate::range;

/// An equality's proof of the right shape with its challenge. Not yet verified.
#[must_use = "a proof that is only read is not verified"]
pub(crate) struct Unverified {
    /// K, c, s and V of s·H = K + c·V.
    pub(crate) nonce: RistrettoPoint,
    pub(crate) challenge: Scalar,
    pub(crate) response: Scalar,
    pub(crate) v: RistrettoPoint,
    /// Of everything above: what weights are drawn from.
    pub(crate) held: [u8; 32],
}

/// Reads one proof for V on the running transcript.
///
/// # Errors
/// [`Fault::EqualityEncoding`].
pub(crate) fn read(
    t: &mut Transcript,
    v: &RistrettoPoint,
    proof: &SchnorrProof,
) -> Result<Unverified, Fault> {
    let response: Option<Scalar> = Scalar::from_canonical_bytes(proof.response).into();
    let response = response.ok_or(Fault::EqualityEncoding)?;
    let nonce = CompressedRistretto(proof.nonce.0).decompress().filter(|k| !k.is_identity());
    let nonce = nonce.ok_or(Fault::EqualityEncoding)?;
    let challenge = challenge(t, &proof.nonce);
    absorb(t, &proof.response);
    let mut held = [0; 32];
    t.clone().challenge_bytes(b"weights", &mut held);
    Ok(Unverified { nonce, challenge, response, v: *v, held })
}

/// The challenge after the nonce's commitment K.
#[must_use]
pub fn challenge(t: &mut Transcript, nonce: &Commitment) -> Scalar {
    t.append_message(b"dom-sep", b"equality");
    t.append_message(b"K", &nonce.0);
    range::challenge(t, b"c")
}

/// Absorbs the response, so that what follows on the transcript is bound to it.
pub fn absorb(t: &mut Transcript, response: &[u8; 32]) {
    t.append_message(b"s", response);
}
