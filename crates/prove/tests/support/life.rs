//! What happens at the monitor: boots, pacts, epochs, a release.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that fails here says so"
)]

use messages::codec::Wire;
use messages::evidence::Conceptual;
use messages::ids::{EventHash, PactHash, Root, Salt, SessionId};
use messages::leaf::{
    AggregateBody, BootEntry, Debit, Gaps, Noise, PactBody, Query, ReserveBody, Suite, TallyBody,
};
use messages::publication::Publication;
use messages::segment::moved;
use messages::time::Epoch;
use messages::toeplitz;
use tally::{BlindingContext, Cut, HolderSecret, Place, SessionRecord, Totals, commit};

use super::Monitor;
use crate::fixture::{exactly, query, total};

impl Monitor {
    pub(super) fn boot(&mut self, boot: usize, first: u64) {
        let body = self.boot_body(boot, 500 + 1000 * first);
        let evidence = Conceptual::from_cbor(&body.evidence).unwrap().evidence_id();
        let (boot_id, config) = (body.boot, body.config);
        self.boots.entries.push(BootEntry { boot: boot_id, evidence, config, first: Epoch(first) });
        self.push(Publication::Boot(body), boot);
    }

    pub(super) fn registered(&mut self, pact: PactHash, prior: Option<PactHash>) {
        let body = PactBody {
            pact,
            root: self.root_pact,
            prior,
            schema: self.schemas[0].hash(),
            consent: self.consent_root(),
            consent_count: u32::try_from(self.entries.len()).unwrap(),
            at: exactly(500),
            rules: self.rules,
        };
        self.pact = (pact, self.push(Publication::Pact(body), 0));
    }

    pub(super) fn epoch(&mut self, epoch: u64, totals: &[Totals; 2]) {
        let signer = self.boots.entries.len() - 1;
        for (party, totals) in totals.iter().enumerate() {
            let tally = self.tally(party);
            let context = BlindingContext {
                root_pact: self.root_pact,
                tally,
                epoch: Epoch(epoch),
                salt: Salt([u8::try_from(10 * epoch).unwrap() + u8::try_from(party).unwrap(); 32]),
                boot_key: self.boot_keys[signer].public(),
            };
            let secret =
                HolderSecret::from_bytes([u8::try_from(party).unwrap() + 50 + self.secrets; 32]);
            let mut cut = Cut::default();
            (1..=u8::try_from(epoch).unwrap()).for_each(|n| cut.add(&session(n)));
            let cut = Some(&cut).filter(|_| self.ended);
            let openings = {
                let place = self.places.get(&epoch).copied().unwrap_or_else(Place::start);
                commit(totals, (&moved(&self.schemas[0]), place), cut, &secret, &context)
            };
            let originals = self.originals();
            let previous = Epoch(epoch).previous();
            let previous = previous.and_then(|e| self.openings.get(&(tally, e)));
            let body = TallyBody {
                suite: Suite::PedersenRistretto255,
                tally,
                root_pact: self.root_pact,
                pact: self.pact.0,
                schema: self.schemas[0].hash(),
                counters: u32::try_from(totals.len()).unwrap(),
                epoch: Epoch(epoch),
                at: exactly(if epoch == 0 { 500 } else { 1000 * epoch }),
                salt: context.salt,
                commitments: openings.root(),
                gaps: Gaps::default(),
                boots: self.boots.root(),
                previous: previous.map(|(at, _)| originals[*at]),
                hidden: Root([44; 32]),
                cut: openings.cut(),
                kappa: openings.kappa(),
                padding: Vec::new(),
            };
            let at = self.push(Publication::Tally(Box::new(body.padded())), signer);
            self.openings.insert((tally, Epoch(epoch)), (at, openings));
        }
    }

    pub(super) fn aggregates(&mut self) {
        let (query, total) = (query(), total());
        let debit = |query: &Query| Debit { query: query.id(), nano_rho: query.nano_rho };
        let reserve = ReserveBody {
            sequence: 0,
            dataset: query.dataset,
            day: query.day,
            debits: vec![debit(&query), debit(&total)],
            spent_nano_rho: 11_000_000,
            cap_nano_rho: 20_000_000,
            committed: None,
        };
        self.push(Publication::Reserve(reserve), 1);
        let noise = Noise {
            mechanism: query.mechanism,
            // 8 / sqrt(2 · 0.006)
            scale_milli: 73_030,
            sensitivity: 64,
            half_width_95: 144,
            session_bound: 8,
            cell_bound: 1,
            unit: None,
        };
        let aggregate = AggregateBody {
            sequence: 1,
            reserved: 0,
            noise,
            query,
            values: vec![1_203, -4],
            at: exactly(20_001 * 86_400_000),
            proven: None,
        };
        self.push(Publication::Aggregate(aggregate), 1);
        let lattice = toeplitz::coefficients(30);
        let sensitivity = toeplitz::sensitivity_squared(8, &lattice).unwrap();
        // A tenth of a million steps more than √(Δ²/(2 · 0.005)).
        let square = u128::from(sensitivity) * 1_000_000_000_000_000 / 10_000_000;
        let scale_milli = u64::try_from(square.isqrt()).unwrap() + 100_000_000;
        let noise = Noise {
            mechanism: total.mechanism,
            scale_milli,
            sensitivity,
            half_width_95: toeplitz::half_width_95(scale_milli, &lattice, 1),
            ..noise
        };
        let aggregate = AggregateBody {
            sequence: 2,
            reserved: 0,
            noise,
            query: total,
            values: vec![13_122],
            at: exactly(20_001 * 86_400_000),
            proven: None,
        };
        self.push(Publication::Aggregate(aggregate), 1);
    }
}

/// The record of the one session of an epoch.
fn session(epoch: u8) -> SessionRecord {
    SessionRecord {
        session: SessionId([epoch; 32]),
        counts: [3, 2],
        heads: [EventHash([epoch; 32]), EventHash([epoch + 1; 32])],
    }
}
