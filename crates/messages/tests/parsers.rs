//! Every parser of untrusted bytes, as a plain function: it never panics, and what it accepts has
//! exactly one encoding.

use cloister_messages as messages;
use messages::bundle::Bundle;
use messages::circuit::{CircuitKey, Setup};
use messages::claim::{Claim, ConsentEntry, Predicate};
use messages::codec::{CodecError, Wire};
use messages::counter::Schema;
use messages::did::Did;
use messages::event::{Body, Content, Counts, Event, EventError, Role, SignedEvent, Status};
use messages::evidence::{Claims, Conceptual, SoftwareEvidence};
use messages::ids::{EventHash, PactHash, SessionId};
use messages::leaf::{
    AggregateBody, BootBody, Boots, BreakBody, Gaps, Leaf, PactBody, ReserveBody, TallyBody,
};
use messages::publication::Disclosed;
use messages::reply::{Approval, Open, Reply, Request, Statistic};
use messages::signature::SigningKey;
use messages::time::Epoch;
use proptest::prelude::*;

/// The fuzz target: all parsers over one input.
fn parse_everything(bytes: &[u8]) {
    fn one<T: Wire>(bytes: &[u8]) {
        if let Ok(value) = T::from_cbor(bytes) {
            assert_eq!(value.to_cbor(), bytes, "accepted bytes are the only encoding");
        }
    }
    one::<AggregateBody>(bytes);
    one::<Approval>(bytes);
    one::<BootBody>(bytes);
    one::<Boots>(bytes);
    one::<BreakBody>(bytes);
    one::<Bundle>(bytes);
    one::<CircuitKey>(bytes);
    one::<Claim>(bytes);
    one::<Claims>(bytes);
    one::<Conceptual>(bytes);
    one::<ConsentEntry>(bytes);
    one::<Counts>(bytes);
    one::<Disclosed>(bytes);
    one::<Leaf>(bytes);
    one::<Open>(bytes);
    one::<PactBody>(bytes);
    one::<Predicate>(bytes);
    one::<Reply>(bytes);
    one::<Request>(bytes);
    one::<ReserveBody>(bytes);
    one::<Schema>(bytes);
    one::<SoftwareEvidence>(bytes);
    one::<Statistic>(bytes);
    one::<TallyBody>(bytes);
    if let Ok(event) = SignedEvent::parse(bytes) {
        assert_eq!(event.to_bytes().as_deref(), Ok(bytes));
    }
    if let Ok(text) = core::str::from_utf8(bytes)
        && let Some(did) = Did::parse(text)
    {
        assert_eq!(did.as_str(), text);
    }
}

fn event(text: &str) -> Event {
    Event {
        pact: PactHash([1; 32]),
        session: SessionId([2; 32]),
        seq: 3,
        prev: EventHash([4; 32]),
        from: Role::Provider,
        to: Role::Initiator,
        body: Body::Result {
            call: "c".into(),
            status: Status::Ok,
            content: Content::Document(serde_json::json!({ "a": [1, 2.5, null], "b": text })),
            latency_us: Some(7),
        },
    }
}

fn tally() -> TallyBody {
    TallyBody {
        suite: messages::leaf::Suite::PedersenRistretto255,
        tally: messages::ids::TallyId([1; 32]),
        root_pact: PactHash([2; 32]),
        pact: PactHash([2; 32]),
        schema: messages::ids::SchemaHash([3; 32]),
        counters: 40,
        epoch: Epoch(7),
        at: messages::time::Bracket {
            earliest: messages::time::UnixMillis(1),
            latest: messages::time::UnixMillis(2),
            clock: messages::time::ClockKind::Generated,
        },
        salt: messages::ids::Salt([4; 32]),
        commitments: messages::ids::Root([5; 32]),
        gaps: Gaps::default(),
        boots: messages::ids::Root([6; 32]),
        previous: None,
        hidden: messages::ids::Root([7; 32]),
        cut: messages::ids::Commitment([8; 32]),
        kappa: messages::ids::FieldElement([9; 32]),
        padding: Vec::new(),
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        parse_everything(&bytes);
    }

    #[test]
    fn changed_events_never_panic_and_never_keep_their_signature(
        text in ".{0,40}", at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let key = SigningKey::from_seed(&[9; 32]);
        let mut bytes = event(&text).sign(&key).and_then(|e| e.to_bytes()).unwrap_or_default();
        let whole = SignedEvent::parse(&bytes);
        prop_assert!(whole.is_ok_and(|e| e.check(&key.public()).is_ok()));
        let place = at.get_mut(&mut bytes);
        let changed = *place != byte;
        *place = byte;
        parse_everything(&bytes);
        if changed && let Ok(event) = SignedEvent::parse(&bytes) {
            prop_assert!(event.check(&key.public()).is_err());
        }
    }

    #[test]
    fn changed_circuit_keys_never_panic_and_have_another_digest(
        points in proptest::collection::vec(any::<u8>(), 0..400), contributions in any::<u32>(),
        beacon in any::<bool>(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let root = messages::ids::Root([3; 32]);
        let setup = Setup::Ceremony { transcript: root, contributions, beacon };
        let key = CircuitKey { circuit: "segment".into(), constraints: root, setup, points };
        let mut bytes = key.to_cbor();
        prop_assert_eq!(CircuitKey::from_cbor(&bytes), Ok(key.clone()));
        *at.get_mut(&mut bytes) = byte;
        parse_everything(&bytes);
        if let Ok(other) = CircuitKey::from_cbor(&bytes) {
            prop_assert_eq!(other.digest() == key.digest(), other == key);
        }
    }

    #[test]
    fn tally_bodies_have_one_size_whatever_they_hold(
        epoch in any::<u64>(), counters in any::<u32>(), gaps in any::<[u64; 4]>(),
        previous in any::<Option<[u8; 32]>>(), at in any::<[u64; 2]>(),
    ) {
        let [agent, network, monitor, tail_open] = gaps;
        let [earliest, latest] = at.map(messages::time::UnixMillis);
        let clock = messages::time::ClockKind::Generated;
        let body = TallyBody {
            epoch: Epoch(epoch),
            counters,
            at: messages::time::Bracket { earliest, latest, clock },
            gaps: Gaps { agent, network, monitor, tail_open },
            previous: previous.map(messages::ids::LeafHash),
            ..tally()
        };
        let bytes = body.padded().to_cbor();
        prop_assert_eq!(bytes.len(), TallyBody::BYTES);
        parse_everything(&bytes);
        for cut in [1, 100, TallyBody::BYTES - 1] {
            prop_assert!(TallyBody::from_cbor(bytes.get(..cut).unwrap_or_default()).is_err());
        }
    }
}

#[test]
fn parsers_are_bounded_before_they_decode() {
    let long = vec![0; 16 << 20];
    let limit = Request::MAX_BYTES;
    assert_eq!(Request::from_cbor(&long), Err(CodecError::TooLarge { limit }));
    assert_eq!(SignedEvent::parse(&long), Err(EventError::TooLarge));
    // A length that the input does not back is no reason to reserve memory for it.
    assert!(
        Bundle::from_cbor(&[0xa1, 0x03, 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
            .is_err()
    );
}
