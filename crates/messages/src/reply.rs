//! The party's door: requests that a monitor takes, and the replies that it gives, enumerated.

mod record;
mod request;
mod signed;

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::bundle::ProvenClaim;
use crate::codec::Wire;
use crate::custody::Share;
use crate::hidden::Hidden;
use crate::ids::{EventHash, LeafHash, PactHash, Root, TallyId};
use crate::opening::SealedOpenings;
use crate::publication::Disclosed;
use crate::receipt::{BootCertificate, Receipt, Ticket};
use crate::time::{Epoch, UnixMillis};

pub use record::{Metadata, RecordEntry, Reinstatement, WaitingCall};
pub use request::{ModeName, Request};
pub use signed::{Approval, Open, ProofKind, Statistic, Wanted};

/// One of the two types that leave: an answer to a party, never published.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Reply {
    /// Evidence over the nonce.
    #[n(1)]
    Attestation {
        /// A conceptual message.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        evidence: Vec<u8>,
        /// The newest checkpoint.
        #[n(1)]
        checkpoint: String,
        /// The certificate of this boot's key.
        #[n(2)]
        certificate: BootCertificate,
    },
    /// The pact is under monitoring.
    #[n(2)]
    Registered {
        /// Root of its chain.
        #[n(0)]
        root: PactHash,
        /// The two tallies, initiator's first.
        #[n(1)]
        tallies: [TallyId; 2],
        /// Log index of the pact leaf.
        #[n(2)]
        leaf: u64,
    },
    /// The session is open.
    #[n(3)]
    Opened,
    /// A verdict, in interventionist mode; the receipt stands for the event, whatever the verdict.
    #[n(4)]
    Verdict {
        /// What to do.
        #[n(0)]
        action: Action,
        /// The pact's rule, none when allowed.
        #[n(1)]
        rule: Option<String>,
        /// The record.
        #[n(2)]
        receipt: Receipt,
        /// Leave for an allowed call.
        #[n(3)]
        ticket: Option<Ticket>,
    },
    /// The event is on record; nothing more is said in passive mode.
    #[n(5)]
    Receipt(#[n(0)] Receipt),
    /// On record, and it breaks a rule; the pact's mode is active, so nothing is stopped.
    #[n(6)]
    Alert {
        /// What interventionist mode would do.
        #[n(0)]
        action: Action,
        /// The pact's rule.
        #[n(1)]
        rule: String,
        /// The record.
        #[n(2)]
        receipt: Receipt,
    },
    /// Counts are on record; when both sides have closed, the session is.
    #[n(7)]
    Counted {
        /// Both sides have closed.
        #[n(0)]
        closed: bool,
        /// Missing events found in this session.
        #[n(1)]
        gaps: crate::leaf::Gaps,
    },
    /// The clock moved.
    #[n(8)]
    Advanced {
        /// Now.
        #[n(0)]
        now: UnixMillis,
        /// Last closed epoch of the monitor.
        #[n(1)]
        epoch: Epoch,
    },
    /// A proof, and the leaves that it stands on.
    #[n(9)]
    Proof {
        /// The proven claim.
        #[n(0)]
        claim: alloc::boxed::Box<ProvenClaim>,
        /// Of each range the leaves before and after, of its pacts and of its boots.
        #[n(1)]
        leaves: Vec<Disclosed>,
        /// The schemas at the ends of the ranges.
        #[n(2)]
        schemas: Vec<crate::counter::Schema>,
        /// Boots of each tally's life.
        #[n(3)]
        boots: Vec<crate::leaf::Boots>,
        /// The verifying key of a proof about each event: to be pinned, not believed.
        #[n(4)]
        #[cbor(default)]
        circuits: Vec<crate::circuit::CircuitKey>,
    },
    /// What opens the commitments about the requester.
    #[n(21)]
    Openings {
        /// One for each epoch.
        #[n(0)]
        sealed: Vec<SealedOpenings>,
        /// The tally leaves, with those of pacts and boots.
        #[n(1)]
        leaves: Vec<Disclosed>,
        /// The schemas of the pacts.
        #[n(2)]
        schemas: Vec<crate::counter::Schema>,
        /// Boots of the tally's life.
        #[n(3)]
        boots: crate::leaf::Boots,
    },
    /// A private aggregate.
    #[n(10)]
    Released {
        /// In the order of the log: the boot that paid and drew, the reserve leaf, and what was
        /// drawn up to the aggregate, which is the last.
        #[n(0)]
        leaves: Vec<Disclosed>,
    },
    /// A checkpoint and ways to it.
    #[n(11)]
    Included {
        /// Signed note.
        #[n(0)]
        checkpoint: String,
        /// One path a leaf, in the order asked.
        #[n(1)]
        paths: Vec<Vec<LeafHash>>,
    },
    /// The older log is a prefix.
    #[n(12)]
    Consistent {
        /// Signed note.
        #[n(0)]
        checkpoint: String,
        /// RFC 6962 consistency proof.
        #[n(1)]
        path: Vec<LeafHash>,
    },
    /// Refused; nothing was recorded or counted.
    #[n(13)]
    Error {
        /// A stable code; never text made of input.
        #[n(0)]
        code: String,
    },
    /// The party may go on from here.
    #[n(14)]
    Resumed {
        /// Events held of the party; the next sequence number.
        #[n(0)]
        count: u64,
        /// Hash of the last of them.
        #[n(1)]
        head: EventHash,
        /// The receipt says more than the monitor holds: it was rolled back, and allows nothing.
        #[n(2)]
        rolled_back: bool,
    },
    /// The pact goes on.
    #[n(15)]
    Reinstated,
    /// What waits.
    #[n(16)]
    Waiting {
        /// Oldest first.
        #[n(0)]
        calls: Vec<WaitingCall>,
    },
    /// What is on record.
    #[n(17)]
    Recorded {
        /// In order.
        #[n(0)]
        entries: Vec<RecordEntry>,
        /// Where to read on; none at the end.
        #[n(1)]
        next: Option<u64>,
    },
    /// The opening of a leaf.
    #[n(18)]
    Disclosed {
        /// The leaf.
        #[n(0)]
        leaf: Disclosed,
        /// The hidden body of a tally leaf.
        #[n(1)]
        hidden: Option<Hidden>,
    },
    /// The signed documents of a chain, root first; the last is in force.
    #[n(20)]
    Chain {
        /// As the parties signed them, JSON.
        #[n(0)]
        documents: Vec<Vec<u8>>,
    },
    /// What waits for coins.
    #[n(22)]
    Undealt {
        /// Days counted from 1970-01-01, rising: everything that needs coins of them is committed
        /// to in the log of the checkpoint.
        #[n(0)]
        days: Vec<u64>,
        /// Signed note.
        #[n(1)]
        checkpoint: String,
        /// The clock's lower bound.
        #[n(2)]
        now: UnixMillis,
    },
    /// The coins were taken.
    #[n(23)]
    Dealt,
    /// The clock's bounds after the cosignatures.
    #[n(19)]
    Cosigned {
        /// Witnesses whose word was taken.
        #[n(0)]
        witnesses: u64,
    },
    /// A custodian's share.
    #[n(24)]
    Share {
        /// Which key it is a share of.
        #[n(0)]
        key: Root,
        /// The share.
        #[n(1)]
        share: Share,
    },
    /// The share was taken.
    #[n(25)]
    Unlocking {
        /// How many shares of other custodians are needed.
        #[n(0)]
        missing: u64,
    },
}

impl Wire for Reply {
    const MAX_BYTES: usize = 1024 * 1024;
}

/// What a call may do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Action {
    /// Go on.
    #[n(1)]
    Allow,
    /// Go on; somebody was told.
    #[n(2)]
    Alert,
    /// Wait for an overseer.
    #[n(3)]
    Pause,
    /// Do not.
    #[n(4)]
    Deny,
    /// The session is over.
    #[n(5)]
    Terminate,
}
