//! Trials: what a draft would say. Verdicts only: no tally, no claim, no release, no leaf.

use messages::did::Did;
use messages::event::SignedEvent;
use messages::ids::{BootId, PactHash, SessionId};
use messages::receipt::{JournalHead, Receipt};
use messages::signature::PublicKey;
use messages::time::UnixMillis;
use pact::{Approval, Compiled, Mode, StandingState, check};

use crate::action::{Answer, action, runs};
use crate::completeness::of;
use crate::receipt::receipt;
use crate::refusal::IngestError;
use crate::session::{Said, Session, Told, outward};

/// One session under a draft. A type of its own: nothing that counts, commits or publishes takes it.
pub struct Trial {
    id: SessionId,
    compiled: Compiled,
    standing: StandingState,
    session: Session,
}

impl Trial {
    /// Opens a trial; `keys` sign the events of initiator and provider.
    #[must_use]
    pub fn new(
        (id, draft, compiled): (SessionId, PactHash, Compiled),
        mode: Option<Mode>,
        principal: Did,
        keys: [PublicKey; 2],
        token_key: [u8; 16],
        now: UnixMillis,
    ) -> Self {
        Self {
            id,
            compiled: match mode {
                Some(mode) => compiled.with_mode(mode),
                None => compiled,
            },
            standing: StandingState::default(),
            session: Session::new(draft, principal, keys, token_key, now),
        }
    }

    /// When it was last heard of.
    #[must_use]
    pub const fn touched(&self) -> UnixMillis {
        self.session.touched
    }

    /// Judges one event; the receipt, to be signed as a trial's, names no place in a journal.
    ///
    /// # Errors
    /// As [`Monitor::take`](crate::Monitor::take).
    pub fn ingest(
        &mut self,
        signed: SignedEvent,
        boot: BootId,
        now: UnixMillis,
    ) -> Result<(Answer, Receipt), IngestError> {
        let mode = self.compiled.mode();
        let party = signed.unverified().from.reporter();
        let key = of(&self.session.keys, party);
        let verified = signed.check(key).map_err(|_| IngestError::BadSignature)?;
        let (event, hash, party) = self.session.admit(&verified)?;
        let (state, standing) = (&self.session.state, &self.standing);
        let judged = check(&self.compiled, state, standing, event, Approval::Absent, now);
        let action = action(judged.verdict.decision);
        let runs = runs(mode, action);
        self.session.remember(&judged.change, runs);
        self.standing.apply(&judged.change);
        let rule = judged.verdict.rule;
        let outward = outward(event);
        let said =
            Said { party, event: hash, action, rule: rule.clone(), runs, outward, tool: None };
        self.session.record(&said, now);
        let receipt = receipt((self.id, &self.session), party, boot, JournalHead::default());
        Ok((Answer::new(mode, Told { action, rule, at: now }), receipt))
    }
}
