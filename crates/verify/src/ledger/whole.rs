//! Everything that was ever debited and drawn in a log, added up by whoever likes.

use std::collections::BTreeMap;

use messages::bundle::{Bundle, IncludedLeaf, LogView};
use messages::codec::Wire;
use messages::ids::Root;
use messages::leaf::{Kind, Leaf, ReserveBody};
use messages::publication::Publication;

use super::Ledger;
use crate::anchors::{Anchors, EvidenceClass, Findings};
use crate::appraisal::Grounds;
use crate::bundle::unread;
use crate::codes::{Fault, Reason, Unusable};
use crate::leaves::{Leaves, checkpoint_fault};
use crate::report::{DayFinding, Item, LogFinding, Report, Stop, Subject};
use crate::{aggregate, explain};

/// Adds up the privacy ledgers of a whole log (`messages::ledger`).
///
/// The leaves are those of a checkpoint that the anchored log key signed, and their kinds are
/// public: nothing that was debited or drawn in this log can be left out. What is *not* shown by
/// it: that a data set is a certain pact, that the caps are the configured ones, and that no other
/// log counts the same sessions.
///
/// # Errors
/// [`Unusable`] when the bytes are no ledger of an anchored log.
pub fn audit(ledger: &[u8], anchors: &Anchors, findings: Findings<'_>) -> Result<Report, Unusable> {
    let ledger = messages::ledger::Ledger::from_cbor(ledger).map_err(unread)?;
    let messages::ledger::Ledger { format, origin, checkpoint, leaves, opened } = ledger;
    if format != messages::ledger::Ledger::FORMAT {
        return Err(Unusable::Format);
    }
    let anchor = anchors.logs.iter().find(|anchor| anchor.origin == origin);
    let anchor = anchor.ok_or(Unusable::LogNotAnchored)?;
    let head = tlog::open_checkpoint(&checkpoint, &anchor.origin, &anchor.log_key)
        .map_err(checkpoint_fault)?;
    let mut log = tlog::Log::new();
    for leaf in &leaves {
        log.append(leaf);
    }
    if (log.size(), &log.root()) != (head.size(), head.root()) {
        return Err(Unusable::LedgerNotTheLog);
    }
    let path = |index| log.inclusion(index, log.size());
    let included = opened.into_iter().map(|disclosed| {
        let path = path(disclosed.index);
        IncludedLeaf { disclosed, path }
    });
    let view = LogView { origin, checkpoint, leaves: included.collect() };
    let bundle = Bundle {
        format: Bundle::FORMAT.into(),
        logs: Vec::new(),
        schemas: Vec::new(),
        boots: Vec::new(),
        claims: Vec::new(),
        aggregates: Vec::new(),
        stamps: Vec::new(),
        missing: Vec::new(),
    };
    let (logs, schemas) = (BTreeMap::new(), Vec::new());
    let grounds = Grounds { bundle: &bundle, logs, anchors, findings, schemas };
    let opened = Leaves::open(&view, anchor)?;
    let days = days(&opened);
    let item = Item {
        subject: Subject::Ledger,
        words: explain::ledger(&view.origin, &days),
        verdict: whole(&grounds, &opened, (&leaves, &log)).into(),
    };
    let log = LogFinding {
        origin: view.origin.clone(),
        size: opened.size,
        cosigned: grounds.cosigned(&opened),
        stamped: grounds.stamped(&opened),
        clock: opened.clock(),
    };
    let (claims, pacts) = (Vec::new(), Vec::new());
    Ok(Report { items: vec![item], claims, logs: vec![log], pacts, days })
}

fn whole(
    grounds: &Grounds<'_>,
    log: &Leaves<'_>,
    (all, tree): (&[Leaf], &tlog::Log),
) -> Result<EvidenceClass, Stop> {
    let of_ledger = |kind| matches!(kind, Kind::Aggregate | Kind::Boot | Kind::Reserve);
    let mut hidden = (0..).zip(all).filter(|(_, leaf)| of_ledger(leaf.kind));
    if hidden.any(|(index, _)| log.at(index).is_none()) {
        return Err(Reason::LedgerHidden.into());
    }
    let ledger = Ledger::read(log)?;
    if !ledger.is_gapless() {
        return Err(Fault::LedgerGap.into());
    }
    if !ledger.is_unbroken() {
        return Err(Fault::TotalGap.into());
    }
    if !ledger.is_exact() {
        return Err(Fault::BudgetInconsistent.into());
    }
    check_deals(log, tree)?;
    let mut weakest = None;
    for opened in log.iter() {
        let class = match &opened.body {
            Publication::Boot(body) => grounds.boot(log, &body.boot)?.0,
            Publication::Reserve(_) => grounds.boot(log, &opened.leaf.boot)?.0,
            // After this: their proofs are verified together.
            Publication::Aggregate(_)
            | Publication::Break(_)
            | Publication::Pact(_)
            | Publication::Tally(_) => continue,
        };
        weakest = weakest.max(Some(class));
    }
    let mut promises = aggregate::Promises::default();
    let answers = log.iter().filter(|opened| matches!(opened.body, Publication::Aggregate(_)));
    let checked = answers
        .map(|opened| aggregate::check(grounds, log, Ok(&ledger), (opened.index, &mut promises)));
    for class in aggregate::verify(checked) {
        weakest = weakest.max(Some(class?));
    }
    grounds.check_checkpoint(log)?;
    weakest.ok_or_else(|| Reason::BootMissing.into())
}

/// Every dealer told its value over a part of this very log, so that what it was committed to there
/// is all that there was to choose from.
fn check_deals(log: &Leaves<'_>, tree: &tlog::Log) -> Result<(), Fault> {
    let answers = log.iter().filter_map(|opened| match &opened.body {
        Publication::Aggregate(body) => body.proven.as_ref(),
        _ => None,
    });
    let mut deals = answers.flat_map(|proven| &proven.dealt);
    let holds = deals.all(|dealt| tree.root_at(dealt.size) == Some(dealt.root));
    if holds { Ok(()) } else { Err(Fault::CoinsElsewhere) }
}

fn days(log: &Leaves<'_>) -> Vec<DayFinding> {
    let mut days: BTreeMap<(Root, u64), DayFinding> = BTreeMap::new();
    for opened in log.iter() {
        match &opened.body {
            Publication::Reserve(body) => {
                let ReserveBody { dataset, day, spent_nano_rho, cap_nano_rho, .. } = *body;
                let entry = days.entry((dataset, day)).or_insert(DayFinding {
                    dataset,
                    day,
                    spent_nano_rho,
                    cap_nano_rho,
                    paid: 0,
                    answered: 0,
                });
                entry.spent_nano_rho = entry.spent_nano_rho.max(spent_nano_rho);
                entry.cap_nano_rho = entry.cap_nano_rho.min(cap_nano_rho);
                entry.paid = entry.paid.saturating_add(body.debits.len());
            }
            Publication::Aggregate(body) => {
                if let Some(day) = days.get_mut(&(body.query.dataset, body.query.day)) {
                    day.answered = day.answered.saturating_add(1);
                }
            }
            _ => {}
        }
    }
    days.into_values().collect()
}
