//! How the pact is kept: objectives are measured with each answer, breaches have consequences.

use messages::event::Status;
use messages::time::UnixMillis;
use rust_decimal::Decimal;

use super::{Decision, Look};
use crate::compile::{ConsequenceRule, Good, ObjectiveRule, Rule};
use crate::state::{Breach, Measured, Sample};

impl Look<'_> {
    /// Measures one answer.
    pub(super) fn measure_answer(&mut self, rule: &Rule, status: Status, latency_us: Option<u64>) {
        let pact = self.pact;
        if status == Status::Cancelled {
            return;
        }
        for (at, objective) in pact.objectives.iter().enumerate() {
            let Ok(number) = u16::try_from(at) else { return };
            if !objective.rules.is_empty() && !objective.rules.contains(&rule.number) {
                continue;
            }
            // Silence about its own slowness is no help to a provider.
            let ms = latency_us.map_or(u64::MAX, |us| us.div_ceil(1000));
            let good = match objective.good {
                Good::Answered => status != Status::Timeout,
                Good::Any => true,
                Good::Ok => status == Status::Ok,
                Good::Within(most) => status != Status::Timeout && ms <= most,
            };
            self.sample((number, objective), good);
        }
    }

    fn sample(&mut self, (number, objective): (u16, &ObjectiveRule), good: bool) {
        let now = self.change.now;
        let slot = now.0.checked_div(objective.slot.0).unwrap_or_default();
        let standing = self.standing;
        let known = standing.objectives.get(&number);
        let (before_good, before_all, since, onset) = known.map_or((0, 0, now, None), |m| {
            let Measured { good, all, since, breached } = m;
            (good.used(slot), all.used(slot), *since, *breached)
        });
        let all = before_all.saturating_add(1);
        let good_ones = before_good.saturating_add(u64::from(good));
        let breached = is_breached(objective, (good_ones, all), now.0.saturating_sub(since.0));
        self.change.samples.push(Sample { objective: number, slot, good, breached });
        if !breached {
            return;
        }
        let onset = onset.unwrap_or(now);
        if known.is_none_or(|m| m.breached.is_none()) {
            self.find(Decision::Alert, &[&objective.id], None);
        }
        for (at, consequence) in self.pact.consequences.iter().enumerate() {
            let due = onset.0.saturating_add(consequence.cure.0) <= now.0;
            if due && consequence.on.contains(&objective.id) {
                self.breach(at, consequence, Some((number, onset)));
            }
        }
    }

    /// Consequences of the verdict itself: of its kind, or of the term that it names.
    pub(super) fn follow_verdict(&mut self) {
        let kind = match self.verdict.decision {
            Decision::Allow => return,
            Decision::Alert => "alert",
            Decision::Escalate => "escalate",
            Decision::Deny => "deny",
            Decision::Terminate => "terminate",
        };
        let rule = self.verdict.rule.clone();
        // An event that belongs to nothing is its reporter's fault and breaks no term; what a stop
        // stops is no breach again.
        if NO_BREACH.iter().any(|code| rule.starts_with(code)) {
            return;
        }
        let term = rule.split(['.', ' ']).next().unwrap_or_default();
        let objective = self.pact.objectives.iter().any(|o| o.id == term);
        for (at, consequence) in self.pact.consequences.iter().enumerate() {
            let named = |on: &String| on == kind || !objective && (on == term || *on == rule);
            if consequence.on.iter().any(named) {
                self.breach(at, consequence, None);
            }
        }
    }

    fn breach(&mut self, at: usize, rule: &ConsequenceRule, onset: Option<(u16, UnixMillis)>) {
        let Ok(consequence) = u16::try_from(at) else { return };
        let known = self.standing.followed.get(&consequence);
        let breaches = known.map_or(0, |k| k.breaches);
        // One breach of an objective follows once, however many answers it lasts.
        let again = onset.is_some_and(|(objective, since)| {
            known.is_some_and(|k| k.onsets.get(&objective) == Some(&since))
        });
        let same = |b: &Breach| b.consequence == consequence && b.onset == onset;
        if again || self.change.breaches.iter().any(same) {
            return;
        }
        let follows = breaches.saturating_add(1) >= rule.after;
        self.change.breaches.push(Breach { consequence, onset, follows });
        if follows {
            let place = at.to_string();
            self.find(rule.decision, &["consequences.", &place], None);
            self.change.suspends |= rule.suspends;
        }
    }
}

const NO_BREACH: &[&str] = &["nothing-to-approve", "result-", "suspended", "term.", "wrong-role"];

fn is_breached(objective: &ObjectiveRule, (good, all): (u64, u64), lasted: u64) -> bool {
    if objective.good == Good::Any {
        return lasted >= objective.window.0 && Decimal::from(all) < objective.least;
    }
    let least = objective.least.checked_mul(Decimal::from(all));
    all >= objective.min_samples && least.is_none_or(|least| Decimal::from(good) < least)
}
