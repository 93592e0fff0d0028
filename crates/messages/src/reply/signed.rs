//! What a request carries that somebody has signed.

use alloc::string::String;

use minicbor::{Decode, Encode};

use crate::claim::Claim;
use crate::codec::Wire;
use crate::did::Did;
use crate::ids::{BootId, EventHash, PactHash, SessionId};
use crate::time::UnixMillis;

/// Opening of a session.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Open {
    /// Fresh random bytes.
    #[n(1)]
    pub session: SessionId,
    /// Under which pact.
    #[n(2)]
    pub pact: PactHash,
    /// For whom the initiator acts: owns the session in private statistics.
    #[n(3)]
    pub principal: Did,
    /// The boot that the initiator talks to: what is said in the session counts nowhere else.
    #[n(4)]
    pub boot: BootId,
}

impl Wire for Open {
    const MAX_BYTES: usize = 1024;
}

/// A claim that is to be proven.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Wanted {
    /// The claim; consent must list every statement of it.
    #[n(1)]
    pub claim: Claim,
    /// How.
    #[n(2)]
    pub kind: ProofKind,
    /// When given, the epochs of the claim's ranges are those between these two moments, whatever
    /// the ranges say: the proof says which.
    #[n(3)]
    pub over: Option<[UnixMillis; 2]>,
}

impl Wire for Wanted {
    const MAX_BYTES: usize = 65 * 1024;
}

/// The two kinds of proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum ProofKind {
    /// In zero knowledge: holds without the monitor.
    #[n(1)]
    ZeroKnowledge,
    /// Evaluated and signed by the monitor's boot.
    #[n(2)]
    Signed,
}

/// An overseer's decision.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Approval {
    /// The session.
    #[n(1)]
    pub session: SessionId,
    /// The paused call's event.
    #[n(2)]
    pub call: EventHash,
    /// The overseer.
    #[n(3)]
    pub overseer: Did,
    /// May it run?
    #[n(4)]
    pub granted: bool,
}

impl Wire for Approval {
    const MAX_BYTES: usize = 1024;
}

/// A private statistic of one day.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Statistic {
    /// Root pact of the sessions.
    #[n(1)]
    pub pact: PactHash,
    /// Name, as in the pact's consent.
    #[n(2)]
    pub statistic: String,
    /// Day of the data.
    #[n(3)]
    pub day: u64,
}

impl Wire for Statistic {
    const MAX_BYTES: usize = 1024;
}
