//! The log of a pact's entries, as circuits read it: one for both tallies, which count the same.
//!
//! Its root is hidden with the counters, in kappa. Who learns it learns nothing else: every entry
//! carries a nonce of its own, derived from a secret.

use circuits::digest::bytes_of;
use circuits::entry::Packed;
use circuits::log::{self, BLOCK};
use circuits::rules::Rules;
use messages::domain;
use messages::ids::FieldElement;
use messages::segment::Entry;
use rand_core::CryptoRngCore;

use crate::secret::HolderSecret;

/// A log under way. Secret: who has it can tell what its root stands for.
pub struct Entries {
    pub(crate) secret: HolderSecret,
    pub(crate) at: Place,
    /// What is not in the root yet, fewer than a block.
    pub(crate) open: Vec<Packed>,
}

/// How far a log is: what comes next is made from here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Entries so far.
    pub(crate) count: u64,
    /// Root over them.
    pub(crate) root: FieldElement,
}

impl Entries {
    /// A log without entries.
    pub fn new(rng: &mut impl CryptoRngCore) -> Self {
        Self { secret: HolderSecret::generate(rng), at: Place::start(), open: Vec::new() }
    }

    /// The same log from a place on where it was closed.
    #[must_use]
    pub fn resumed(&self, at: Place) -> Self {
        let secret = HolderSecret::from_bytes(*self.secret.expose());
        Self { secret, at, open: Vec::new() }
    }

    /// Adds an entry; the block that it completes, if it does.
    pub fn add(&mut self, entry: &Entry, rules: &Rules) -> Option<Vec<Packed>> {
        let packed = Packed::new(entry, rules, &self.nonce());
        self.at.count = self.at.count.saturating_add(1);
        self.open.push(packed);
        (self.open.len() >= BLOCK).then(|| self.fold())
    }

    /// Ends an epoch: the block that is open, if one is, ends where it is.
    pub fn close(&mut self) -> Option<Vec<Packed>> {
        (!self.open.is_empty()).then(|| self.fold())
    }

    /// How far it is. Between two blocks only.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.at
    }

    fn fold(&mut self) -> Vec<Packed> {
        let block = core::mem::take(&mut self.open);
        // A root that came from this log is an element.
        let root = circuits::digest::element(&self.at.root).unwrap_or_default();
        self.at.root = bytes_of(&log::append(&root, &block));
        block
    }

    fn nonce(&self) -> [u8; 32] {
        domain::SEGMENT_NONCE.hash(&[self.secret.expose(), &self.at.count.to_be_bytes()])
    }
}

impl Place {
    /// Before the first entry.
    #[must_use]
    pub fn start() -> Self {
        Self { count: 0, root: bytes_of(&log::start()) }
    }

    /// Entries between an earlier place and this one.
    #[must_use]
    pub const fn since(&self, earlier: &Self) -> u64 {
        self.count.saturating_sub(earlier.count)
    }

    /// Root over the entries before it.
    #[must_use]
    pub const fn root(&self) -> FieldElement {
        self.root
    }
}

#[cfg(test)]
mod tests {
    use messages::ids::EventHash;
    use messages::segment::RuleTable;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;

    static_assertions::assert_not_impl_any!(Entries: Clone, Copy, core::fmt::Debug, PartialEq);

    fn rules() -> Rules {
        Rules::new(&RuleTable { calls: Vec::new(), sums: Vec::new() })
    }

    fn entry(n: u8) -> Entry {
        Entry {
            event: EventHash([n; 32]),
            taken: true,
            opens: false,
            outcome: None,
            ran: None,
            amount: 0,
            alert: false,
            answer: None,
            latency: None,
            breach: false,
            bytes: 1,
            pii: 0,
        }
    }

    fn new(seed: u64) -> Entries {
        Entries::new(&mut ChaCha20Rng::seed_from_u64(seed))
    }

    #[test]
    fn the_same_entries_under_another_secret_are_another_log() {
        let (mut one, mut other) = (new(1), new(2));
        assert!(one.place() == other.place() && one.close().is_none());
        for log in [&mut one, &mut other] {
            assert!(log.add(&entry(1), &rules()).is_none());
            assert_eq!(log.close().unwrap().len(), 1);
        }
        assert!(one.place().root() != other.place().root());
    }

    #[test]
    fn a_log_goes_on_from_where_it_was_closed() {
        let mut first = new(1);
        (0..9).for_each(|n| drop(first.add(&entry(n), &rules())));
        let _ = first.close();
        let mark = first.place();
        let mut again = first.resumed(mark);
        for log in [&mut first, &mut again] {
            (10..15).for_each(|n| drop(log.add(&entry(n), &rules())));
            let _ = log.close();
        }
        assert!(first.place() == again.place() && first.place() != mark);
    }

    #[test]
    fn blocks_lead_from_root_to_root() {
        let mut log = new(1);
        let start = log::start();
        let mut blocks: Vec<Vec<Packed>> =
            (0..6).filter_map(|n| log.add(&entry(n), &rules())).collect();
        blocks.extend(log.close());
        let root = blocks.iter().fold(start, |root, block| log::append(&root, block));
        assert_eq!(bytes_of(&root), log.place().root());
        assert_eq!(blocks.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2]);
    }
}
