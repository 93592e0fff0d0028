//! Numbers with the noise of coins that are forged: their commitments, their coins, their proof, and
//! each of their fields.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that fails here says so"
)]
#![allow(irrefutable_let_patterns, reason = "structures and variants have one table")]

use messages::bundle::{IncludedLeaf, Place};
use messages::codec::Wire;
use messages::coins::{Commitments, Deal, Dealer, Dealt, LAST_DAY, NumberCommitments, Proven};
use messages::domain;
use messages::ids::{Commitment, QueryId, Root};
use messages::leaf::{AggregateBody, Debit, Mechanism, ReserveBody};
use messages::publication::Publication;
use messages::signature::SigningKey;
use verify::generators::G;

use crate::coins::{PRICE, counted, dealers};
use crate::fixture::ORIGIN;
use crate::forge::{Case, Step};

/// Every table.
pub(crate) const PROVEN: &[&[(&str, Step)]] = &[STEPS, COMMITMENTS, NUMBER, DEALER, SHOWN, DEALT];

/// Another number of the monitor after everything.
fn prove(
    c: &mut Case<'_>,
    reserve: impl FnOnce(&mut ReserveBody),
    deal: impl Fn(&mut Deal),
    tell: impl FnOnce(&mut AggregateBody),
) {
    c.monitor.prove_number(&mut c.drafts, reserve, deal, tell);
    c.republish();
    let index = u64::try_from(c.drafts.len() - 1).unwrap();
    let origin = c.bundle.logs[0].origin.clone();
    c.bundle.aggregates.push(Place { origin, index });
}

/// The same deals, over another log that ends with the same commitment.
pub(crate) fn dealt_over(leaves: &[IncludedLeaf], proven: Option<Proven>) -> Option<Proven> {
    let mut log = tlog::Log::new();
    for leaf in leaves {
        log.append(&leaf.disclosed.leaf);
    }
    let mut proven = proven?;
    for (dealt, key) in proven.dealt.iter_mut().zip(dealers()) {
        let (origin, day) = (ORIGIN.into(), counted().day);
        let deal = Deal { origin, day, value: dealt.value, size: log.size(), root: log.root() };
        dealt.root = log.root();
        dealt.path = log.inclusion(log.size() - 1, log.size());
        dealt.signature = key.sign(domain::COIN_DEAL, &deal.to_cbor());
    }
    Some(proven)
}

/// The same, where only the reservation lies.
fn reserved(c: &mut Case<'_>, change: impl FnOnce(&mut ReserveBody)) {
    prove(c, change, |_| (), |_| ());
}

/// The same, where only the answer does.
pub(crate) fn told(c: &mut Case<'_>, change: impl FnOnce(&mut AggregateBody)) {
    prove(c, |_| (), |_| (), change);
}

fn committed(c: &mut Case<'_>, change: impl FnOnce(&mut Commitments)) {
    reserved(c, |body| change(body.committed.as_mut().unwrap()));
}

fn shown(c: &mut Case<'_>, change: impl FnOnce(&mut Proven)) {
    told(c, |body| change(body.proven.as_mut().unwrap()));
}

const STEPS: &[(&str, Step)] = &[
    ("proven-number-raised", |c| told(c, |body| body.values[0] += 1)),
    ("proven-without-a-proof", |c| told(c, |body| body.proven = None)),
    ("proven-by-a-cut-proof", |c| {
        shown(c, |proven| proven.proof.truncate(27 * 32));
    }),
    ("proven-with-an-unreduced-blinding", |c| shown(c, |proven| proven.blinding = [255; 32])),
    ("proven-with-coins-that-were-not-paid-for", |c| {
        told(c, |body| body.query.coins = Some(2048));
    }),
    ("proven-with-coins-and-other-noise", |c| {
        told(c, |body| {
            body.query.mechanism = Mechanism::DiscreteLaplace;
            body.noise.mechanism = Mechanism::DiscreteLaplace;
        });
    }),
    ("proven-with-too-few-coins", |c| {
        told(c, |body| (body.noise.sensitivity, body.noise.session_bound) = (2, 2));
    }),
    ("proven-under-no-commitment", |c| reserved(c, |body| body.committed = None)),
    ("proven-under-no-dealer", |c| committed(c, |committed| committed.dealers.clear())),
    ("proven-under-too-many-dealers", |c| {
        committed(c, |committed| committed.dealers = vec![committed.dealers[0]; 9]);
    }),
    ("proven-under-more-commitments-than-debits", |c| {
        committed(c, |committed| {
            let mut other = committed.numbers[0].clone();
            other.statistic = "violations.count".into();
            committed.numbers.push(other);
        });
    }),
    ("committed-to-twice", |c| {
        committed(c, |committed| committed.numbers.push(committed.numbers[0].clone()));
    }),
    ("committed-to-again", |c| {
        told(c, |_| ());
        let place = c.drafts.len() - 2;
        let mut again = c.drafts[place].publication.clone();
        let Publication::Reserve(body) = &mut again else { panic!() };
        body.sequence = 5;
        body.debits[0] = Debit { query: QueryId([1; 32]), nano_rho: PRICE };
        body.spent_nano_rho += PRICE;
        c.push(again);
    }),
    ("drawn-though-committed", |c| {
        // The coins are known, and the other number is told.
        told(c, |body| {
            body.query.mechanism = Mechanism::DiscreteLaplace;
            body.noise.mechanism = Mechanism::DiscreteLaplace;
            (body.query.coins, body.proven) = (None, None);
        });
    }),
    ("committed-to-identity", |c| {
        committed(c, |committed| committed.numbers[0].bits = Commitment([0; 32]));
    }),
    ("dealt-by-one-of-two", |c| shown(c, |proven| drop(proven.dealt.pop()))),
    ("dealt-before-the-commitment", |c| {
        prove(c, |_| (), |deal| deal.size -= 1, |_| ());
    }),
    ("dealt-over-another-log", |c| prove(c, |_| (), |deal| deal.root = Root([3; 32]), |_| ())),
    ("dealt-for-another-day", |c| prove(c, |_| (), |deal| deal.day += 1, |_| ())),
    ("dealt-for-another-monitor", |c| {
        prove(c, |_| (), |deal| deal.origin.push('x'), |_| ());
    }),
    ("dealt-under-a-later-promise", |c| {
        committed(c, |committed| committed.dealers[1].since = 20_001);
    }),
    ("dealt-past-every-promise", |c| {
        committed(c, |committed| committed.dealers[1].since = LAST_DAY + 1);
    }),
    ("dealt-by-nobody-known", |c| {
        c.anchors.dealers = vec![("dealer".into(), SigningKey::from_seed(&[9; 32]).public())];
        told(c, |_| ());
    }),
    ("drawn-with-commitments", |c| {
        c.reserve(|body| {
            let number = NumberCommitments {
                statistic: "sessions.outcome".into(),
                counter: Commitment([1; 32]),
                bits: Commitment([2; 32]),
            };
            body.committed = Some(Commitments { dealers: Vec::new(), numbers: vec![number] });
        });
    }),
];

fields!(COMMITMENTS: "commitments", Commitments as Commitments, |c, change| committed(c, change), {
    dealers: |dealers| dealers.truncate(1),
    numbers: |numbers| numbers.clear(),
});

fields!(NUMBER: "number-commitments", NumberCommitments as NumberCommitments,
    |c, change| committed(c, |committed| change(&mut committed.numbers[0])), {
    statistic,
    counter,
    bits: |bits| *bits = Commitment(G.compress().to_bytes()),
});

fields!(DEALER: "dealer", Dealer as Dealer,
    |c, change| committed(c, |committed| change(&mut committed.dealers[0])), {
    key,
    link,
    since: |since| *since -= 1,
});

fields!(SHOWN: "proven", Proven as Proven, |c, change| shown(c, change), {
    blinding: |blinding| blinding[0] ^= 1,
    proof: |proof| proof[31] ^= 0x80,
    dealt: |dealt| dealt.reverse(),
});

fields!(DEALT: "dealt", Dealt as Dealt, |c, change| shown(c, |p| change(&mut p.dealt[0])), {
    value,
    size,
    root,
    signature,
    path,
});
