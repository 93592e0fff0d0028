//! What was decided, and is signed or proven by whoever waits for it: curve arithmetic holds nobody
//! else up.

use messages::domain;
use messages::receipt::{Receipt, Ticket};
use messages::reply::Reply;
use monitor::Answer;

use super::{Handing, Proving};
use crate::boot_key::BootKey;

/// What is told once its record is durable.
pub(crate) enum Decided {
    /// Nothing in it is to be signed any more.
    Reply(Reply),
    /// Receipt and ticket are unsigned.
    Receipted {
        /// What the party is told.
        answer: Answer,
        /// For the party.
        receipt: Receipt,
        /// Leave, for a call that was allowed.
        ticket: Option<Ticket>,
    },
    /// A claim that may be proven.
    Proving(Box<Proving>),
    /// Openings that may be handed over.
    Handing(Box<Handing>),
}

impl Decided {
    /// The answer, signed by the boot's key. A proof takes its time.
    pub(crate) fn sign(self, key: &BootKey) -> Reply {
        match self {
            Self::Reply(reply) => reply,
            Self::Receipted { answer, receipt, ticket } => {
                let receipt = receipt.sign(key, domain::RECEIPT);
                answer.into_reply(receipt, ticket.map(|ticket| ticket.sign(key)))
            }
            Self::Proving(proving) => proving.prove(key),
            Self::Handing(handing) => handing.hand(key),
        }
    }
}
