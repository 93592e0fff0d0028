//! What travels with a call from the initiator's connector to the provider's: enough to rebuild
//! the call's event, and the monitor's ticket for it. The text is opaque to the agents.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use messages::codec::Wire;
use messages::did::Did;
use messages::event::{Body, Event, Role};
use messages::ids::{EventHash, PactHash, SessionId};
use messages::receipt::Ticket;
use messages::time::{Millis, UnixMillis};
use minicbor::{Decode, Encode};
use serde_json::Value;
use std::collections::BTreeMap;

use crate::connect::book::{Book, Taken};
use crate::connect::courier::Peer;
use crate::connect::record::Record;

/// A call's passage: the ticket, and the parts of its event that the call itself does not show.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Passage {
    /// The session.
    #[n(1)]
    pub(crate) session: SessionId,
    /// The event's number.
    #[n(2)]
    pub(crate) seq: u64,
    /// The event before it.
    #[n(3)]
    pub(crate) prev: EventHash,
    /// The call's name in events.
    #[n(4)]
    pub(crate) call: String,
    /// None where the pact's mode gives none.
    #[n(5)]
    pub(crate) ticket: Option<Ticket>,
    /// The delegate that asks.
    #[n(6)]
    pub(crate) via: Option<Did>,
    /// The pact that its session opened under.
    #[n(7)]
    pub(crate) pact: PactHash,
}

impl Wire for Passage {
    const MAX_BYTES: usize = 1024;
}

/// A call as it arrived at the provider's side.
pub(crate) struct Arrived<'a> {
    /// As the local client names its conversation.
    pub(crate) conversation: &'a str,
    /// And the call.
    pub(crate) alias: &'a str,
    /// Which interaction.
    pub(crate) name: &'a str,
    /// Arguments by name.
    pub(crate) args: &'a BTreeMap<String, Value>,
}

/// Why a call is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TicketError {
    /// Past its time.
    #[error("the ticket has expired")]
    Expired,
    /// Not signed by the monitor's boot.
    #[error("the ticket was not signed by the monitor")]
    Forged,
    /// No passage.
    #[error("the ticket is malformed")]
    Malformed,
    /// The pact demands one.
    #[error("the call came without the monitor's ticket")]
    Missing,
    /// Of another boot than the one this connector talks to.
    #[error("the ticket is of another boot of the monitor")]
    OtherBoot,
    /// Name, arguments or place differ from what was allowed.
    #[error("the ticket is for another call")]
    OtherCall,
    /// Its session is closed on this side: what the call does could not be reported.
    #[error("the ticket's session is over")]
    Over,
    /// Shown before.
    #[error("the ticket was used before")]
    Used,
}

impl TicketError {
    /// A stable code.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Expired => "ticket-expired",
            Self::Forged => "ticket-forged",
            Self::Malformed => "ticket-malformed",
            Self::Missing => "ticket-missing",
            Self::OtherBoot => "ticket-other-boot",
            Self::OtherCall => "ticket-other-call",
            Self::Over => "ticket-session-over",
            Self::Used => "ticket-used",
        }
    }
}

impl Passage {
    /// As a header's value.
    pub(crate) fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.to_cbor())
    }

    /// Reads a header's value.
    ///
    /// # Errors
    /// [`TicketError::Malformed`].
    pub(crate) fn parse(text: &str) -> Result<Self, TicketError> {
        if text.len() > Self::MAX_BYTES.saturating_mul(2) {
            return Err(TicketError::Malformed);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| TicketError::Malformed)?;
        Self::from_cbor(&bytes).map_err(|_| TicketError::Malformed)
    }

    /// The hash of the call's event, rebuilt from what arrived.
    fn event(&self, arrived: &Arrived<'_>) -> Result<EventHash, TicketError> {
        let (name, args) = (arrived.name.to_owned(), arrived.args.clone());
        let body = Body::Call { call: self.call.clone(), name, args, via: self.via.clone() };
        let (session, seq, prev) = (self.session, self.seq, self.prev);
        let (from, to) = (Role::Initiator, Role::Provider);
        let event = Event { pact: self.pact, session, seq, prev, from, to, body };
        event.hash().map_err(|_| TicketError::OtherCall)
    }
}

/// Takes a call in: the records to write before it is served. `peer` is the attested monitor where
/// the pact demands a ticket, and none where it gives none.
///
/// # Errors
/// [`TicketError`]; then the call is not served.
pub(crate) fn redeem(
    book: &Book,
    passage: &Passage,
    arrived: &Arrived<'_>,
    peer: Option<&Peer>,
    now: UnixMillis,
) -> Result<Vec<Record>, TicketError> {
    let until = match peer {
        Some(peer) => {
            let ticket = passage.ticket.as_ref().ok_or(TicketError::Missing)?;
            if ticket.boot != peer.boot {
                return Err(TicketError::OtherBoot);
            }
            ticket.verify(&peer.certificate.key).map_err(|_| TicketError::Forged)?;
            if now >= ticket.expires {
                return Err(TicketError::Expired);
            }
            ticket.expires
        }
        None => now.saturating_add(UNTICKETED),
    };
    if !book.goes_by(&passage.session, passage.pact) {
        return Err(TicketError::OtherCall);
    }
    let call = passage.event(arrived)?;
    let named = passage.ticket.as_ref().map(|ticket| (ticket.session, ticket.call));
    if named.is_some_and(|named| named != (passage.session, call)) {
        return Err(TicketError::OtherCall);
    }
    if book.served(&call) {
        return Err(TicketError::Used);
    }
    let session = passage.session;
    if book.session(&session).is_ok_and(|known| known.standing().closing.is_some()) {
        return Err(TicketError::Over);
    }
    let taken = Taken {
        session,
        seq: passage.seq,
        call,
        until,
        id: passage.call.clone(),
        alias: arrived.alias.to_owned(),
    };
    let joined = book.join(arrived.conversation, session, passage.pact);
    Ok(joined.into_iter().chain([taken.into_record()]).collect())
}

/// How long a call without a ticket is remembered, so that it is counted once.
const UNTICKETED: Millis = Millis(600_000);

#[cfg(test)]
mod tests {
    use messages::event::Party;
    use messages::ids::BootId;
    use messages::receipt::BootCertificate;
    use messages::signature::{Signature, SigningKey};
    use proptest::prelude::*;

    use super::*;

    struct Case {
        book: Book,
        peer: Peer,
        passage: Passage,
        args: BTreeMap<String, Value>,
    }

    fn case() -> Case {
        let boot_key = SigningKey::from_seed(&[2; 32]);
        let boot = BootId([3; 32]);
        let certificate =
            BootCertificate::issue(boot, boot_key.public(), &SigningKey::from_seed(&[4; 32]));
        let book = Book::new(Party::Provider, PactHash([5; 32]));
        let args = BTreeMap::from([("amount".to_owned(), Value::from(5))]);
        let session = SessionId([6; 32]);
        let mut passage = Passage {
            session,
            seq: 3,
            prev: EventHash([7; 32]),
            call: "c~3".into(),
            ticket: None,
            via: None,
            pact: book.pact,
        };
        let call = passage.event(&arrived("pay", &args)).unwrap();
        let expires = UnixMillis(1_000);
        let ticket = Ticket { session, call, expires, boot, signature: Signature([0; 64]) };
        passage.ticket = Some(ticket.sign(&boot_key));
        Case { book, peer: Peer { boot, certificate }, passage, args }
    }

    fn arrived<'a>(name: &'a str, args: &'a BTreeMap<String, Value>) -> Arrived<'a> {
        Arrived { conversation: "trace", alias: "c", name, args }
    }

    fn redeemed(case: &Case, name: &str, now: u64) -> Result<Vec<Record>, TicketError> {
        let arrived = arrived(name, &case.args);
        redeem(&case.book, &case.passage, &arrived, Some(&case.peer), UnixMillis(now))
    }

    #[test]
    fn a_ticket_is_good_once_for_one_call() {
        let mut case = case();
        let records = redeemed(&case, "pay", 0).unwrap();
        assert_eq!(records.len(), 2);
        records.iter().for_each(|record| case.book.apply(record));
        assert_eq!(redeemed(&case, "pay", 0), Err(TicketError::Used));
        // Also after a crash, until it has expired anyway.
        case.book = Book::recover(Party::Provider, PactHash([5; 32]), &records);
        assert_eq!(redeemed(&case, "pay", 0), Err(TicketError::Used));
        let snapshot = case.book.snapshot(UnixMillis(999));
        case.book = Book::recover(Party::Provider, PactHash([5; 32]), &snapshot);
        assert_eq!(redeemed(&case, "pay", 0), Err(TicketError::Used));
        // A revision took the pact's place: a session that it finds goes on under its own.
        case.book = Book::recover(Party::Provider, PactHash([9; 32]), &records);
        assert_eq!(redeemed(&case, "pay", 0), Err(TicketError::Used));
        // One that it does not know yet is of the pact in force, or of the one before.
        let new = Book::new(Party::Provider, PactHash([9; 32]));
        let strange = Case { book: new, ..self::case() };
        assert_eq!(redeemed(&strange, "pay", 0), Err(TicketError::OtherCall));
        let following = strange.book.following(Some(PactHash([5; 32])));
        let after = Case { book: following, ..self::case() };
        let joined = redeemed(&after, "pay", 0).unwrap();
        assert!(matches!(joined[0], Record::Begun { pact: PactHash([5, ..]), .. }));
        let counts = case.book.counts(SessionId([6; 32]), true).unwrap();
        assert_eq!(
            (counts.received, counts.received_head.0),
            (1, case.passage.ticket.unwrap().call.0)
        );
    }

    #[test]
    fn refuses_every_other_ticket() {
        let fresh = case();
        assert_eq!(redeemed(&fresh, "pay", 1_000), Err(TicketError::Expired));
        assert_eq!(redeemed(&fresh, "steal", 0), Err(TicketError::OtherCall));
        let mut other = case();
        other.args.insert("amount".into(), Value::from(6));
        assert_eq!(redeemed(&other, "pay", 0), Err(TicketError::OtherCall));
        let mut other = case();
        other.passage.session = SessionId([9; 32]);
        assert_eq!(redeemed(&other, "pay", 0), Err(TicketError::OtherCall));
        let mut other = case();
        other.peer.boot = BootId([9; 32]);
        assert_eq!(redeemed(&other, "pay", 0), Err(TicketError::OtherBoot));
        let mut forged = case();
        forged.peer.certificate.key = SigningKey::from_seed(&[8; 32]).public();
        assert_eq!(redeemed(&forged, "pay", 0), Err(TicketError::Forged));
        let mut late = case();
        late.passage.ticket.as_mut().unwrap().expires = UnixMillis(u64::MAX);
        assert_eq!(redeemed(&late, "pay", 0), Err(TicketError::Forged));
        let mut without = case();
        without.passage.ticket = None;
        assert_eq!(redeemed(&without, "pay", 0), Err(TicketError::Missing));
    }

    #[test]
    fn a_passage_is_text() {
        let passage = case().passage;
        assert_eq!(Passage::parse(&passage.to_text()), Ok(passage));
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn any_text_is_read_without_panic(text in ".{0,200}") {
            drop(Passage::parse(&text));
        }
    }
}
