//! A number with the noise of coins at the monitor: committed to, dealt for, told.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that fails here says so"
)]

use std::sync::LazyLock;

use cloister_prove::binomial::{Bits, Count};
use curve25519_dalek::Scalar;
use messages::codec::Wire;
use messages::coins::{self, Commitments, Deal, Dealer, Dealt, NumberCommitments, Proven};
use messages::domain;
use messages::ids::{Commitment, Salt};
use messages::leaf::{AggregateBody, Debit, Mechanism, Noise, Query, ReserveBody};
use messages::publication::Publication;
use messages::signature::SigningKey;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use verify::generators::{G, h};

use crate::fixture::{ORIGIN, exactly, query};
use crate::monitor::{Draft, Monitor};

const COUNT: u64 = 1_234;
/// What 1,024 coins cost.
pub(crate) const PRICE: u64 = 2_090_455;

/// The sessions of a day, with the noise of 1,024 coins.
pub(crate) fn counted() -> Query {
    Query {
        statistic: "sessions.count".into(),
        cells: vec!["sessions".into()],
        nano_rho: PRICE,
        mechanism: Mechanism::Binomial,
        coins: Some(1024),
        ..query()
    }
}

pub(crate) fn dealers() -> [SigningKey; 2] {
    [61, 62].map(|n| SigningKey::from_seed(&[n; 32]))
}

/// What they promised, and what they tell of the day. Long chains: once.
static PROMISED: LazyLock<[(Dealer, [u8; 32]); 2]> = LazyLock::new(|| {
    let day = counted().day;
    dealers().map(|key| {
        (
            Dealer::new(&key, ORIGIN, day - 2).unwrap(),
            coins::value(&key, ORIGIN, day - 2, day).unwrap(),
        )
    })
});

impl Monitor {
    /// Pays for another number and commits to it, has its coins dealt, and tells it.
    pub(crate) fn prove_number(
        &self,
        drafts: &mut Vec<Draft>,
        reserve: impl FnOnce(&mut ReserveBody),
        deal: impl Fn(&mut Deal),
        tell: impl FnOnce(&mut AggregateBody),
    ) {
        let query = counted();
        let mut rng = ChaCha20Rng::from_seed([60; 32]);
        let bits = Bits::draw(1024, &mut rng).unwrap();
        let blinding = Scalar::random(&mut rng);
        let point = Scalar::from(COUNT) * G + blinding * h();
        let counter = Commitment(point.compress().to_bytes());
        let statistic = query.statistic.clone();
        let number = NumberCommitments { statistic, counter, bits: *bits.commitment() };
        let dealers_of = PROMISED.iter().map(|(dealer, _)| *dealer).collect();
        let earlier = drafts.iter().rev().find_map(|draft| match &draft.publication {
            Publication::Reserve(body) => Some(body.clone()),
            _ => None,
        });
        let mut body = ReserveBody {
            sequence: 3,
            debits: vec![Debit { query: query.id(), nano_rho: PRICE }],
            committed: Some(Commitments { dealers: dealers_of, numbers: vec![number] }),
            ..earlier.unwrap()
        };
        body.spent_nano_rho += PRICE;
        reserve(&mut body);
        let draft = |publication| Draft { publication, signer: 1, salt: Salt([251; 32]) };
        drafts.push(draft(Publication::Reserve(body)));
        let mut log = tlog::Log::new();
        for leaf in self.publish(drafts).0 {
            log.append(&leaf.disclosed.leaf);
        }
        let dealt = [0, 1].map(|at| {
            let (key, (_, value)) = (&dealers()[at], PROMISED[at]);
            let (origin, root) = (self.origin.into(), log.root());
            let mut of = Deal { origin, day: query.day, value, size: log.size(), root };
            deal(&mut of);
            let path = log.inclusion(log.size() - 1, log.size());
            let signature = key.sign(domain::COIN_DEAL, &of.to_cbor());
            Dealt { value, size: of.size, root: of.root, signature, path }
        });
        let seed = coins::seed(&dealt.each_ref().map(|dealt| dealt.value));
        let count = Count { commitment: &counter, value: COUNT, blinding: &blinding };
        let answer = bits.answer(&query.id().0, &count, &seed, &mut rng).unwrap();
        let noise = Noise {
            mechanism: Mechanism::Binomial,
            scale_milli: 16_000,
            sensitivity: 1,
            half_width_95: 33,
            session_bound: 1,
            cell_bound: 4,
            unit: None,
        };
        let (blinding, proof) = (answer.blinding.to_bytes(), answer.proof);
        let mut body = AggregateBody {
            sequence: 4,
            reserved: 3,
            at: exactly(query.ends().0),
            query,
            noise,
            values: vec![answer.value],
            proven: Some(Proven { blinding, proof, dealt: dealt.into() }),
        };
        tell(&mut body);
        drafts.push(draft(Publication::Aggregate(body)));
    }
}
