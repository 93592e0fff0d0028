//! What a segment circuit is told: the rules that it can look up, and what each change adds.
//!
//! `circuits/segment/README.md` lists the terms that it is not told.

use messages::counter::{CounterIndex, DEFAULT_MAX, Schema};
use messages::ids::EventHash;
use messages::segment::{
    Answered, CALLS, CallRule, Entry, FIXED, LATENCIES, Outcome, RuleTable, SUMS, SumRule, moved,
};

use super::schema::Fixed;
use super::{Compiled, Counted, Rule};
use crate::document::scalar::Exact;
use crate::document::terms::{ApprovalTerm, Confirmer, Otherwise, Per};
use crate::state::Change;

/// Where the counters of calls and sums are, by their places in a segment.
#[derive(Clone, Debug)]
pub(super) struct Moved {
    calls: Vec<CounterIndex>,
    sums: Vec<CounterIndex>,
}

impl Moved {
    pub(super) fn of(schema: &Schema) -> Self {
        let places = moved(schema);
        let of = |from: usize, n: usize| places.iter().skip(from).take(n).copied().flatten();
        Self {
            calls: of(FIXED, CALLS).collect(),
            sums: of(FIXED.saturating_add(CALLS), SUMS).collect(),
        }
    }
}

impl Compiled {
    /// The rules as far as the segment circuit knows them. Every counter of the chain has the place
    /// in it that it had in the pact before.
    #[must_use]
    pub fn rule_table(&self) -> RuleTable {
        let calls = self.calls.iter().zip(&self.moved.calls).zip(0u16..).take(CALLS);
        let calls = calls.map(|((call, counter), number)| {
            let (now, counter) = (self.rules.get(&call.name), *counter);
            let now = now.filter(|rule| rule.number == number);
            let none =
                CallRule { counter, permitted: None, approved: None, sum: None, most: DEFAULT_MAX };
            now.map_or(none, |rule| self.call_rule(rule))
        });
        let sums = self.moved.sums.iter();
        let sums = sums.map(|counter| SumRule { counter: *counter, most: self.most_of(*counter) });
        RuleTable { calls: calls.collect(), sums: sums.collect() }
    }

    /// What a change adds to the counters that segments move. `event` is what it is the change of.
    #[must_use]
    pub fn entry(&self, event: EventHash, change: &Change) -> Entry {
        let added = |at: CounterIndex| -> u64 {
            let of = change.counters().iter().filter(|(counter, _)| *counter == at);
            of.fold(0, |sum, (_, n)| sum.saturating_add(*n))
        };
        let some = |fixed: Fixed| added(fixed.at()) > 0;
        let outcome = [
            (Fixed::CallsPermitted, Outcome::Permitted),
            (Fixed::CallsDenied, Outcome::Denied),
            (Fixed::CallsEscalated, Outcome::Escalated),
            (Fixed::CallsTerminated, Outcome::Terminated),
            (Fixed::CallsApproved, Outcome::Approved),
        ];
        let answer = [(Fixed::CallsOk, Answered::Ok), (Fixed::CallsError, Answered::Error)];
        let bucket = |bucket: &u8| {
            added(CounterIndex(Fixed::Latency.at().0.saturating_add(u16::from(*bucket)))) > 0
        };
        let ran = self.ran(change);
        // One amount: that of the sum which the call's rule names.
        let summed = self.moved.sums.iter().map(|counter| added(*counter)).max();
        Entry {
            event,
            taken: some(Fixed::Events),
            opens: some(Fixed::Sessions),
            outcome: outcome.into_iter().find(|(fixed, _)| some(*fixed)).map(|(_, is)| is),
            ran,
            amount: summed.unwrap_or_default(),
            alert: some(Fixed::Alerts),
            answer: answer.into_iter().find(|(fixed, _)| some(*fixed)).map(|(_, is)| is),
            latency: (0..LATENCY_BUCKETS).find(bucket),
            breach: some(Fixed::Breaches),
            bytes: added(Fixed::Bytes.at()),
            pii: added(Fixed::PiiAny.at()),
        }
    }

    /// The number of the call that a change says has run: a call adds to one counter of calls.
    fn ran(&self, change: &Change) -> Option<u16> {
        let counted = |(counter, _): &(CounterIndex, u64)| {
            let counter = self.schema.counters.get(usize::from(counter.0))?;
            let id = counter.name.strip_prefix("calls:")?;
            u16::try_from(self.calls.iter().position(|call| call.id == id)?).ok()
        };
        change.counters().iter().find_map(counted)
    }

    fn call_rule(&self, rule: &Rule) -> CallRule {
        // At most one of its sums has a place.
        let slot = |of: &super::SumRule| {
            let at = self.moved.sums.iter().position(|counter| *counter == of.counter)?;
            u8::try_from(at).ok()
        };
        let summed = rule.sums.iter().find_map(|of| Some((slot(of)?, of)));
        let [permitted, approved] = summed.map_or([0, 0], |(_, of)| ceilings(rule, &of.arg));
        let waits =
            rule.approval == ApprovalTerm::Always || rule.confirmed_by == Some(Confirmer::Overseer);
        let never = rule.approval == ApprovalTerm::Never;
        CallRule {
            counter: rule.counter,
            permitted: (!waits).then_some(permitted),
            approved: (!never).then_some(approved),
            sum: summed.map(|(at, _)| at),
            most: self.most(|counted| *counted == Counted::Calls(Some(rule.id.clone()))),
        }
    }

    fn most_of(&self, counter: CounterIndex) -> u64 {
        let name = self.schema.counters.get(usize::from(counter.0)).map(|c| c.name.as_str());
        self.most(|counted| match counted {
            Counted::Sum(id, arg) => name == Some(&format!("sum:{id}.{arg}")),
            _ => false,
        })
    }

    /// The tightest limit over the whole pact that nobody can lift.
    fn most(&self, of: impl Fn(&Counted) -> bool) -> u64 {
        let limits = self.limits.iter().filter(|l| l.per == Per::Pact && holds_always(l.otherwise));
        let most = limits.filter(|limit| of(&limit.counted)).map(|limit| limit.max).min();
        most.unwrap_or(DEFAULT_MAX).min(DEFAULT_MAX)
    }
}

/// The largest amount that runs by itself, and by approval, in hundredths.
fn ceilings(rule: &Rule, arg: &str) -> [u64; 2] {
    let Some(constraint) = rule.args.get(arg) else { return [DEFAULT_MAX; 2] };
    // An amount is counted in hundredths, rounded up: so is its bound.
    let hundredths = |max: rust_decimal::Decimal| {
        let whole = max.checked_mul(rust_decimal::Decimal::ONE_HUNDRED)?.ceil();
        let minor = Exact(whole).minor(0)?;
        // Below zero nothing runs, and what does not fit bounds nothing.
        Some(u64::try_from(minor.max(0)).unwrap_or(DEFAULT_MAX))
    };
    let max = constraint.max.map_or(Some(DEFAULT_MAX), hundredths).unwrap_or(DEFAULT_MAX);
    let max = max.min(DEFAULT_MAX);
    match constraint.otherwise {
        Otherwise::Alert => [DEFAULT_MAX; 2],
        Otherwise::Escalate | Otherwise::Pause => [max, DEFAULT_MAX],
        Otherwise::Deny | Otherwise::Suspend | Otherwise::Terminate => {
            [max, if constraint.unless_approved { DEFAULT_MAX } else { max }]
        }
    }
}

/// Does nothing that breaks it ever run?
const fn holds_always(otherwise: Otherwise) -> bool {
    match otherwise {
        Otherwise::Alert | Otherwise::Escalate | Otherwise::Pause => false,
        Otherwise::Deny | Otherwise::Suspend | Otherwise::Terminate => true,
    }
}

const LATENCY_BUCKETS: u8 = 8;
const _: () = assert!(LATENCY_BUCKETS as usize == LATENCIES);
