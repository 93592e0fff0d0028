//! The generators of every commitment and proof, derived once from public labels: nobody knows a
//! relation between them.

use std::sync::OnceLock;

use curve25519_dalek::constants::{RISTRETTO_BASEPOINT_COMPRESSED, RISTRETTO_BASEPOINT_POINT};
use curve25519_dalek::ristretto::{RistrettoBasepointTable, RistrettoPoint};
use sha3::digest::{ExtendableOutput, Update, XofReader};
use sha3::{Digest, Sha3_512, Shake256};

/// Bits of the widest value that is proven in one piece.
pub const BITS: usize = 64;
/// Most commitments in one proof, pads included.
pub const MAX_PARTIES: usize = 64;

/// G of a commitment v·G + ρ·H: the basepoint of Ristretto255 (RFC 9496).
pub const G: RistrettoPoint = RISTRETTO_BASEPOINT_POINT;

/// H: SHA3-512 of the basepoint's encoding, mapped to the group.
pub fn h() -> &'static RistrettoPoint {
    static H: OnceLock<RistrettoPoint> = OnceLock::new();
    H.get_or_init(|| {
        let wide = Sha3_512::digest(RISTRETTO_BASEPOINT_COMPRESSED.as_bytes());
        RistrettoPoint::from_uniform_bytes(&wide.into())
    })
}

/// Multiples of H, for multiplication in constant time.
pub fn h_table() -> &'static RistrettoBasepointTable {
    static TABLE: OnceLock<RistrettoBasepointTable> = OnceLock::new();
    TABLE.get_or_init(|| RistrettoBasepointTable::create(h()))
}

/// Most shares that any proof takes: 32,768 coins.
pub(crate) const MAX_SHARES: usize = 512;

/// The two vectors of one party of a range proof.
pub struct Share {
    /// Generators of the left vector.
    pub g: Vec<RistrettoPoint>,
    /// Generators of the right vector.
    pub h: Vec<RistrettoPoint>,
}

/// The share of party `party`: SHAKE256 over "GeneratorsChain", the vector's letter and the
/// party's number in 32 bits little-endian, 64 bytes for each point.
pub fn share(party: usize) -> Option<&'static Share> {
    static SHARES: [OnceLock<Share>; MAX_SHARES] = [const { OnceLock::new() }; MAX_SHARES];
    let number = u32::try_from(party).ok()?.to_le_bytes();
    Some(
        SHARES.get(party)?.get_or_init(|| Share { g: chain(b'G', number), h: chain(b'H', number) }),
    )
}

fn chain(letter: u8, party: [u8; 4]) -> Vec<RistrettoPoint> {
    let mut shake = Shake256::default();
    Update::update(&mut shake, b"GeneratorsChain");
    Update::update(&mut shake, &[letter]);
    Update::update(&mut shake, &party);
    let mut reader = shake.finalize_xof();
    let next = |_| {
        let mut wide = [0; 64];
        reader.read(&mut wide);
        RistrettoPoint::from_uniform_bytes(&wide)
    };
    (0..BITS).map(next).collect()
}
