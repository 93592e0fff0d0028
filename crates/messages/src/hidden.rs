//! What happened in an epoch of a tally beside its totals: which rules were met how, and which
//! claims were asked for. The leaf carries a digest; the body goes to whom the pact names.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::claim::Predicate;
use crate::codec::Wire;
use crate::did::Did;
use crate::domain;
use crate::ids::{Root, Salt};
use crate::reply::Action;
use crate::time::Epoch;

/// The hidden body of a tally leaf.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Hidden {
    /// Keeps the digest from being guessed.
    #[n(1)]
    pub salt: Salt,
    /// Verdicts that were no leave, by rule and action.
    #[n(2)]
    pub ruled: Vec<Ruled>,
    /// Claims that the monitor was asked to prove about this tally, and that consent permits.
    #[n(3)]
    pub asked: Vec<Asked>,
    /// How many more of either there were than are listed.
    #[n(4)]
    pub more: u64,
    /// Fills the body to a whole number of kibibytes.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub padding: Vec<u8>,
}

/// How often a rule led to an action.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ruled {
    /// The pact's rule.
    #[n(1)]
    pub rule: String,
    /// What interventionist mode did or would have done.
    #[n(2)]
    pub action: Action,
    /// How often.
    #[n(3)]
    pub count: u64,
}

/// A claim that the monitor was asked to prove. Whether it held is not said: that it was asked is
/// what tells something, either way.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Asked {
    /// What was to be stated.
    #[n(1)]
    pub statements: Vec<Predicate>,
    /// First epoch.
    #[n(2)]
    pub first: Epoch,
    /// Last epoch.
    #[n(3)]
    pub last: Epoch,
    /// To whom; none when to anyone.
    #[n(4)]
    pub audience: Option<Did>,
    /// Who asked.
    #[n(5)]
    pub requester: Did,
}

impl Hidden {
    /// Most entries of each list.
    pub const MAX_ENTRIES: usize = 64;

    /// Fills `padding` so that the encoding is a whole number of kibibytes.
    #[must_use]
    pub fn padded(mut self) -> Self {
        self.padding = Vec::new();
        // The length prefix of a string of 256..=65535 bytes is two bytes longer than the empty
        // one's; a pad below that length would need another prefix, so it is never made.
        let bare = self.to_cbor().len().saturating_add(2);
        let least = bare.saturating_add(256).next_multiple_of(1024);
        self.padding.resize(least.saturating_sub(bare), 0);
        self
    }

    /// What the tally leaf carries.
    #[must_use]
    pub fn digest(&self) -> Root {
        Root(domain::HIDDEN.hash(&[&self.to_cbor()]))
    }
}

impl Wire for Hidden {
    const MAX_BYTES: usize = 1024 * 1024;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_whole_kibibytes() {
        for count in [0, 1, 9, 10, 11, 23, 24, 40, 64] {
            let ruled = |i: usize| Ruled {
                rule: alloc::format!("rule-{i}"),
                action: Action::Deny,
                count: u64::MAX,
            };
            let hidden = Hidden { ruled: (0..count).map(ruled).collect(), ..Hidden::default() };
            let bytes = hidden.padded().to_cbor();
            assert_eq!(bytes.len() % 1024, 0, "{count}: {}", bytes.len());
            assert!(Hidden::from_cbor(&bytes).is_ok());
        }
        assert_eq!(Hidden::default().padded().to_cbor().len(), 1024);
    }
}
