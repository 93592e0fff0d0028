//! After a restart: where a party may go on, whether the record still holds what its receipt says,
//! and who lets a pact go on when it does not.

use messages::codec::Wire;
use messages::domain;
use messages::ids::EventHash;
use messages::receipt::{JournalHead, Resumption};
use messages::reply::Reinstatement;
use messages::signature::{PublicKey, Signature};

use crate::completeness::of;
use crate::effect::Effect;
use crate::monitor::{Ended, Monitor, tag};
use crate::refusal::{ReinstateError, ResumeError};

/// Where a party may go on.
#[must_use = "a rollback is put on record"]
pub struct Resumed {
    /// Events held of the party.
    pub count: u64,
    /// Hash of the last of them.
    pub head: EventHash,
    /// The receipt says more than is on record.
    pub rolled_back: bool,
    /// To record and apply, when this was not known before.
    pub effect: Option<Effect>,
}

impl Monitor {
    /// Looks where a party may go on, and whether the record still holds what its receipt says.
    /// `log_key` is the log's, which certifies boots; `journal` is where the record ends now.
    ///
    /// # Errors
    /// [`ResumeError`].
    pub fn resume(
        &self,
        resumption: &Resumption,
        signature: &Signature,
        (log_key, journal): (&PublicKey, JournalHead),
    ) -> Result<Resumed, ResumeError> {
        let Resumption { receipt, certificate, pact } = resumption;
        let named = self.root_pact(pact).ok_or(ResumeError::UnknownPact)?;
        let book = self.state.books.get(&named).ok_or(ResumeError::UnknownPact)?;
        of(&book.keys, receipt.party)
            .verify(domain::RESUMPTION, &resumption.to_cbor(), signature)
            .map_err(|_| ResumeError::BadSignature)?;
        certificate
            .verify(log_key)
            .ok()
            .filter(|()| certificate.boot == receipt.boot)
            .and_then(|()| receipt.verify(&certificate.key).ok())
            .ok_or(ResumeError::ForeignReceipt)?;
        let open = self.state.sessions.get(&receipt.session);
        let ended = self.state.ended.get(&receipt.session);
        let root = open.map(|(root, _)| root).or_else(|| ended.map(|ended| &ended.root));
        if root.is_some_and(|root| *root != named) {
            return Err(ResumeError::ForeignReceipt);
        }
        let held = match (open, ended) {
            (Some((_, session)), _) => {
                let [initiator, provider] = &session.tracks;
                [(initiator.count, initiator.head), (provider.count, provider.head)]
            }
            (None, Some(Ended { counts: [a, b], heads: [x, y], .. })) => [(*a, *x), (*b, *y)],
            // Every receipt of a session lies before the record of its end; and a boot that is not
            // on record was lost with all that it signed for.
            (None, None)
                if receipt.journal.seq < self.state.oldest
                    && self.state.boots.contains_key(&receipt.boot) =>
            {
                return Err(ResumeError::Forgotten);
            }
            (None, None) => Default::default(),
        };
        let (count, head) = *of(&held, receipt.party);
        let (other, _) = *of(&held, receipt.party.other());
        let younger = receipt.journal.seq > journal.seq;
        let forked = receipt.count == count && receipt.head != head;
        let rolled_back = younger || forked || receipt.count > count || receipt.other > other;
        if ended.is_some() && !rolled_back {
            return Err(ResumeError::Closed);
        }
        let tag = (receipt.session, tag(receipt.party));
        let missing = receipt.count.saturating_sub(count).max(1);
        let known = book.lost.get(&tag).is_some_and(|lost| *lost >= missing);
        let effect = (rolled_back && !known)
            .then(|| Effect::RolledBack { root: named, receipt: receipt.clone() });
        Ok(Resumed { count, head, rolled_back, effect })
    }

    /// Takes an overseer's decision to go on after a rollback.
    ///
    /// # Errors
    /// [`ReinstateError`].
    pub fn reinstate(
        &self,
        reinstatement: &Reinstatement,
        signature: &Signature,
        overseer: Option<PublicKey>,
    ) -> Result<Effect, ReinstateError> {
        let root = self.root_pact(&reinstatement.pact).ok_or(ReinstateError::UnknownPact)?;
        let book = self.state.books.get(&root).ok_or(ReinstateError::UnknownPact)?;
        if !book.terms.compiled.overseers().contains(&reinstatement.overseer) {
            return Err(ReinstateError::NotOverseer);
        }
        overseer
            .and_then(|k| k.verify(domain::REINSTATEMENT, &reinstatement.to_cbor(), signature).ok())
            .ok_or(ReinstateError::BadSignature)?;
        if reinstatement.boot != self.state.boot.boot {
            return Err(ReinstateError::OtherBoot);
        }
        if !book.rolled_back && !book.standing.suspended() {
            return Err(ReinstateError::NotStopped);
        }
        Ok(Effect::Reinstated { root })
    }
}
