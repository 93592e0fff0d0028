use std::collections::BTreeMap;

use messages::counter::CounterIndex;
use messages::ids::EventHash;
use messages::segment::{Answered, CallRule, Entry, Outcome, RuleTable, SumRule};

use super::*;
use crate::digest::truncated;

const ALL: u64 = (1 << 48) - 1;

/// A read that runs freely, a payment with a ceiling that approval lifts, a call that always needs
/// approval, and a deletion that a limit of three bounds.
fn table() -> RuleTable {
    let rule = |counter, permitted, approved, sum, most| CallRule {
        counter: CounterIndex(counter),
        permitted,
        approved,
        sum,
        most,
    };
    RuleTable {
        calls: vec![
            rule(22, Some(0), Some(0), None, ALL),
            rule(23, Some(200_000), Some(ALL), Some(0), ALL),
            rule(24, None, Some(0), None, ALL),
            rule(25, Some(0), Some(0), None, 3),
        ],
        sums: vec![SumRule { counter: CounterIndex(26), most: 1_000_000 }],
    }
}

fn blank(n: u8) -> Entry {
    Entry {
        event: EventHash([n; 32]),
        taken: true,
        opens: n == 0,
        outcome: None,
        ran: None,
        amount: 0,
        alert: false,
        answer: None,
        latency: None,
        breach: false,
        bytes: 100,
        pii: 1,
    }
}

fn call(n: u8, outcome: Outcome, ran: Option<u16>, amount: u64) -> Entry {
    let taken = outcome != Outcome::Approved;
    let bytes = if taken { 100 } else { 0 };
    Entry { taken, outcome: Some(outcome), ran, amount, bytes, ..blank(n) }
}

/// One of everything that an entry can be.
fn entries() -> Vec<Entry> {
    vec![
        blank(0),
        call(1, Outcome::Permitted, Some(0), 0),
        Entry { answer: Some(Answered::Ok), latency: Some(2), ..blank(2) },
        call(3, Outcome::Permitted, Some(1), 150_000),
        Entry { answer: Some(Answered::Error), latency: Some(7), breach: true, ..blank(4) },
        call(5, Outcome::Escalated, None, 0),
        call(6, Outcome::Approved, Some(1), 250_000),
        call(7, Outcome::Denied, None, 0),
        Entry { alert: true, ..call(8, Outcome::Permitted, Some(3), 0) },
        call(9, Outcome::Approved, Some(2), 0),
        call(10, Outcome::Terminated, None, 0),
    ]
}

fn packed(entries: &[Entry], rules: &Rules) -> Vec<Block> {
    let packed: Vec<Packed> = entries
        .iter()
        .zip(0u16..)
        .map(|(entry, n)| Packed::new(entry, rules, &[(n % 251) as u8 ^ 0x5a; 32]))
        .collect();
    packed.chunks(BLOCK).map(<[Packed]>::to_vec).collect()
}

fn witness_of(entries: &[Entry]) -> Witness {
    let rules = Rules::new(&table());
    let blocks = packed(entries, &rules);
    let mut counters = [7; COUNTERS];
    counters[25] = 1;
    let (root, blindings) = (log::start(), [Fr::from(8u64), Fr::from(9u64)]);
    Witness { rules, root, counters, blindings, blocks }
}

fn statement_of(witness: &Witness) -> Statement {
    witness.statement(Fr::from(3u64))
}

fn satisfied(statement: &Statement, witness: &Witness) -> bool {
    assign(statement, witness).satisfied().is_ok()
}

/// Is there a proof of what these entries say of themselves?
fn obeys(entries: &[Entry]) -> bool {
    let witness = witness_of(entries);
    satisfied(&statement_of(&witness), &witness)
}

/// Is there a proof of what the honest entries say, from these?
fn passes_for_honest(entries: &[Entry]) -> bool {
    satisfied(&statement_of(&witness_of(&self::entries())), &witness_of(entries))
}

#[test]
fn an_honest_segment_satisfies_every_constraint() {
    let witness = witness_of(&entries());
    let statement = statement_of(&witness);
    let (shape, assignment) = (shape(), assign(&statement, &witness));
    assert_eq!(assignment.satisfied().map(<[Fr]>::len), Ok(shape.wires()));
    assert_eq!(shape.broken(assignment.wires()).count(), 0);
    assert!(passes_for_honest(&entries()));
    // And the counters are those that a reader would count.
    let after = witness.counters_after();
    let grown: Vec<u64> = after.iter().zip(&witness.counters).map(|(a, b)| a - b).collect();
    let fixed = [1, 9, 6, 3, 1, 1, 1, 2, 1, 1, 1, 900, 11, 1, 0, 0, 1, 0, 0, 0, 0, 1];
    assert_eq!(grown[..FIXED], fixed);
    assert_eq!(grown[FIXED..FIXED + 5], [1, 2, 1, 1, 0]);
    assert_eq!(grown[FIXED + CALLS..FIXED + CALLS + 2], [400_000, 0]);
}

#[test]
fn empty_and_full_segments_are_segments_too() {
    assert!(obeys(&[]));
    let mut many: Vec<Entry> = entries().into_iter().cycle().take(SEGMENT_ENTRIES).collect();
    many.retain(|entry| entry.ran != Some(3) && entry.ran != Some(1));
    many.resize(SEGMENT_ENTRIES, blank(1));
    assert!(obeys(&many));
}

#[test]
fn segments_compose() {
    let all = entries();
    let (first, second) = all.split_at(BLOCK);
    let first = witness_of(first);
    let mut next = witness_of(second);
    // Nonces go by place here; the second part has those of its own places.
    next.counters = first.counters_after();
    next.root = first.root_after();
    next.blindings = [first.blindings[1], Fr::from(10u64)];
    let (before, after) = (statement_of(&first), statement_of(&next));
    assert_eq!(before.kappa_out, after.kappa_in);
    assert!(satisfied(&before, &first) && satisfied(&after, &next));
}

#[test]
fn what_the_rules_do_not_permit_cannot_be_shown() {
    let with = |entry: Entry| obeys(&[entries(), vec![entry]].concat());
    assert!(with(call(20, Outcome::Permitted, Some(1), 200_000)));
    assert!(!with(call(20, Outcome::Permitted, Some(1), 200_001)), "over its ceiling");
    assert!(!with(call(20, Outcome::Permitted, Some(2), 0)), "without the approval it needs");
    assert!(!with(call(20, Outcome::Permitted, Some(4), 0)), "a call that the table lacks");
    assert!(!with(call(20, Outcome::Permitted, Some(64), 0)), "a number that no table has");
    assert!(!with(call(20, Outcome::Permitted, Some(u16::MAX), 0)), "a call outside the pact");
    assert!(!with(call(20, Outcome::Permitted, Some(0), 1)), "an amount where none is summed");
    assert!(!with(call(20, Outcome::Approved, Some(3), 1)), "the same, approved");
    for number in [127, 128, 131, 132, 256, 259, 16384] {
        let entry = call(20, Outcome::Permitted, Some(number), 0);
        assert!(!with(entry), "like a call that is listed, in seven bits: {number}");
        assert!(!with(call(20, Outcome::Approved, Some(number), 0)), "approved: {number}");
    }
    for amount in [1 << 48, (1 << 48) + 1000, (1 << 49) - 1, u64::MAX] {
        assert!(!with(call(20, Outcome::Approved, Some(1), amount)), "over 48 bits: {amount}");
        assert!(!with(call(20, Outcome::Permitted, Some(1), amount)), "over 48 bits: {amount}");
    }
    assert!(!with(call(20, Outcome::Permitted, None, 0)), "permitted, and nothing ran");
    for outcome in [Outcome::Denied, Outcome::Escalated, Outcome::Terminated] {
        assert!(!with(call(20, outcome, Some(0), 0)), "refused, and ran: {outcome:?}");
    }
    let ran = Entry { ran: Some(0), ..blank(20) };
    assert!(!with(ran), "ran without a call");
    let twice = [3, 3].map(|number| call(20, Outcome::Permitted, Some(number), 0));
    assert!(!obeys(&[entries(), twice.to_vec()].concat()), "the fourth of three");
    // A limit that a later pact set below what had run forbids more, and no proof.
    let mut table = table();
    (table.calls[3].most, table.calls[2].most) = (0, 0);
    let under = |entries: &[Entry]| {
        let mut witness = witness_of(entries);
        witness.rules = Rules::new(&table);
        witness.blocks = packed(entries, &witness.rules);
        satisfied(&statement_of(&witness), &witness)
    };
    assert!(under(&[blank(1), call(2, Outcome::Permitted, Some(0), 0)]));
    assert!(!under(&[call(2, Outcome::Permitted, Some(3), 0)]));
    let dear: Vec<Entry> = (0..3).map(|n| call(n, Outcome::Permitted, Some(1), 200_000)).collect();
    assert!(!obeys(&[entries(), dear].concat()), "a sum over its limit");
}

#[test]
fn what_no_event_is_cannot_be_shown() {
    let with = |entry: Entry| obeys(&[entries(), vec![entry]].concat());
    let late = Entry { taken: false, ..blank(20) };
    assert!(with(Entry { opens: false, ..late }));
    assert!(!with(Entry { opens: true, ..late }), "opened by no event");
    let answered = Entry { answer: Some(Answered::Ok), latency: Some(0), ..blank(20) };
    assert!(with(answered));
    assert!(!with(Entry { taken: false, ..answered }), "answered by no event");
    assert!(!with(Entry { latency: None, ..answered }), "an answer in no bucket");
    assert!(!with(Entry { latency: Some(9), ..answered }), "an answer in a bucket there is not");
    assert!(!with(Entry { latency: Some(0), ..blank(20) }), "a bucket without an answer");
    let decided = call(20, Outcome::Denied, None, 0);
    assert!(!with(Entry { taken: false, ..decided }), "decided at no event");
    let approved = call(20, Outcome::Approved, Some(0), 0);
    assert!(!with(Entry { taken: true, ..approved }), "taken and approved at once");
    for n in [1 << 24, u64::MAX] {
        assert!(!with(Entry { bytes: n, ..blank(20) }), "more bytes than an event has");
        assert!(!with(Entry { pii: n, ..blank(20) }), "more items than an event has");
    }
    for bucket in [8, 9, 115, 255] {
        let entry = Entry { answer: Some(Answered::Ok), latency: Some(bucket), ..blank(20) };
        assert!(!with(entry), "bucket {bucket}");
    }
}

#[test]
fn a_flipped_permission_amount_or_order_is_another_segment() {
    let change = |at: usize, change: &dyn Fn(&mut Entry)| {
        let mut entries = entries();
        change(&mut entries[at]);
        passes_for_honest(&entries)
    };
    assert!(change(3, &|_| ()));
    assert!(!change(7, &|e| (e.outcome, e.ran) = (Some(Outcome::Permitted), Some(0))));
    assert!(!change(3, &|e| e.outcome = Some(Outcome::Denied)));
    assert!(!change(3, &|e| e.amount += 1));
    assert!(!change(3, &|e| e.ran = Some(0)));
    assert!(!change(3, &|e| e.event = EventHash([99; 32])));
    assert!(!change(2, &|e| e.latency = Some(3)));
    assert!(!change(0, &|e| e.pii = 2));
    for (a, b) in [(0, 1), (1, 3), (3, 4), (2, 10)] {
        let mut entries = entries();
        entries.swap(a, b);
        assert!(!passes_for_honest(&entries), "{a} and {b} swapped");
    }
    for at in 0..entries().len() {
        let mut entries = entries();
        entries.remove(at);
        assert!(!passes_for_honest(&entries), "{at} left out");
    }
}

#[test]
fn each_public_input_is_bound() {
    let witness = witness_of(&entries());
    let good = statement_of(&witness);
    let wrong = Fr::from(1u64);
    // By name, so that an input more is not forgotten here.
    let Statement { kappa_in: _, kappa_out: _, rules: _, context: _ } = good;
    for bad in [
        Statement { kappa_in: wrong, ..good },
        Statement { kappa_out: wrong, ..good },
        Statement { rules: wrong, ..good },
    ] {
        assert!(!satisfied(&bad, &witness), "{bad:?}");
    }
    // The context is bound by the proof system alone, as every input is: see the tests of keys.
    assert!(satisfied(&Statement { context: wrong, ..good }, &witness));
    let mut other = witness_of(&entries());
    other.counters[0] += 1;
    assert!(!satisfied(&good, &other), "other counters");
    let mut other = witness_of(&entries());
    other.root = Fr::from(1u64);
    assert!(!satisfied(&good, &other), "another log");
    let mut table = table();
    table.calls[1].permitted = Some(150_001);
    let mut other = witness_of(&entries());
    other.rules = Rules::new(&table);
    assert!(!satisfied(&good, &other), "another table");
}

/// Number 7 of the list: no wire is free. Each in turn is given a wrong value; some constraint that
/// has it must break.
#[test]
fn no_wire_is_free() {
    let witness = witness_of(&entries());
    let (shape, assignment) = (shape(), assign(&statement_of(&witness), &witness));
    let mut wires = assignment.wires().to_vec();
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); wires.len()];
    for (at, row) in shape.rows().iter().enumerate() {
        let terms = row.iter().flat_map(|side| &side.0);
        terms.for_each(|(wire, _)| rows[*wire].push(at));
    }
    let one_for_bits = |value: Fr| if value == Fr::ONE { Fr::ZERO } else { Fr::ONE };
    let free: Vec<usize> = (1..wires.len())
        .filter(|wire| {
            let honest = wires[*wire];
            let wrong = [honest + Fr::ONE, one_for_bits(honest), truncated([0x77; 32])];
            let passes = wrong.into_iter().filter(|value| *value != honest).any(|value| {
                wires[*wire] = value;
                rows[*wire].iter().all(|row| {
                    let [a, b, c] = shape.rows()[*row].each_ref().map(|side| side.value(&wires));
                    a * b == c
                })
            });
            wires[*wire] = honest;
            passes
        })
        .collect();
    // Of the inputs, the context alone is in no constraint.
    assert_eq!(free, [4]);
}

#[test]
fn padding_that_is_not_empty_does_not_pass() {
    let mut witness = witness_of(&entries());
    let honest = statement_of(&witness);
    // A whole block of padding that carries something: an amount, or an event.
    let noted = Packed::new(&Entry { bytes: 7, ..blank(9) }, &witness.rules, &[1; 32]);
    let [present, absent] = [noted, noted.without_presence()];
    for block in [vec![absent], vec![Packed::default(), present], vec![present, absent, present]] {
        witness.blocks.push(block);
        assert!(!satisfied(&honest, &witness));
        assert!(!satisfied(&statement_of(&witness), &witness));
        witness.blocks.pop();
    }
    let long = vec![present; BLOCK + 1];
    witness.blocks.push(long);
    assert!(!satisfied(&statement_of(&witness), &witness), "more than a block has");
    witness.blocks.pop();
    witness.blocks.push(vec![Packed::default()]);
    assert!(satisfied(&honest, &witness), "empty padding is");
}

#[test]
fn a_segment_has_no_room_for_more() {
    let one = vec![blank(1); SEGMENT_ENTRIES];
    assert!(obeys(&one));
    assert!(!obeys(&[one, vec![blank(2)]].concat()));
}

/// Number 9: constraints do not depend on a witness.
#[test]
fn every_witness_has_the_same_constraints() {
    let mut other = Shape::new();
    let witness = witness_of(&entries());
    constrain(&mut other, &statement_of(&witness), &witness);
    assert!(other == shape());
}

/// Number 14: a list is hashed under the tag of what it is.
#[test]
fn lists_of_different_kinds_have_different_hashes() {
    let tags = [
        domain::SEGMENT_CHALLENGE,
        domain::SEGMENT_COUNTERS,
        domain::SEGMENT_LOG,
        domain::SEGMENT_RULES,
    ];
    let list = vec![Fr::ZERO; 94];
    let hashes: BTreeMap<_, _> =
        tags.map(|tag| (chain(&mut crate::r1cs::Plain, tag, &list), tag)).into();
    assert_eq!(hashes.len(), tags.len());
}

#[test]
fn what_hides_an_entry_changes_it() {
    let rules = Rules::new(&table());
    let elements = |nonce| Packed::new(&blank(1), &rules, &nonce).elements();
    assert_eq!(elements([1; 32])[0], elements([2; 32])[0]);
    assert_ne!(elements([1; 32])[1], elements([2; 32])[1]);
}
