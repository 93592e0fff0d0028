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
use crate::range::PEDERSEN;

/// Verifies one proof for V on the running transcript.
///
/// # Errors
/// [`Fault::EqualityEncoding`] or [`Fault::EqualityProof`].
pub fn verify(t: &mut Transcript, v: &RistrettoPoint, proof: &SchnorrProof) -> Result<(), Fault> {
    let response: Option<Scalar> = Scalar::from_canonical_bytes(proof.response).into();
    let response = response.ok_or(Fault::EqualityEncoding)?;
    let nonce = CompressedRistretto(proof.nonce.0).decompress().ok_or(Fault::EqualityEncoding)?;
    if nonce.is_identity() {
        return Err(Fault::EqualityEncoding);
    }
    let c = challenge(t, &proof.nonce);
    absorb(t, &proof.response);
    // s·H = K + c·V
    if response * PEDERSEN.B_blinding == nonce + c * v { Ok(()) } else { Err(Fault::EqualityProof) }
}

/// The challenge after the nonce's commitment K.
#[must_use]
pub fn challenge(t: &mut Transcript, nonce: &Commitment) -> Scalar {
    t.append_message(b"dom-sep", b"equality");
    t.append_message(b"K", &nonce.0);
    let mut wide = [0; 64];
    t.challenge_bytes(b"c", &mut wide);
    Scalar::from_bytes_mod_order_wide(&wide)
}

/// Absorbs the response, so that what follows on the transcript is bound to it.
pub fn absorb(t: &mut Transcript, response: &[u8; 32]) {
    t.append_message(b"s", response);
}
