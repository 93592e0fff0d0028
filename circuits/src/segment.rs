//! The segment statement: every entry of a stretch of a tally's log obeyed the rule table, and the
//! counters moved as the entries say. `segment/README.md` beside the sources is its page.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field, PrimeField};
use messages::domain;
use messages::segment::{CALLS, FIXED, LATENCIES, SEGMENT_ENTRIES, SUMS};

use crate::digest::{chain, next};
use crate::entry::{
    ALERT, AMOUNT, AMOUNT_BITS, APPROVED, BITS, BREACH, BYTES, CALL, DENIED, ERROR, ESCALATED,
    LATENCY, OK, OPENS, PERMITTED, PII, PRESENT, Packed, ROOM, SUM, TAKEN, TERMINATED,
};
use crate::log::{self, BLOCK, Block, COUNTERS};
use crate::r1cs::{Assignment, Shape, System};
use crate::rules::{CEILING_AT, KIND_AT, LIMITS, ROWS, Rules, SUM_AT};

/// Public inputs of the statement.
pub const INPUTS: usize = 4;
/// Blocks of one segment.
pub const BLOCKS: usize = SEGMENT_ENTRIES / BLOCK;

/// The public inputs, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The log and the counters before, hidden.
    pub kappa_in: Fr,
    /// The log and the counters after, hidden.
    pub kappa_out: Fr,
    /// Hash of the rule table.
    pub rules: Fr,
    /// Whatever the proof is made for; nothing is demanded of it.
    pub context: Fr,
}

impl Statement {
    /// The inputs in their order.
    #[must_use]
    pub const fn inputs(&self) -> [Fr; INPUTS] {
        let Self { kappa_in, kappa_out, rules, context } = *self;
        [kappa_in, kappa_out, rules, context]
    }
}

/// What a prover knows.
pub struct Witness {
    /// The rule table.
    pub rules: Rules,
    /// Root of the log before.
    pub root: Fr,
    /// The counters before.
    pub counters: [u64; COUNTERS],
    /// What hides them before and after.
    pub blindings: [Fr; 2],
    /// At most [`BLOCKS`] blocks; the rest of the segment is padding.
    pub blocks: Vec<Block>,
}

impl Witness {
    /// The statement that this witness shows, if it shows any.
    #[must_use]
    pub fn statement(&self, context: Fr) -> Statement {
        let [before, after] = &self.blindings;
        Statement {
            kappa_in: log::commit(before, &self.root, &self.counters),
            kappa_out: log::commit(after, &self.root_after(), &self.counters_after()),
            rules: self.rules.digest(),
            context,
        }
    }

    /// The root of the log after the segment.
    #[must_use]
    pub fn root_after(&self) -> Fr {
        self.blocks.iter().fold(self.root, |root, block| log::append(&root, block))
    }

    /// The counters after the segment.
    #[must_use]
    pub fn counters_after(&self) -> [u64; COUNTERS] {
        let mut counters = self.counters;
        for entry in self.blocks.iter().flatten() {
            for (counter, by) in counters.iter_mut().zip(growth(entry)) {
                *counter = counter.saturating_add(by);
            }
        }
        counters
    }

    fn entry(&self, at: usize) -> Packed {
        let block = self.blocks.get(at.div_euclid(BLOCK));
        block.and_then(|block| block.get(at.rem_euclid(BLOCK))).copied().unwrap_or_default()
    }
}

/// What one entry adds to each counter.
fn growth(entry: &Packed) -> [u64; COUNTERS] {
    let mut growth = [0; COUNTERS];
    let bit = |at| u64::from(entry.bit(at));
    let outcomes = [PERMITTED, DENIED, ESCALATED, TERMINATED].map(bit);
    let fixed = [bit(OPENS), bit(TAKEN), outcomes.iter().sum()]
        .into_iter()
        .chain(outcomes)
        .chain([APPROVED, ALERT, OK, ERROR].map(bit))
        .chain([entry.field(BYTES), entry.field(PII), bit(BREACH)])
        .chain((0..LATENCIES).map(|bucket| bit(LATENCY.0.saturating_add(bucket))));
    growth.iter_mut().zip(fixed).for_each(|(counter, by)| *counter = by);
    let place = |field, from: usize| {
        let number = usize::try_from(entry.field(field)).unwrap_or_default();
        number.checked_sub(1).map(|at| from.saturating_add(at))
    };
    let called = place(CALL, FIXED).filter(|at| *at < FIXED.saturating_add(CALLS));
    let summed = place(SUM, FIXED.saturating_add(CALLS));
    for (at, by) in [(called, 1), (summed, entry.field(AMOUNT))] {
        if let Some(counter) = at.and_then(|at| growth.get_mut(at)) {
            *counter = by;
        }
    }
    growth
}

/// The constraints.
#[must_use]
pub fn shape() -> Shape {
    let mut shape = Shape::new();
    let statement =
        Statement { kappa_in: Fr::ZERO, kappa_out: Fr::ZERO, rules: Fr::ZERO, context: Fr::ZERO };
    let rules = Rules::new(&messages::segment::RuleTable { calls: Vec::new(), sums: Vec::new() });
    let (root, counters, blindings) = (Fr::ZERO, [0; COUNTERS], [Fr::ZERO; 2]);
    let blocks = Vec::new();
    constrain(&mut shape, &statement, &Witness { rules, root, counters, blindings, blocks });
    shape
}

/// All wires for one witness.
#[must_use]
pub fn assign(statement: &Statement, witness: &Witness) -> Assignment {
    let mut assignment = Assignment::new();
    constrain(&mut assignment, statement, witness);
    assignment
}

/// The statement over any system.
fn constrain<S: System>(system: &mut S, statement: &Statement, witness: &Witness) {
    let [kappa_in, kappa_out, rules, _] = statement.inputs().map(|input| system.input(input));

    // The table, the log and the counters before are those that are committed to.
    let table: Vec<S::Num> = chosen(system, witness.rules.elements());
    let hash = chain(system, domain::SEGMENT_RULES, &table);
    system.same(&hash, &rules);
    let before = chosen(system, witness.counters.map(Fr::from));
    let [blind_before, blind_after] = witness.blindings.map(|b| system.wire(&[], |_| b));
    let mut root = system.wire(&[], |_| witness.root);
    let hash = committed(system, [&blind_before, &root], &before);
    system.same(&hash, &kappa_in);

    // The entries, in order, lead the log on.
    let mut entries = Vec::new();
    for block in 0..BLOCKS {
        let first = block.saturating_mul(BLOCK);
        let block: Vec<EntryWires<S::Num>> = (first..first.saturating_add(BLOCK))
            .map(|at| EntryWires::new(system, &witness.entry(at)))
            .collect();
        root = appended(system, &root, &block);
        entries.extend(block);
    }

    // The counters after are those before and what the entries add.
    let after_by = witness.counters_after();
    let moved = chosen(system, after_by.into_iter().skip(FIXED).map(Fr::from));
    let mut after = fixed_after(system, &before, &entries);
    after.extend(moved);
    let hash = committed(system, [&blind_after, &root], &after);
    system.same(&hash, &kappa_out);
    let grown: Vec<S::Num> =
        after.iter().zip(&before).skip(FIXED).map(|(a, b)| system.less(a, b)).collect();
    let (rows, limits) = table.split_at(ROWS.min(table.len()));
    for ((limit, counter), by) in limits.iter().zip(after.iter().skip(FIXED)).zip(&grown) {
        within(system, limit, counter, by);
    }
    debug_assert_eq!(limits.len(), LIMITS);

    // What ran is in the table, as often as the counters say; what it adds is in the sums.
    let by_approval = approved(system, witness);
    let mut public = vec![kappa_in, kappa_out, rules];
    public.extend(packed(system, &by_approval));
    let point = chain(system, domain::SEGMENT_CHALLENGE, &public);
    let (calls, sums) = grown.split_at(CALLS.min(grown.len()));
    looked_up(system, &point, (&entries, rows), (calls, &by_approval));
    summed(system, &point, &entries, sums);
}

/// Wires with values of the prover's choice.
fn chosen<S: System>(system: &mut S, values: impl IntoIterator<Item = Fr>) -> Vec<S::Num> {
    values.into_iter().map(|value| system.wire(&[], |_| value)).collect()
}

fn committed<S: System>(system: &mut S, hidden: [&S::Num; 2], counters: &[S::Num]) -> S::Num {
    let list: Vec<S::Num> = hidden.into_iter().chain(counters).cloned().collect();
    chain(system, domain::SEGMENT_COUNTERS, &list)
}

/// Demands that a counter that grew is at most its limit: one that a later pact set below what was
/// counted before forbids more, and not the proof.
fn within<S: System>(system: &mut S, limit: &S::Num, counter: &S::Num, grown: &S::Num) {
    let moved = system.wire(&[grown], |of| Fr::from(of.iter().any(|by| *by != Fr::ZERO)));
    boolean(system, &moved);
    let still = system.linear(&[(-Fr::ONE, &moved)], Fr::ONE);
    excluded(system, &still, grown);
    let room = system.less(limit, counter);
    let room = system.product(&moved, &room);
    in_bits(system, &room, AMOUNT_BITS);
}

/// Demands that `value` is Σ 2ⁱ·bᵢ of as many bits, least significant first.
fn in_bits<S: System>(system: &mut S, value: &S::Num, bits: usize) {
    let wires: Vec<S::Num> = (0..bits)
        .map(|at| {
            let bit = system.wire(&[value], |of| bit_of(of, at));
            boolean(system, &bit);
            bit
        })
        .collect();
    let sum = weighed(system, &wires);
    system.same(&sum, value);
}

fn bit_of(of: &[Fr], at: usize) -> Fr {
    use ark_ff::BigInteger;
    of.first().map_or(Fr::ZERO, |value| Fr::from(value.into_bigint().get_bit(at)))
}

/// b·(b − 1) = 0.
fn boolean<S: System>(system: &mut S, bit: &S::Num) {
    let less = system.linear(&[(Fr::ONE, bit)], -Fr::ONE);
    let zero = system.constant(Fr::ZERO);
    system.demand(bit, &less, &zero);
}

/// `when` is zero or `then` is zero.
fn excluded<S: System>(system: &mut S, when: &S::Num, then: &S::Num) {
    let zero = system.constant(Fr::ZERO);
    system.demand(when, then, &zero);
}

fn weighed<S: System>(system: &S, bits: &[S::Num]) -> S::Num {
    let mut weight = Fr::ONE;
    let terms: Vec<(Fr, &S::Num)> = bits
        .iter()
        .map(|bit| {
            let term = (weight, bit);
            weight.double_in_place();
            term
        })
        .collect();
    system.linear(&terms, Fr::ZERO)
}

/// The wires of one entry.
struct EntryWires<N> {
    bits: Vec<N>,
    packed: N,
    event: N,
}

impl<N: Clone> EntryWires<N> {
    /// Demands all that is true of every entry by itself.
    fn new<S: System<Num = N>>(system: &mut S, entry: &Packed) -> Self {
        let bits: Vec<N> =
            (0..BITS).map(|at| system.wire(&[], |_| Fr::from(entry.bit(at)))).collect();
        bits.iter().for_each(|bit| boolean(system, bit));
        let packed = weighed(system, &bits);
        let event = system.wire(&[], |_| entry.event());
        let wires = Self { bits, packed, event };
        // Padding is zero, all of it.
        let absent = wires.not(system, PRESENT);
        excluded(system, &absent, &wires.packed);
        excluded(system, &absent, &wires.event);
        // At most one thing becomes of a call, when the call is taken or when an overseer decides.
        let outcome = wires.any(system, &[PERMITTED, DENIED, ESCALATED, TERMINATED]);
        boolean(system, &outcome);
        let answer = wires.any(system, &[OK, ERROR]);
        boolean(system, &answer);
        let late = wires.not(system, TAKEN);
        let first = system.sum([&outcome, &answer, wires.bit(OPENS)]);
        excluded(system, &late, &first);
        excluded(system, wires.bit(APPROVED), wires.bit(TAKEN));
        // Every answer is in one bucket.
        let buckets: Vec<usize> = (LATENCY.0..LATENCY.0.saturating_add(LATENCY.1)).collect();
        let bucket = wires.any(system, &buckets);
        system.same(&bucket, &answer);
        wires
    }

    #[expect(clippy::indexing_slicing, reason = "places are below BITS, and there are BITS wires")]
    fn bit(&self, at: usize) -> &N {
        &self.bits[at]
    }

    fn not<S: System<Num = N>>(&self, system: &S, at: usize) -> N {
        system.linear(&[(-Fr::ONE, self.bit(at))], Fr::ONE)
    }

    fn any<S: System<Num = N>>(&self, system: &S, of: &[usize]) -> N {
        system.sum(of.iter().map(|at| self.bit(*at)))
    }

    fn field<S: System<Num = N>>(&self, system: &S, (from, bits): (usize, usize)) -> N {
        let bits: Vec<N> = self.bits.iter().skip(from).take(bits).cloned().collect();
        weighed(system, &bits)
    }

    /// The row that this entry has to find in the table: row 0 when nothing ran.
    fn row<S: System<Num = N>>(&self, system: &S) -> N {
        let [call, sum, amount, room] =
            [CALL, SUM, AMOUNT, ROOM].map(|field| self.field(system, field));
        let at = |place: usize| Fr::from(1u128.wrapping_shl(u32::try_from(place).unwrap_or(0)));
        let terms = [
            (Fr::ONE, &call),
            (at(KIND_AT), self.bit(PERMITTED)),
            (at(KIND_AT).double(), self.bit(APPROVED)),
            (at(SUM_AT), &sum),
            (at(CEILING_AT), &amount),
            (at(CEILING_AT), &room),
        ];
        system.linear(&terms, Fr::ZERO)
    }
}

/// The root after a block; the same when the block is padding.
fn appended<S: System>(system: &mut S, root: &S::Num, block: &[EntryWires<S::Num>]) -> S::Num {
    let Some(first) = block.first() else { return root.clone() };
    for (entry, following) in block.iter().zip(block.iter().skip(1)) {
        // Padding is at the end of a block: a block whose first entry is missing has none.
        let absent = entry.not(system, PRESENT);
        excluded(system, &absent, following.bit(PRESENT));
    }
    let elements: Vec<S::Num> =
        block.iter().flat_map(|e| [e.packed.clone(), e.event.clone()]).collect();
    let hash = next(system, root, &elements);
    let step = system.less(&hash, root);
    let taken = system.product(first.bit(PRESENT), &step);
    system.sum([root, &taken])
}

/// The fixed counters after all entries.
fn fixed_after<S: System>(
    system: &S,
    before: &[S::Num],
    entries: &[EntryWires<S::Num>],
) -> Vec<S::Num> {
    let outcomes = [PERMITTED, DENIED, ESCALATED, TERMINATED];
    let bits = |of: &[usize]| -> S::Num {
        let wires = entries.iter().flat_map(|e| of.iter().map(|at| e.bit(*at)));
        system.sum(wires.collect::<Vec<_>>())
    };
    let field = |of| -> S::Num {
        let values: Vec<S::Num> = entries.iter().map(|e| e.field(system, of)).collect();
        system.sum(&values)
    };
    let mut grown = vec![bits(&[OPENS]), bits(&[TAKEN]), bits(&outcomes)];
    let single = outcomes.into_iter().chain([APPROVED, ALERT, OK, ERROR]);
    grown.extend(single.map(|at| bits(&[at])));
    grown.extend([field(BYTES), field(PII), bits(&[BREACH])]);
    grown.extend((0..LATENCIES).map(|bucket| bits(&[LATENCY.0.saturating_add(bucket)])));
    before.iter().zip(&grown).map(|(before, by)| system.sum([before, by])).collect()
}

/// Of each call, how often it ran by approval in this segment, in 9 bits each.
fn approved<S: System>(system: &mut S, witness: &Witness) -> Vec<S::Num> {
    let mut counts = [0u64; CALLS];
    for entry in witness.blocks.iter().flatten().filter(|entry| entry.bit(APPROVED)) {
        let at = usize::try_from(entry.field(CALL)).unwrap_or_default().checked_sub(1);
        if let Some(count) = at.and_then(|at| counts.get_mut(at)) {
            *count = count.saturating_add(1);
        }
    }
    let counts = chosen(system, counts.map(Fr::from));
    counts.iter().for_each(|count| in_bits(system, count, COUNT_BITS));
    counts
}

/// Numbers of [`COUNT_BITS`] bits, as many in an element as fit.
fn packed<S: System>(system: &S, numbers: &[S::Num]) -> Vec<S::Num> {
    let step = Fr::from(1u64 << COUNT_BITS);
    let pack = |numbers: &[S::Num]| {
        let mut weight = Fr::ONE;
        let mut terms = Vec::new();
        for number in numbers {
            terms.push((weight, number));
            weight *= step;
        }
        system.linear(&terms, Fr::ZERO)
    };
    numbers.chunks(PACKED).map(pack).collect()
}

/// Σ 1/(α − entry) = Σ count/(α − row): the entries are rows of the table, each as often as the
/// counters grew (Haböck, eprint 2022/1530, lemma 5). α is a hash of everything on both sides.
fn looked_up<S: System>(
    system: &mut S,
    point: &S::Num,
    (entries, rows): (&[EntryWires<S::Num>], &[S::Num]),
    (calls, by_approval): (&[S::Num], &[S::Num]),
) {
    let one = system.constant(Fr::ONE);
    let left: Vec<S::Num> = entries
        .iter()
        .map(|entry| {
            let row = entry.row(system);
            divided(system, &one, point, &row)
        })
        .collect();
    let ran = system.sum(calls);
    let all = Fr::from(entries.len() as u64);
    let nothing = system.linear(&[(-Fr::ONE, &ran)], all);
    let zero = system.constant(Fr::ZERO);
    let mut right = vec![divided(system, &nothing, point, &zero)];
    for ((grown, approved), row) in calls.iter().zip(by_approval).zip(rows.chunks(2)) {
        let permitted = system.less(grown, approved);
        for (count, row) in [&permitted, approved].into_iter().zip(row) {
            right.push(divided(system, count, point, row));
        }
    }
    let (left, right) = (system.sum(&left), system.sum(&right));
    system.same(&left, &right);
}

/// Σ amount/(α − sum) over the entries = Σ growth/(α − sum) over the sums: each sum grew by the
/// amounts of its own entries, and what goes into no sum is zero.
fn summed<S: System>(
    system: &mut S,
    point: &S::Num,
    entries: &[EntryWires<S::Num>],
    sums: &[S::Num],
) {
    let left: Vec<S::Num> = entries
        .iter()
        .map(|entry| {
            let [amount, sum] = [AMOUNT, SUM].map(|field| entry.field(system, field));
            divided(system, &amount, point, &sum)
        })
        .collect();
    let right: Vec<S::Num> = (1u64..)
        .zip(sums)
        .map(|(number, grown)| {
            let number = system.constant(Fr::from(number));
            divided(system, grown, point, &number)
        })
        .collect();
    let (left, right) = (system.sum(&left), system.sum(&right));
    system.same(&left, &right);
}

/// `count`/(`point` − `at`).
fn divided<S: System>(system: &mut S, count: &S::Num, point: &S::Num, at: &S::Num) -> S::Num {
    let below = system.less(point, at);
    let quotient = system.wire(&[count, &below], |of| match of {
        [count, below] => below.inverse().map_or(Fr::ZERO, |inverse| *count * inverse),
        _ => Fr::ZERO,
    });
    system.demand(&below, &quotient, count);
    quotient
}

/// Bits of a count within one segment.
const COUNT_BITS: usize = 9;
/// How many of them are packed into one element.
const PACKED: usize = 28;

const _: () = assert!(SUMS + CALLS + FIXED == COUNTERS);
const _: () = assert!(SEGMENT_ENTRIES < 1 << COUNT_BITS);

#[cfg(test)]
mod tests;
