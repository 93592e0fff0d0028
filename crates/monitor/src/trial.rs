//! Trials: what a draft would say. Verdicts only: no tally, no claim, no release, no leaf.

use messages::did::Did;
use messages::domain::TRIAL_RECEIPT;
use messages::event::SignedEvent;
use messages::ids::{BootId, PactHash, SessionId};
use messages::signature::{PublicKey, SigningKey};
use messages::time::UnixMillis;
use pact::{Approval, Compiled, Mode, StandingState, check};

use crate::action::{Answer, action, runs};
use crate::completeness::of;
use crate::receipt::sign_receipt;
use crate::refusal::IngestError;
use crate::session::Session;

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
        let tools = compiled.tools();
        Self {
            id,
            compiled: match mode {
                Some(mode) => compiled.with_mode(mode),
                None => compiled,
            },
            standing: StandingState::default(),
            session: Session::new(draft, principal, keys, (token_key, tools), now),
        }
    }

    /// Judges one event.
    ///
    /// # Errors
    /// As [`Monitor::ingest`](crate::Monitor::ingest).
    pub fn ingest(
        &mut self,
        signed: &SignedEvent,
        (boot, key): (BootId, &SigningKey),
        now: UnixMillis,
    ) -> Result<Answer, IngestError> {
        let mode = self.compiled.mode();
        let (event, hash, party) = self.session.admit(signed)?;
        let judged = check(
            &self.compiled,
            &self.session.state,
            &self.standing,
            event,
            Approval::Absent,
            now,
        );
        let action = action(judged.verdict.decision);
        let runs = runs(mode, action);
        self.session.remember(&judged.change, runs);
        self.standing.apply(&judged.change);
        self.session.record(event, hash, action, runs, now);
        let track = of(&self.session.tracks, party);
        let receipt =
            sign_receipt(key, boot, self.id, party, (track.count, track.head), TRIAL_RECEIPT);
        Ok(Answer::new(mode, judged.verdict, receipt))
    }
}
