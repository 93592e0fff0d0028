//! The party's door: requests that a monitor takes, and the replies that it gives, enumerated.

mod record;
mod signed;

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::bundle::ProvenClaim;
use crate::claim::Range;
use crate::codec::Wire;
use crate::coins::Deal;
use crate::did::Did;
use crate::event::Counts;
use crate::hidden::Hidden;
use crate::ids::{EventHash, LeafHash, PactHash, SessionId, TallyId};
use crate::opening::SealedOpenings;
use crate::publication::Disclosed;
use crate::receipt::{BootCertificate, Receipt, Resumption, Ticket};
use crate::signature::Signature;
use crate::time::{Epoch, Millis, UnixMillis};

pub use record::{Metadata, RecordEntry, Reinstatement, WaitingCall};
pub use signed::{Approval, Open, ProofKind, Statistic, Wanted};

/// What may be asked. Whatever acts for somebody is signed by that somebody.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Request {
    /// Evidence over the caller's nonce.
    #[n(1)]
    Attest {
        /// 32 random bytes.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        nonce: [u8; 32],
    },
    /// Puts a pact with both signatures under monitoring.
    #[n(2)]
    Register {
        /// The signed pact, JSON.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        pact: Vec<u8>,
    },
    /// Opens a session.
    #[n(3)]
    Open {
        /// What is opened.
        #[n(0)]
        open: Open,
        /// By the initiator, over the encoding of `open`.
        #[n(1)]
        signature: Signature,
    },
    /// Opens a trial under a draft: verdicts only, no tally, claim, release or leaf.
    #[n(4)]
    Try {
        /// The draft, JSON.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        draft: Vec<u8>,
        /// What is opened.
        #[n(1)]
        open: Open,
        /// Keys that sign the events of initiator and provider.
        #[n(2)]
        parties: [Did; 2],
        /// Replaces the draft's mode.
        #[n(3)]
        mode: Option<ModeName>,
    },
    /// Feeds one signed event.
    #[n(5)]
    Event {
        /// Canonical JSON.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        event: Vec<u8>,
    },
    /// A party's running or closing counts.
    #[n(6)]
    Count {
        /// The counts.
        #[n(0)]
        counts: Counts,
        /// By that party.
        #[n(1)]
        signature: Signature,
    },
    /// An overseer's decision on a paused call.
    #[n(7)]
    Approve {
        /// The decision.
        #[n(0)]
        approval: Approval,
        /// By the overseer.
        #[n(1)]
        signature: Signature,
    },
    /// Moves the generated clock of a development monitor; epochs that end are closed.
    #[n(8)]
    Advance {
        /// How far.
        #[n(0)]
        by: Millis,
    },
    /// Asks for a proof.
    #[n(9)]
    Prove {
        /// What is to be proven, and how.
        #[n(0)]
        wanted: Wanted,
        /// Who asks.
        #[n(1)]
        requester: Did,
        /// By the requester, over the encoding of `wanted`.
        #[n(2)]
        signature: Signature,
    },
    /// Asks for a private aggregate.
    #[n(10)]
    Release {
        /// What is asked.
        #[n(0)]
        query: Statistic,
        /// Who asks: a party or an overseer of the pact.
        #[n(1)]
        requester: Did,
        /// By the requester, over the encoding of the query.
        #[n(2)]
        signature: Signature,
    },
    /// Asks for the newest checkpoint and the ways of some leaves to it.
    #[n(11)]
    Include {
        /// Log indices.
        #[n(0)]
        leaves: Vec<u64>,
    },
    /// Asks that the log of one size is a prefix of the log of another.
    #[n(12)]
    Consistency {
        /// The older size.
        #[n(0)]
        old: u64,
        /// The newer size; the newest when absent.
        #[n(1)]
        new: Option<u64>,
    },
    /// Returns to a session after a pause of either side.
    #[n(13)]
    Resume {
        /// The last receipt.
        #[n(0)]
        resumption: Resumption,
        /// By the party, over the encoding of `resumption`.
        #[n(1)]
        signature: Signature,
    },
    /// Lets a pact go on after a rollback of the monitor.
    #[n(14)]
    Reinstate {
        /// The decision.
        #[n(0)]
        reinstatement: Reinstatement,
        /// By the overseer.
        #[n(1)]
        signature: Signature,
    },
    /// Asks what waits for the caller's decision. Answered to an authenticated caller only.
    #[n(15)]
    Inbox,
    /// Reads what is on record of a session. Answered to an authenticated caller whom the pact's
    /// consent names, and itself on record.
    #[n(16)]
    Read {
        /// The session.
        #[n(0)]
        session: SessionId,
        /// First place in the journal.
        #[n(1)]
        from: u64,
    },
    /// Asks for the opening of a leaf. Answered to an authenticated caller whom it concerns.
    #[n(17)]
    Disclose {
        /// Log index.
        #[n(0)]
        leaf: u64,
    },
    /// Asks for the signed documents of a pact's chain. Answered to an authenticated caller whom it
    /// concerns.
    #[n(19)]
    Chain {
        /// Any pact of the chain.
        #[n(0)]
        pact: PactHash,
    },
    /// Asks for what opens the commitments about the requester, sealed to its key.
    #[n(20)]
    Openings {
        /// Of which epochs: every one of the range, and the one before it.
        #[n(0)]
        range: Range,
        /// Who asks: the party that the tally is about.
        #[n(1)]
        requester: Did,
        /// By the requester, over the encoding of the range.
        #[n(2)]
        signature: Signature,
    },
    /// Brings witness cosignatures of a checkpoint of this log: time moves by them.
    #[n(18)]
    Cosign {
        /// The cosigned note.
        #[n(0)]
        note: String,
    },
    /// Asks for which days numbers wait for their coins.
    #[n(21)]
    Undealt,
    /// Brings a dealer's coins of a day.
    #[n(22)]
    Deal {
        /// The coins.
        #[n(0)]
        deal: Deal,
        /// By the dealer, over the encoding of `deal`.
        #[n(1)]
        signature: Signature,
    },
}

impl Wire for Request {
    const MAX_BYTES: usize = 512 * 1024;
}

/// Enforcement modes by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum ModeName {
    /// Record and alert.
    #[n(1)]
    Active,
    /// Decide before the call runs.
    #[n(2)]
    Interventionist,
    /// Record.
    #[n(3)]
    Passive,
}

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
