//! Completeness: every missing event is a gap, and every gap has an owner.
//!
//! Both parties sign how much they reported, delivered and received. What the monitor holds, what
//! its receipts admit, and what the two sides signed leave four cases:
//!
//! | observation | owner |
//! |---|---|
//! | the counterparty received more than the party says it delivered | the party's agent |
//! | the party reported less than the monitor holds of it | the party's agent |
//! | the party shows a receipt for more than the monitor holds | the monitor |
//! | the party reported more than the monitor ever receipted | the network |
//! | the party delivered more than the counterparty received | the network |
//! | a side never signed its closing counts | tail-open |

use alloc::vec::Vec;

use messages::event::{Counts, Party, Receipt};
use messages::ids::EventHash;
use messages::leaf::Gaps;

/// One party's events as the monitor holds them.
#[derive(Default)]
pub(crate) struct Track {
    /// Number of events held; the next sequence number.
    pub(crate) count: u64,
    /// Hash of the last one.
    pub(crate) head: EventHash,
    /// The newest signed counts.
    pub(crate) counts: Option<Counts>,
}

impl Track {
    pub(crate) fn closed(&self) -> bool {
        self.counts.as_ref().is_some_and(|c| c.closing)
    }

    /// Does `new` fall behind what this party signed before?
    pub(crate) fn falls(&self, new: &Counts) -> bool {
        self.counts.as_ref().is_some_and(|old| {
            old.closing
                || new.sent < old.sent
                || new.received < old.received
                || new.delivered < old.delivered
        })
    }
}

/// The gaps of one session, from both tracks.
pub(crate) fn gaps(initiator: &Track, provider: &Track) -> Gaps {
    let mut gaps = Gaps::default();
    for (own, other) in [(initiator, provider), (provider, initiator)] {
        let Some(counts) = &own.counts else {
            gaps.tail_open = gaps.tail_open.saturating_add(1);
            continue;
        };
        if !counts.closing {
            gaps.tail_open = gaps.tail_open.saturating_add(1);
        }
        let receipted = counts.receipt.as_ref().map_or(0, |r| r.count);
        let lost_here = receipted.saturating_sub(own.count);
        let unheard = counts.sent.saturating_sub(own.count.max(receipted));
        let understated = own.count.saturating_sub(counts.sent);
        gaps.monitor = gaps.monitor.saturating_add(lost_here);
        gaps.network = gaps.network.saturating_add(unheard);
        gaps.agent = gaps.agent.saturating_add(understated);
        if let Some(theirs) = &other.counts {
            let hidden = theirs.received.saturating_sub(counts.delivered);
            let astray = counts.delivered.saturating_sub(theirs.received);
            gaps.agent = gaps.agent.saturating_add(hidden);
            if theirs.closing {
                gaps.network = gaps.network.saturating_add(astray);
            }
        }
    }
    gaps
}

/// What a receipt says, without its signature.
pub(crate) fn receipt_bytes(receipt: &Receipt) -> Vec<u8> {
    Receipt::signed_bytes(
        &receipt.session,
        receipt.party,
        receipt.count,
        &receipt.head,
        &receipt.boot,
    )
}

/// Index of a party in a pair.
pub(crate) const fn of<T>(pair: &[T; 2], party: Party) -> &T {
    let [initiator, provider] = pair;
    match party {
        Party::Initiator => initiator,
        Party::Provider => provider,
    }
}

/// The same, to change it.
pub(crate) const fn of_mut<T>(pair: &mut [T; 2], party: Party) -> &mut T {
    let [initiator, provider] = pair;
    match party {
        Party::Initiator => initiator,
        Party::Provider => provider,
    }
}
