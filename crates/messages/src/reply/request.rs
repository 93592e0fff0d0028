//! What may be asked of a monitor, enumerated.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use super::{Approval, Open, Reinstatement, Statistic, Wanted};
use crate::claim::Range;
use crate::codec::Wire;
use crate::coins::Deal;
use crate::custody::{Hold, Unlock};
use crate::did::Did;
use crate::event::Counts;
use crate::ids::{PactHash, SessionId};
use crate::receipt::Resumption;
use crate::signature::Signature;
use crate::time::Millis;

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
    /// Asks for a custodian's share of the key under which the state is sealed.
    #[n(23)]
    Hold {
        /// Who asks whom.
        #[n(0)]
        hold: Hold,
        /// By the custodian, over the encoding of `hold`.
        #[n(1)]
        signature: Signature,
    },
    /// Brings a custodian's share to a boot that cannot read its state.
    #[n(24)]
    Unlock {
        /// The share.
        #[n(0)]
        unlock: Unlock,
        /// By the custodian, over the encoding of `unlock`.
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
