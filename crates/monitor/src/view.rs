//! What may be seen of a monitor: receipts to sign, what waits, whose things are. Reads only.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use messages::did::Did;
use messages::event::Party;
use messages::ids::{BootId, EventHash, FieldElement, PactHash, SessionId, TallyId};
use messages::leaf::Boots;
use messages::receipt::{JournalHead, Receipt};
use messages::reply::{Action, WaitingCall};
use messages::signature::PublicKey;
use messages::time::UnixMillis;
use pact::{Compiled, DutyKind, Mode, OnTimeout, Pact};
use tally::Place;

use crate::action::Answer;
use crate::again::Again;
use crate::book::Book;
use crate::completeness::of;
use crate::effect::Effect;
use crate::monitor::{Decision, Monitor};
use crate::receipt::receipt;
use crate::session::Told;
use crate::terms::PactDisclosure;

/// Something that a consequence of the pact makes due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Which: the consequence's place in the pact, and what.
    pub rule: String,
    /// Who is told, beside both parties.
    pub to: Vec<Did>,
    /// By when.
    pub by: Option<UnixMillis>,
}

impl Monitor {
    /// What the consequences of a judged event make due, of which passive mode says nothing; before the effect is on record.
    #[must_use]
    pub fn due(&self, effect: &Effect) -> Vec<Due> {
        let Effect::Took(took) = effect else { return Vec::new() };
        let Some(book) = self.state.books.get(&took.root) else { return Vec::new() };
        if book.terms.compiled.mode() == Mode::Passive {
            return Vec::new();
        }
        let duties = book.terms.compiled.duties(&took.change);
        duties
            .map(|(place, duty)| {
                let kind = match duty.kind {
                    DutyKind::Alert => "alert",
                    DutyKind::Penalty => "penalty",
                    DutyKind::Report => "report",
                };
                Due {
                    rule: format!("consequences.{place}.{kind}"),
                    to: duty.to.clone(),
                    by: duty.within.map(|within| took.at.saturating_add(within)),
                }
            })
            .collect()
    }

    /// What a receipt for `party` says once the record ends at `journal`; to be signed.
    #[must_use]
    pub fn receipt(
        &self,
        session: &SessionId,
        party: Party,
        journal: JournalHead,
    ) -> Option<Receipt> {
        let (_, open) = self.state.sessions.get(session)?;
        Some(receipt((*session, open), party, self.state.boot.boot, journal))
    }

    /// What became of a paused call: none when it is not one, or still waits.
    #[must_use]
    pub fn decision(&self, session: &SessionId, call: &EventHash, now: UnixMillis) -> Decision {
        let Some((root, open)) = self.state.sessions.get(session) else { return Decision::Unknown };
        let Some(book) = self.state.books.get(root) else { return Decision::Unknown };
        let mode = book.terms.compiled.mode();
        if let Some(told) = open.decided.get(call) {
            let over = book.rolled_back || open.over(book.on_timeout(), now);
            return Decision::Made(Answer { over, ..Answer::new(mode, told.clone()) });
        }
        match open.paused.get(call) {
            Some(paused) if now <= paused.until && !open.terminated => Decision::Waits,
            Some(_) => {
                let late = match book.on_timeout() {
                    OnTimeout::Deny => Action::Deny,
                    OnTimeout::Terminate => Action::Terminate,
                };
                let told = Told { action: late, rule: "approval.timeout".into(), at: now };
                Decision::Made(Answer::new(mode, told))
            }
            None => Decision::Unknown,
        }
    }

    /// The calls that wait for a decision of `overseer`, oldest first.
    #[must_use]
    pub fn waiting(&self, overseer: &Did, now: UnixMillis) -> Vec<WaitingCall> {
        let mut calls = Vec::new();
        for (id, (root, session)) in &self.state.sessions {
            let named =
                self.compiled(root).is_some_and(|compiled| compiled.overseers().contains(overseer));
            if !named || session.terminated {
                continue;
            }
            let open = session.paused.iter().filter(|(_, paused)| now <= paused.until);
            calls.extend(open.map(|(call, paused)| WaitingCall {
                pact: *root,
                session: *id,
                call: *call,
                rule: paused.rule.clone(),
                until: paused.until,
                event: paused.event.clone().unwrap_or_default(),
            }));
        }
        calls.sort_by_key(|call| call.until);
        calls
    }

    /// Was the session opened here, whether or not it ended?
    #[must_use]
    pub fn knows(&self, session: &SessionId) -> bool {
        self.state.sessions.contains_key(session) || self.state.ended.contains_key(session)
    }

    /// The key that signs what `party` reports in an open session.
    #[must_use]
    pub fn reporter(&self, session: &SessionId, party: Party) -> Option<PublicKey> {
        self.state.sessions.get(session).map(|(_, open)| *of(&open.keys, party))
    }

    /// The pact of a session, open or ended.
    #[must_use]
    pub fn root_of(&self, session: &SessionId) -> Option<PactHash> {
        let ended = || self.state.ended.get(session).map(|ended| ended.root);
        self.pact_of(session).or_else(ended)
    }

    /// The pact of an open session.
    #[must_use]
    pub fn pact_of(&self, session: &SessionId) -> Option<PactHash> {
        self.state.sessions.get(session).map(|(root, _)| *root)
    }

    /// The root of the chain that a pact belongs to, in force or replaced.
    #[must_use]
    pub fn root_pact(&self, pact: &PactHash) -> Option<PactHash> {
        let root = self.state.books.contains_key(pact).then_some(pact);
        root.or_else(|| self.state.revisions.get(pact)).copied()
    }

    /// The document in force of a chain that `pact` belongs to.
    #[must_use]
    pub fn in_force(&self, pact: &PactHash) -> Option<Pact> {
        self.state.books.get(&self.root_pact(pact)?)?.terms.document()
    }

    /// All pacts of a chain, root first.
    pub fn chain(&self, root: &PactHash) -> impl Iterator<Item = &PactHash> {
        self.state.books.get(root).into_iter().flat_map(|book| book.terms.pacts())
    }

    /// What a pact of a chain lets leave, in force or replaced.
    #[must_use]
    pub fn under(&self, root: &PactHash, pact: &PactHash) -> Option<PactDisclosure> {
        self.state.books.get(root)?.terms.under(pact)
    }

    /// The signed documents of a chain, root first.
    pub fn documents(&self, root: &PactHash) -> impl Iterator<Item = &[u8]> {
        self.state.books.get(root).into_iter().flat_map(|book| book.terms.documents())
    }

    /// Root pacts under monitoring.
    pub fn roots(&self) -> impl Iterator<Item = &PactHash> {
        self.state.books.keys()
    }

    /// How many pacts there are, without revisions.
    #[must_use]
    pub fn pacts(&self) -> usize {
        self.state.books.len()
    }

    /// Open sessions, by identifier.
    pub fn open_sessions(&self) -> impl Iterator<Item = &SessionId> {
        self.state.sessions.keys()
    }

    /// Open sessions under a chain of pacts.
    pub fn sessions_of(&self, root: &PactHash) -> impl Iterator<Item = SessionId> {
        let open = self.state.sessions.iter().filter(move |(_, (of, _))| of == root);
        open.map(|(session, _)| *session)
    }

    /// How many sessions are open.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.state.sessions.len()
    }

    /// The boot in charge.
    #[must_use]
    pub const fn boot(&self) -> BootId {
        self.state.boot.boot
    }

    /// The key of a boot of this origin.
    #[must_use]
    pub fn boot_key(&self, boot: &BootId) -> Option<PublicKey> {
        self.state.boots.get(boot).copied()
    }

    /// The terms in force of a chain.
    #[must_use]
    pub fn compiled(&self, root: &PactHash) -> Option<&Compiled> {
        self.state.books.get(root).map(|b| &b.terms.compiled)
    }

    /// Hash of the rules that segments of a pact are proven under, a millisecond.
    #[must_use]
    pub fn rules(&self, root: &PactHash) -> Option<FieldElement> {
        let book = self.state.books.get(root)?;
        Some(circuits::digest::bytes_of(&book.terms.rules.digest()))
    }

    /// What makes the entries of a tally again that were made under `pact`, from where its log was
    /// at the end of an epoch; none of a tally that ended, whose log is not kept.
    #[must_use]
    pub fn entries_from(
        &self,
        (root, pact): (&PactHash, &PactHash),
        tally: &TallyId,
        at: Place,
    ) -> Option<Again> {
        let book = self.state.books.get(root)?;
        let running = book.tallies.iter().any(|running| running.id == *tally);
        let (compiled, rules) = book.terms.while_in_force(pact)?;
        let (log, blocks) = (book.entries.resumed(at), Vec::new());
        let open = self.state.sessions.iter().map(|(id, (root, _))| (id, root));
        let ended = self.state.ended.iter().map(|(id, ended)| (id, &ended.root));
        let own = open.chain(ended).filter(|(_, of)| *of == root);
        let sessions = own.map(|(id, _)| *id).collect();
        running.then(|| Again { root: *root, compiled, rules, log, sessions, blocks })
    }

    /// The two tallies of a pact, initiator's first.
    #[must_use]
    pub fn tallies(&self, root: &PactHash) -> Option<[TallyId; 2]> {
        let [initiator, provider] = &self.state.books.get(root)?.tallies;
        Some([initiator.id, provider.id])
    }

    /// The pact that a tally, running or ended, is of.
    #[must_use]
    pub fn pact_of_tally(&self, tally: &TallyId) -> Option<PactHash> {
        let mut books = self.state.books.iter();
        let found = books.find(|(_, book)| book.all_tallies().any(|t| t.id == *tally));
        found.map(|(root, _)| *root)
    }

    /// Whom a tally of this chain of pacts is about.
    #[must_use]
    pub fn party_of(&self, root: &PactHash, tally: &TallyId) -> Option<Party> {
        self.state.books.get(root)?.party_of(tally)
    }

    /// The boots of a tally's life, and the secret that its blindings derive from.
    #[must_use]
    pub fn tally(&self, tally: &TallyId) -> Option<(&Boots, &tally::HolderSecret)> {
        let mut all = self.state.books.values().flat_map(Book::all_tallies);
        all.find(|t| t.id == *tally).map(|t| (t.boots(), t.secret()))
    }

    /// Is this DID a party or an overseer of the pact?
    #[must_use]
    pub fn concerns(&self, root: &PactHash, did: &Did) -> bool {
        self.compiled(root).is_some_and(|pact| {
            did == pact.initiator() || did == pact.provider() || pact.overseers().contains(did)
        })
    }
}
