//! The entries of a tally made again from its record: what a proof about each event is made of.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use circuits::log::Block;
use circuits::rules::Rules;
use messages::ids::{PactHash, SessionId};
use pact::Compiled;
use tally::Entries;

use crate::effect::Effect;

/// A log that is made again, under the pact that was in force. Secret.
pub struct Again {
    pub(crate) root: PactHash,
    pub(crate) compiled: Compiled,
    pub(crate) rules: Rules,
    pub(crate) log: Entries,
    /// The pact's sessions: an overseer's decision names no pact.
    pub(crate) sessions: BTreeSet<SessionId>,
    pub(crate) blocks: Vec<Block>,
}

impl Again {
    /// Takes the next effect on record.
    pub fn take(&mut self, effect: &Effect) {
        let (own, event, change) = match effect {
            Effect::Took(took) => (took.root == self.root, took.event, Some(&took.change)),
            Effect::Approved(approved) => {
                let own = self.sessions.contains(&approved.session);
                (own, approved.call, approved.change.as_ref())
            }
            Effect::Closed { .. } => {
                self.blocks.extend(self.log.close());
                return;
            }
            _ => return,
        };
        if let Some(change) = change.filter(|_| own) {
            let entry = self.compiled.entry(event, change);
            self.blocks.extend(self.log.add(&entry, &self.rules));
        }
    }

    /// Blocks so far.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The rules, and the blocks.
    #[must_use]
    pub fn done(self) -> (Rules, Vec<Block>) {
        (self.rules, self.blocks)
    }
}
