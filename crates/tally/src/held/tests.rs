use messages::codec::Wire;
use messages::counter::{Counter, Schema};
use messages::ids::{FieldElement, PactHash, Root, Salt, SchemaHash, TallyId};
use messages::leaf::{Gaps, Suite};
use messages::time::{Bracket, ClockKind, UnixMillis};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use messages::segment::MOVED;

use crate::{BlindingContext, Cut, HolderSecret, Place, Totals, commit};

static_assertions::assert_not_impl_any!(Held: Clone, Copy, core::fmt::Debug, PartialEq);
static_assertions::assert_not_impl_any!(Opening: Clone, Copy, core::fmt::Debug, PartialEq);

/// Two counters, and one that the schema lacks.
const MOVED_HERE: Moved = {
    let mut moved = [None; MOVED];
    moved[0] = Some(CounterIndex(1));
    moved[7] = Some(CounterIndex(3));
    moved[9] = Some(CounterIndex(77));
    moved
};

fn boot_key() -> SigningKey {
    SigningKey::from_seed(&[5; 32])
}

fn opened() -> Openings {
    let counter =
        |n| Counter { name: format!("c{n}"), unit: "calls".into(), max: u64::MAX, bucket: None };
    let mut totals = Totals::new(&Schema { counters: (0..5).map(counter).collect() });
    let adds: Vec<_> = (0..5).map(|n| (CounterIndex(n), 10 + u64::from(n))).collect();
    totals.add(&adds).unwrap();
    let context = BlindingContext {
        root_pact: PactHash([1; 32]),
        tally: TallyId([2; 32]),
        epoch: Epoch(3),
        salt: Salt([4; 32]),
        boot_key: boot_key().public(),
    };
    commit(
        &totals,
        (&MOVED_HERE, Place::start()),
        Some(&Cut::default()),
        &HolderSecret::from_bytes([9; 32]),
        &context,
    )
}

fn body(openings: &Openings) -> TallyBody {
    let at = UnixMillis(1);
    TallyBody {
        suite: Suite::PedersenRistretto255,
        tally: TallyId([2; 32]),
        root_pact: PactHash([1; 32]),
        pact: PactHash([1; 32]),
        schema: SchemaHash([7; 32]),
        counters: 5,
        epoch: Epoch(3),
        at: Bracket { earliest: at, latest: at, clock: ClockKind::Generated },
        salt: Salt([4; 32]),
        commitments: openings.root(),
        gaps: Gaps::default(),
        boots: Root([8; 32]),
        previous: None,
        hidden: Root([8; 32]),
        cut: openings.cut(),
        kappa: openings.kappa(),
        padding: Vec::new(),
    }
}

const LEAF: (LeafHash, BootId) = (LeafHash([3; 32]), BootId([6; 32]));

fn held(openings: &Openings) -> Held {
    let shared = [CounterIndex(1), CounterIndex(3)];
    Held::sign(openings, (&shared, &MOVED_HERE), LEAF, &boot_key())
}

#[test]
fn what_is_shared_opens_and_what_is_not_stays_closed() {
    let openings = opened();
    let body = body(&openings);
    let holder = SigningKey::from_seed(&[40; 32]);
    let sealed = held(&openings).seal(&holder.public(), &mut ChaCha20Rng::from_seed([1; 32]));
    let unsealed = Held::unseal(&sealed.unwrap(), &holder).unwrap();
    let again = unsealed.check((LEAF.0, &body), &MOVED_HERE, &boot_key().public()).unwrap();
    assert_eq!(again.commitments(), openings.commitments());
    assert_eq!(
        (again.root(), again.cut(), again.epoch()),
        (openings.root(), openings.cut(), Epoch(3))
    );
    for at in (0..5).map(CounterIndex) {
        let shared = at.0 == 1 || at.0 == 3;
        assert_eq!(again.expose_value(at), openings.expose_value(at).filter(|_| shared));
        let blinding = again.expose_blinding(at).map(|b| *b.expose());
        assert_eq!(blinding, openings.expose_blinding(at).map(|b| *b.expose()).filter(|_| shared));
        assert_eq!(again.path(at), openings.path(at));
    }
    let [a, b] = [&again, &openings].map(|o| *o.expose_cut_blinding().unwrap().expose());
    assert_eq!(a, b);
}

#[test]
fn only_the_holder_unseals_and_only_what_was_sealed() {
    let openings = opened();
    let holder = SigningKey::from_seed(&[40; 32]);
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let good = held(&openings).seal(&holder.public(), &mut rng).unwrap();
    let other = held(&openings).seal(&holder.public(), &mut rng).unwrap();
    assert_ne!(good, other, "fresh each time");
    let refused = |sealed: &SealedOpenings, key: &SigningKey| Held::unseal(sealed, key).err();
    assert_eq!(refused(&good, &SigningKey::from_seed(&[41; 32])), Some(HeldError::Sealed));
    let SealedOpenings { leaf: _, encapsulated: _, ciphertext: _ } = good;
    let mut changed = [good.clone(), good.clone(), good.clone(), good];
    changed[0].leaf.0[0] ^= 1;
    changed[1].encapsulated[0] ^= 1;
    changed[2].ciphertext[9] ^= 1;
    changed[3].ciphertext.pop();
    for sealed in &changed {
        assert_eq!(refused(sealed, &holder), Some(HeldError::Sealed));
    }
    // Nothing is sealed to a key of small order: everybody could read it.
    assert!(held(&openings).seal(&PublicKey([0; 32]), &mut rng).is_none());
    let mut identity = [0; 32];
    identity[0] = 1;
    assert!(held(&openings).seal(&PublicKey(identity), &mut rng).is_none());
}

#[test]
fn openings_that_do_not_fit_their_leaf_are_named() {
    let openings = opened();
    let body = body(&openings);
    let key = boot_key().public();
    let check =
        |held: &Held, leaf, body: &TallyBody| held.check((leaf, body), &MOVED_HERE, &key).err();
    let good = held(&openings);
    assert_eq!(check(&good, LEAF.0, &body), None);
    assert_eq!(good.boot(), LEAF.1);
    assert_eq!(check(&good, LeafHash([4; 32]), &body), Some(HeldError::OtherLeaf));
    let others = [
        TallyBody { epoch: Epoch(4), ..body.clone() },
        TallyBody { commitments: Root([1; 32]), ..body.clone() },
        TallyBody { cut: Commitment([1; 32]), ..body.clone() },
        TallyBody { counters: 4, ..body.clone() },
    ];
    for other in &others {
        assert_eq!(check(&good, LEAF.0, other), Some(HeldError::OtherLeaf));
    }
    let mut unsigned = held(&openings);
    unsigned.openings[0].value += 1;
    assert_eq!(check(&unsigned, LEAF.0, &body), Some(HeldError::Signature));
    assert_eq!(
        good.check((LEAF.0, &body), &MOVED_HERE, &PublicKey([1; 32])).err(),
        Some(HeldError::Signature)
    );
}

/// Number 13 of the circuits' list: kappa and the commitments open to the same counters, or the
/// holder sees it.
#[test]
fn kappa_hides_the_same_counters_or_convicts() {
    let openings = opened();
    let honest = body(&openings);
    let check = |held: &Held, body: &TallyBody| {
        held.check((LEAF.0, body), &MOVED_HERE, &boot_key().public()).map(|_| ())
    };
    let held = held(&openings);
    let shown = held.shown();
    let places: Vec<u16> = shown.openings.iter().map(|o| o.counter).collect();
    assert_eq!(places, [1, 3, ENTRIES, KAPPA, CUT]);
    assert_eq!(check(&held, &honest), Ok(()));
    let other = TallyBody { kappa: FieldElement([1; 32]), ..honest.clone() };
    assert_eq!(check(&held, &other), Err(HeldError::WrongKappa));
    // A monitor that counted otherwise for circuits, and signed.
    for at in [2, 3] {
        let mut lie = self::held(&openings);
        lie.openings[at].blinding[31] ^= 1;
        lie.signature = boot_key().sign(domain::OPENINGS, &lie.signed());
        assert_eq!(check(&lie, &honest), Err(HeldError::WrongKappa), "{at}");
    }
    // What hides them is told with all of them, or not at all.
    let some = Held::sign(&openings, (&[CounterIndex(1)], &MOVED_HERE), LEAF, &boot_key());
    let places: Vec<u16> = some.shown().openings.iter().map(|o| o.counter).collect();
    assert_eq!(places, [1, CUT]);
    assert_eq!(check(&some, &other), Ok(()), "nothing to compare");
}

/// What a lying monitor signs convicts it.
#[test]
fn a_wrong_opening_that_was_signed_is_found_and_can_be_shown_alone() {
    let openings = opened();
    let body = body(&openings);
    let mut lie = held(&openings);
    lie.openings[1].value += 1;
    lie.signature = boot_key().sign(domain::OPENINGS, &lie.signed());
    let counter = CounterIndex(3);
    let found = lie.check((LEAF.0, &body), &MOVED_HERE, &boot_key().public()).err();
    assert_eq!(found, Some(HeldError::WrongOpening { counter }));
    let shown = lie.evidence(counter).unwrap();
    let path: Vec<[u8; 32]> = shown.path.iter().map(|h| h.0).collect();
    let root = merkle::OPENINGS.root_from(
        &shown.opening.to_cbor(),
        shown.index.try_into().unwrap(),
        shown.count.try_into().unwrap(),
        &path,
    );
    let signed = signed_bytes(&lie.leaf(), &root.unwrap());
    boot_key().public().verify(domain::OPENINGS, &signed, &shown.signature).unwrap();
    assert!(lie.evidence(CounterIndex(0)).is_none(), "what is not shared is not shown");
}

#[test]
fn openings_leave_no_trace_behind() {
    let mut held = held(&opened());
    held.openings.iter_mut().for_each(Zeroize::zeroize);
    assert!(held.openings.iter().all(|o| o.value == 0 && o.blinding == [0; 32]));
}
