//! Who acts for a party: delegations, and the calls of delegates.
//!
//! A delegate's scope is a part of what its delegator may do, so along a chain it only shrinks; a
//! delegate has one delegator in a session. Who a delegate is, the party says that reports it.

use std::collections::BTreeSet;

use messages::did::Did;
use messages::event::{Party, Role};

use super::limits::Volume;
use super::{Approval, Decision, Look};
use crate::compile::{DelegationRule, Rule};
use crate::document::terms::{Direction, Narrowing};
use crate::state::{Delegate, MAX_DELEGATES};
use crate::tokens::Form;

impl Look<'_> {
    /// A party's agent, or its delegate `via`, hands these interactions to `to`.
    pub(super) fn delegation(
        &mut self,
        (from, role): (Role, Role),
        (to, via): (&Did, Option<&Did>),
        interactions: &[String],
    ) {
        if self.approval == Approval::Granted {
            return self.deny("nothing-to-approve");
        }
        let names = interactions.iter().map(String::len).sum::<usize>();
        let bytes = names.saturating_add(to.as_str().len());
        self.volume_limits(&Volume::bytes(u64::try_from(bytes).unwrap_or(u64::MAX)));
        let handed = self.handed((from, role), (to, via), interactions);
        if let Err(code) = &handed {
            self.deny(code);
        }
        self.follow_verdict();
        // What is refused or waits, for whatever reason, was not handed over.
        if self.verdict.decision < Decision::Escalate {
            self.change.delegate = handed.ok();
        }
    }

    fn handed(
        &self,
        (from, role): (Role, Role),
        (to, via): (&Did, Option<&Did>),
        interactions: &[String],
    ) -> Result<(u64, Delegate), &'static str> {
        let way = match (from, role) {
            (Role::Initiator, Role::Initiator) => Direction::ToProvider,
            (Role::Provider, Role::Provider) => Direction::ToInitiator,
            _ => return Err("wrong-role"),
        };
        let rule = self.pact.delegation.as_ref().ok_or("delegation")?;
        let party = to == self.pact.initiator() || to == self.pact.provider();
        if party || ![Some(to), via].into_iter().flatten().all(|did| names(rule, did)) {
            return Err("delegation.to");
        }
        let party = from.reporter();
        let delegator = via.map(|did| self.delegate(did, party).ok_or("delegation.unknown"));
        let delegator = delegator.transpose()?;
        let depth = delegator.map_or(0, |(_, of)| of.depth).saturating_add(1);
        if u64::from(depth) > rule.max_depth {
            return Err("delegation.depth");
        }
        // What the party itself may do.
        let calls = self.pact.rules.values().filter(|r| r.direction == way);
        let whole: BTreeSet<u16> = calls.map(|r| r.number).collect();
        let by = delegator.map(|(token, _)| token);
        let token = self.token(to, party);
        let mut scope = BTreeSet::new();
        let known = &self.session.delegates;
        if let Some(known) = known.get(&token) {
            // Two delegators together could give what neither may.
            if known.by != by {
                return Err("delegation.repeated");
            }
            // What a revision took away is nobody's any more.
            scope.extend(known.scope.intersection(&whole));
        } else if known.values().filter(|d| d.party == party).count() >= MAX_DELEGATES {
            return Err("delegation.too-many");
        }
        for id in interactions {
            let named = self.pact.rules.values().find(|r| r.id == *id && r.direction == way);
            scope.insert(named.ok_or("delegation.scope")?.number);
        }
        let delegators = delegator.map(|(_, of)| of.scope.intersection(&whole).copied().collect());
        if !narrows(rule, &scope, delegators.as_ref().unwrap_or(&whole)) {
            return Err("delegation.scope");
        }
        Ok((token, Delegate { party, depth, by, scope }))
    }

    /// Whether the delegate that makes a call may make it.
    pub(super) fn acts(&mut self, rule: &Rule, party: Party, via: Option<&Did>) {
        let Some(did) = via else { return };
        let Some(terms) = &self.pact.delegation else { return self.deny("delegation") };
        match self.delegate(did, party) {
            None => self.deny("delegation.unknown"),
            // A revision may permit less than when it was handed over.
            Some(_) if !names(terms, did) => self.deny("delegation.to"),
            Some((_, of)) if u64::from(of.depth) > terms.max_depth => self.deny("delegation.depth"),
            Some((_, of)) if !of.scope.contains(&rule.number) => self.deny("delegation.scope"),
            Some(_) => {}
        }
    }

    fn delegate(&self, did: &Did, party: Party) -> Option<(u64, &Delegate)> {
        let token = self.token(did, party);
        Some((token, self.session.delegates.get(&token)?))
    }

    /// Each party has delegates of its own, also when both know the same one.
    fn token(&self, did: &Did, party: Party) -> u64 {
        let form = match party {
            Party::Initiator => Form::InitiatorsDelegate,
            Party::Provider => Form::ProvidersDelegate,
        };
        self.session.key.token(form, did.as_str())
    }
}

fn names(rule: &DelegationRule, did: &Did) -> bool {
    rule.to.is_empty() || rule.to.iter().any(|named| named == did.as_str())
}

fn narrows(rule: &DelegationRule, scope: &BTreeSet<u16>, of: &BTreeSet<u16>) -> bool {
    match rule.narrowing {
        Narrowing::MustNarrow => scope.is_subset(of) && scope.len() < of.len(),
        Narrowing::SameOrNarrower => scope.is_subset(of),
        // What the party itself may not do was never in it.
        Narrowing::None => true,
    }
}
