//! One private aggregate: it was paid for before it was drawn, once, at its price, and its noise
//! is what that price buys; and where coins make the noise, that they do.

mod coins;
mod noise;

pub(crate) use coins::Promises;

use messages::leaf::{AggregateBody, ReserveBody};
use messages::publication::Publication;

use crate::anchors::EvidenceClass;
use crate::appraisal::Grounds;
use crate::batch;
use crate::codes::{Fault, Reason};
use crate::leaves::Leaves;
use crate::ledger::{Ledger, Paid};
use crate::report::Stop;

/// An aggregate for which everything holds but the proof of its noise, where it has one.
pub(crate) struct Checked {
    class: EvidenceClass,
    proof: Option<batch::Unverified>,
}

/// Verifies the proofs of all of them, some at a time, as far as anybody asks. The outcomes say, in
/// order, what came of each.
pub(crate) fn verify(
    checked: impl IntoIterator<Item = Result<Checked, Stop>>,
) -> impl Iterator<Item = Result<EvidenceClass, Stop>> {
    let mut checked = checked.into_iter();
    let some = core::iter::from_fn(move || {
        let (mut waiting, mut proofs) = (Vec::new(), 0_usize);
        for one in checked.by_ref() {
            let (stops, proven) = match &one {
                Ok(checked) => (false, checked.proof.is_some()),
                Err(_) => (true, false),
            };
            proofs = proofs.saturating_add(usize::from(proven));
            waiting.push(one);
            if stops || proofs == AT_A_TIME {
                break;
            }
        }
        (!waiting.is_empty()).then(|| together(waiting))
    });
    some.flatten()
}

fn together(checked: Vec<Result<Checked, Stop>>) -> Vec<Result<EvidenceClass, Stop>> {
    let split = checked.into_iter().map(|one| match one {
        Ok(Checked { class, proof }) => (Ok(class), proof.into_iter().collect()),
        Err(stop) => (Err(stop), Vec::new()),
    });
    let (classes, proofs): (Vec<_>, Vec<Vec<_>>) = split.unzip();
    let faults = batch::verify(&proofs);
    let joined = classes.into_iter().zip(faults);
    let outcome = |(class, fault): (Result<_, _>, Option<_>)| match fault {
        // There is one kind of proof here, and this is what does not hold.
        Some(_) => class.and_then(|_| Err(Fault::NoiseProof.into())),
        None => class,
    };
    joined.map(outcome).collect()
}

pub(crate) fn check(
    grounds: &Grounds<'_>,
    log: &Leaves<'_>,
    ledger: Result<&Ledger<'_>, Fault>,
    (index, promises): (u64, &mut Promises),
) -> Result<Checked, Stop> {
    let opened = log.at(index).ok_or(Reason::LeafMissing)?;
    let Publication::Aggregate(body) = &opened.body else {
        return Err(Fault::AggregateKind.into());
    };
    let ledger = ledger?;
    noise::check(body)?;
    if body.at.latest < body.query.ends() {
        return Err(Fault::AggregateEarly.into());
    }
    let dataset = &body.query.dataset;
    let Paid { leaf, body: reservation } =
        ledger.paid(dataset, body.reserved).ok_or(Reason::ReservationMissing)?;
    check_reservation(body, reservation)?;
    // Numbers rise with the log, or there would be no ledger: by number it comes before it, too.
    if leaf.index > index {
        return Err(Fault::ReservationOrder.into());
    }
    // The right to draw is in the memory of the boot that paid: no other one can have had it.
    if leaf.leaf.boot != opened.leaf.boot {
        return Err(Fault::ReservationBoot.into());
    }
    // Every entry between the reservation and the draw is shown: an omitted debit would be a gap.
    if !ledger.shows(dataset, body.reserved, body.sequence) {
        return Err(Reason::SequenceGap.into());
    }
    let proof = coins::check(body, (leaf, reservation), log, (grounds.anchors, promises))?;
    let paid_by = grounds.boot(log, &leaf.leaf.boot)?.0;
    let class = grounds.boot(log, &opened.leaf.boot)?.0.max(paid_by);
    grounds.check_checkpoint(log)?;
    Ok(Checked { class, proof })
}

fn check_reservation(body: &AggregateBody, reservation: &ReserveBody) -> Result<(), Fault> {
    let id = body.query.id();
    let debit = reservation.debits.iter().find(|debit| debit.query == id);
    let debit = debit.ok_or(Fault::ReservationQuery)?;
    if reservation.day != body.query.day {
        Err(Fault::ReservationDay)
    } else if debit.nano_rho != body.query.nano_rho {
        Err(Fault::ReservationDebit)
    } else {
        Ok(())
    }
}

/// Proofs that are held in memory: of 32,768 coins each takes 32 kB.
const AT_A_TIME: usize = 64;
