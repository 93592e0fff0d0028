//! Receipts: what the monitor signs to have taken, so that it cannot lose it unseen.

use messages::event::Party;
use messages::ids::{BootId, SessionId};
use messages::receipt::{JournalHead, Receipt};
use messages::signature::Signature;

use crate::completeness::of;
use crate::session::Session;

/// What a receipt for `party` says now; the caller signs it.
pub(crate) fn receipt(
    session: (SessionId, &Session),
    party: Party,
    boot: BootId,
    journal: JournalHead,
) -> Receipt {
    let (id, session) = session;
    let track = of(&session.tracks, party);
    Receipt {
        session: id,
        party,
        count: track.count,
        head: track.head,
        other: of(&session.tracks, party.other()).count,
        journal,
        boot,
        signature: Signature([0; 64]),
    }
}
