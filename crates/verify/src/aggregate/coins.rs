//! The coins of a proven number: promised before, dealt after it was committed to, and its noise.

use std::collections::BTreeSet;

use curve25519_dalek::Scalar;
use messages::codec::Wire;
use messages::coins::{Commitments, Deal, Dealer, Dealt, MAX_DEALERS, NumberCommitments, seed};
use messages::domain;
use messages::ids::Root;
use messages::leaf::{AggregateBody, Mechanism, ReserveBody};

use crate::anchors::Anchors;
use crate::batch;
use crate::binomial::{self, Committed, Statement};
use crate::codes::{Fault, Reason};
use crate::leaves::{Leaves, Opened};
use crate::report::Stop;

/// Promises that were kept, so that no chain is followed twice.
#[derive(Default)]
pub(crate) struct Promises(BTreeSet<(Root, u64, u64, [u8; 32])>);

impl Promises {
    fn kept(&mut self, dealer: &Dealer, day: u64, value: &[u8; 32]) -> bool {
        let promise = (dealer.link, dealer.since, day, *value);
        let kept = self.0.contains(&promise) || dealer.promised(day, value);
        if kept {
            self.0.insert(promise);
        }
        kept
    }
}

/// The proof of a number with the noise of coins, read and not yet verified; none of another.
pub(super) fn check(
    body: &AggregateBody,
    (leaf, reservation): (&Opened<'_>, &ReserveBody),
    log: &Leaves<'_>,
    (anchors, promises): (&Anchors, &mut Promises),
) -> Result<Option<batch::Unverified>, Stop> {
    let coins = (body.query.mechanism == Mechanism::Binomial).then_some(body.query.coins).flatten();
    let (count, committed, proven) = match (coins, &reservation.committed, &body.proven) {
        (Some(count), Some(committed), Some(proven)) => (count, committed, proven),
        (None, None, None) => return Ok(None),
        _ => return Err(Fault::CoinsCommitted.into()),
    };
    let Commitments { dealers, numbers } = committed;
    let id = body.query.id();
    let debits = reservation.debits.iter().zip(numbers);
    let number = debits.filter(|(debit, _)| debit.query == id).map(|(_, number)| number).next();
    let dealt = (1..=MAX_DEALERS).contains(&dealers.len());
    let number = number.filter(|number| {
        dealt
            && numbers.len() == reservation.debits.len()
            && number.statistic == body.query.statistic
    });
    let NumberCommitments { counter, bits, .. } = number.ok_or(Fault::CoinsCommitted)?;
    if proven.dealt.len() != dealers.len() {
        return Err(Fault::CoinsDealt.into());
    }
    for (dealer, dealt) in dealers.iter().zip(&proven.dealt) {
        if !promises.kept(dealer, body.query.day, &dealt.value) {
            return Err(Fault::CoinsDealt.into());
        }
        check_deal(dealer, dealt, (leaf, body.query.day), &log.anchor.origin)?;
    }
    let values: Vec<[u8; 32]> = proven.dealt.iter().map(|dealt| dealt.value).collect();
    let [value] = body.values.as_slice() else { return Err(Fault::CellsMismatch.into()) };
    for point in [bits, counter] {
        binomial::point(point)?;
    }
    let blinding = Option::<Scalar>::from(Scalar::from_canonical_bytes(proven.blinding));
    let proof = binomial::read(
        &Statement {
            committed: Committed {
                context: &id.0,
                count: usize::try_from(count).map_err(|_| Fault::NoiseEncoding)?,
                counter,
                bits,
            },
            seed: &seed(&values),
            value: *value,
            blinding: &blinding.ok_or(Fault::NoiseEncoding)?,
        },
        &proven.proof,
    )
    .map_err(|fault| if fault == Fault::RangeEncoding { Fault::NoiseEncoding } else { fault })?;
    // One honest dealer is enough; with none that is known the monitor may know all coins.
    let known = |dealer: &Dealer| anchors.dealers.iter().any(|(_, key)| *key == dealer.key);
    if !anchors.dealers.is_empty() && !dealers.iter().any(known) {
        return Err(Reason::CoinsNotAnchored.into());
    }
    Ok(Some(proof))
}

/// The dealer told the value over a log that had the reservation's leaf already.
fn check_deal(
    dealer: &Dealer,
    dealt: &Dealt,
    (reservation, day): (&Opened<'_>, u64),
    origin: &str,
) -> Result<(), Fault> {
    let Dealt { value, size, root, signature, path } = dealt;
    let deal = Deal { origin: origin.into(), day, value: *value, size: *size, root: *root };
    let signed = dealer.key.verify(domain::COIN_DEAL, &deal.to_cbor(), signature);
    signed.map_err(|_| Fault::CoinsSignature)?;
    tlog::verify_path((*size, root), reservation.index, reservation.leaf, path)
        .map_err(|_| Fault::CoinsEarly)
}
