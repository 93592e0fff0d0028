//! The set of sessions that a tally counts, as one group element: two monitors that counted the
//! same sessions have the same, in whatever order the sessions ended.
//!
//! A multiset hash (Bellare and Micciancio 1997; Clarke et al. 2003, MSet-Mu-Hash) over
//! Ristretto255: the sum of each session's record, hashed to the group. Two different sets with one
//! sum would give a relation between discrete logarithms of random points.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::traits::Identity;
use messages::domain;
use messages::ids::{Commitment, EventHash, SessionId};
use sha2::{Digest, Sha512};

use crate::blinding::Blinding;
use crate::openings::BLINDING_TABLE;

/// What both parties signed when they closed a session, as the monitor holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// The session.
    pub session: SessionId,
    /// How many events of each party.
    pub counts: [u64; 2],
    /// The heads of their chains.
    pub heads: [EventHash; 2],
}

impl SessionRecord {
    fn point(&self) -> RistrettoPoint {
        let Self { session, counts: [initiator, provider], heads: [first, second] } = self;
        let digest = domain::CUT.hash(&[
            &session.0,
            &initiator.to_be_bytes(),
            &provider.to_be_bytes(),
            &first.0,
            &second.0,
        ]);
        let wide = Sha512::digest(digest);
        RistrettoPoint::from_uniform_bytes(&wide.into())
    }
}

/// A set of sessions. Says nothing of them without their records.
pub struct Cut(RistrettoPoint);

impl Default for Cut {
    fn default() -> Self {
        Self(RistrettoPoint::identity())
    }
}

impl Cut {
    /// Adds a session that ended.
    pub fn add(&mut self, record: &SessionRecord) {
        self.0 += record.point();
    }

    /// A second copy, for the sealed archive.
    #[must_use]
    pub const fn copied(&self) -> Self {
        Self(self.0)
    }

    /// Reads the element out, to store it.
    #[must_use]
    pub fn expose(&self) -> [u8; 32] {
        self.0.compress().to_bytes()
    }

    /// A set as it was stored; none when the bytes are no element's.
    pub(crate) fn restored(bytes: [u8; 32]) -> Option<Self> {
        CompressedRistretto(bytes).decompress().map(Self)
    }

    /// Set + blinding·H.
    pub(crate) fn commit(&self, blinding: &Blinding) -> Commitment {
        let point = self.0 + blinding.expose() * &*BLINDING_TABLE;
        Commitment(point.compress().to_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static_assertions::assert_not_impl_any!(Cut: Clone, Copy, core::fmt::Debug, PartialEq);

    fn record(n: u8) -> SessionRecord {
        SessionRecord {
            session: SessionId([n; 32]),
            counts: [1, 2],
            heads: [EventHash([3; 32]), EventHash([4; 32])],
        }
    }

    fn set(records: &[SessionRecord]) -> [u8; 32] {
        let mut cut = Cut::default();
        records.iter().for_each(|r| cut.add(r));
        cut.expose()
    }

    #[test]
    fn order_is_nothing_and_all_else_is_something() {
        let [a, b] = [record(1), record(2)];
        assert_eq!(set(&[a, b]), set(&[b, a]));
        let SessionRecord { session: _, counts: _, heads: _ } = a;
        let others = [
            set(&[]),
            set(&[a]),
            set(&[a, a]),
            set(&[a, b]),
            set(&[b]),
            set(&[SessionRecord { counts: [2, 2], ..a }]),
            set(&[SessionRecord { counts: [1, 1], ..a }]),
            set(&[SessionRecord { heads: [EventHash([9; 32]), a.heads[1]], ..a }]),
            set(&[SessionRecord { heads: [a.heads[0], EventHash([9; 32])], ..a }]),
            set(&[SessionRecord { heads: [a.heads[1], a.heads[0]], ..a }]),
        ];
        for (i, one) in others.iter().enumerate() {
            assert!(others.iter().skip(i + 1).all(|other| one != other), "{i}");
            assert_eq!(Cut::restored(*one).unwrap().expose(), *one);
        }
        assert!(Cut::restored([0xff; 32]).is_none());
    }
}
