//! Completeness: every missing event is a gap, and every gap has an owner.
//!
//! Both parties sign how much they reported, delivered and received. What the monitor holds, what
//! its receipts admit, and what the two sides signed leave four cases:
//!
//! | observation | owner |
//! |---|---|
//! | more was delivered, or received, than ran before the monitor or is missing from it | the agent |
//! | the last event that ran and the last one received differ, though the counts agree | the agent |
//! | the party closes with less than the monitor holds of it | the agent |
//! | the party shows a receipt for more than the monitor holds | the monitor |
//! | the party reported more than the monitor ever receipted | the network |
//! | both closed, and the party delivered more than the counterparty received | the network |
//! | a side never signed its closing counts | tail-open |
//!
//! A party that bypasses the monitor can still say that it reported and was not heard, which puts
//! the gap on the network: its owner is then wrong, but the gap is there.

use messages::event::{Counts, Party};
use messages::ids::EventHash;
use messages::leaf::Gaps;
use minicbor::{Decode, Encode};

use crate::session::Told;

/// One party's events as the monitor holds them.
#[derive(Default, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Track {
    /// Number of events held; the next sequence number.
    #[n(1)]
    pub(crate) count: u64,
    /// Hash of the last one.
    #[n(2)]
    pub(crate) head: EventHash,
    /// Events to the counterparty that were let through.
    #[n(3)]
    pub(crate) outward: u64,
    /// Hash of the one with the highest number.
    #[n(4)]
    pub(crate) outward_head: EventHash,
    /// The newest signed counts.
    #[n(5)]
    pub(crate) counts: Option<Counts>,
    /// What was answered to the last event.
    #[n(6)]
    pub(crate) answer: Option<Told>,
    /// Sequence number behind `outward_head`.
    #[n(7)]
    outward_seq: u64,
}

impl Track {
    pub(crate) fn closed(&self) -> bool {
        self.counts.as_ref().is_some_and(|c| c.closing)
    }

    /// Notes an event to the counterparty that was let through. Events chain, so the head is the
    /// one with the highest number, also when an overseer let an earlier one through after it.
    pub(crate) const fn let_out(&mut self, hash: EventHash, seq: Option<u64>) {
        self.outward = self.outward.saturating_add(1);
        if let Some(seq) = seq
            && seq >= self.outward_seq
        {
            (self.outward_head, self.outward_seq) = (hash, seq);
        }
    }

    /// Does `new` fall behind what this party signed before, or only repeat it?
    pub(crate) fn falls(&self, new: &Counts) -> bool {
        self.counts.as_ref().is_some_and(|old| {
            old.closing
                || new.sent < old.sent
                || new.received < old.received
                || new.delivered < old.delivered
                || new == old
        })
    }

    /// Could these counts be true? One absurd number would drown every later gap.
    pub(crate) fn plausible(&self, other: &Self, new: &Counts) -> bool {
        let receipted = new.receipt.as_ref().map_or(0, |r| r.count);
        let heard = self.count.max(receipted);
        new.delivered <= new.sent
            && new.sent <= heard.saturating_add(MAX_UNHEARD)
            && new.received <= other.count.saturating_add(MAX_UNHEARD)
    }
}

/// Most events that a party may say were lost in one session.
const MAX_UNHEARD: u64 = 1 << 16;

/// The gaps of one session, from both tracks. Each count is bounded by [`Track::plausible`], so
/// sums over sessions do not saturate.
pub(crate) fn gaps(initiator: &Track, provider: &Track) -> Gaps {
    let mut gaps = Gaps::default();
    for (own, other) in [(initiator, provider), (provider, initiator)] {
        let closing = own.closed();
        gaps.tail_open = gaps.tail_open.saturating_add(u64::from(!closing));
        let (sent, delivered, receipted) = own.counts.as_ref().map_or((0, 0, 0), |c| {
            (c.sent, c.delivered, c.receipt.as_ref().map_or(0, |r| r.count))
        });
        let theirs = other.counts.as_ref();
        let received = theirs.map_or(0, |c| c.received);

        let lost_here = receipted.saturating_sub(own.count);
        let unheard = sent.saturating_sub(own.count.max(receipted));
        let understated = if closing { own.count.saturating_sub(sent) } else { 0 };
        let accounted = own.outward.saturating_add(lost_here).saturating_add(unheard);
        let hidden = delivered.max(received).saturating_sub(accounted);
        let both = closing && other.closed();
        let astray = if both { delivered.saturating_sub(received) } else { 0 };
        let agree = both && received == own.outward && lost_here == 0 && unheard == 0;
        let swapped = agree && theirs.is_some_and(|c| c.received_head != own.outward_head);

        gaps.monitor = gaps.monitor.saturating_add(lost_here);
        gaps.network = gaps.network.saturating_add(unheard).saturating_add(astray);
        gaps.agent = gaps
            .agent
            .saturating_add(understated)
            .saturating_add(hidden)
            .saturating_add(u64::from(swapped));
    }
    gaps
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
