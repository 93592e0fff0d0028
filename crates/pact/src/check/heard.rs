//! Messages and results, by their digests.

use messages::event::{Role, Status};

use super::limits::Volume;
use super::turn::TurnSaid;
use super::{Approval, Decision, Look, direction};
use crate::compile::Rule;
use crate::compile::schema::{Fixed, latency_bucket};
use crate::digest::{Digest, Gist, Heard, Read};
use crate::document::terms::{Direction, Mode};
use crate::state::{CallChange, Class, Lineage, Stage, StageChange, TurnChange};

impl Look<'_> {
    pub(super) fn heard(&mut self, digest: &Digest) {
        let way = (digest.from, digest.to);
        match &digest.heard {
            _ if self.approval == Approval::Granted => self.deny("nothing-to-approve"),
            Heard::Message(gist) => {
                self.message(way, gist);
                self.follow_verdict();
            }
            Heard::Result { call, status, latency_us, read, unread } => {
                // What was not read must not count as never seen.
                self.change.withheld |= *unread;
                self.change.scrutiny |= *unread && !self.pact.scrutiny.is_empty();
                self.result(way, *call, ((*status).into(), *latency_us), read);
            }
        }
    }

    fn message(&mut self, way: (Role, Role), gist: &Gist) {
        match way {
            (Role::Principal, Role::Initiator) => {
                let mut tokens = gist.tokens();
                tokens.typed.extend(&gist.names);
                self.change.stems.clone_from(&gist.stems);
                self.change.granted = gist.granted;
                self.volume_limits(&Volume::bytes(gist.bytes));
                self.change.learn(Class::Principal, tokens);
                self.change.turn = Some(match gist.said {
                    Some(TurnSaid::Yes) => TurnChange::PrincipalSaidYes,
                    Some(TurnSaid::No) | None => TurnChange::PrincipalSaidNo,
                });
            }
            (Role::Initiator, Role::Principal) => {
                self.volume_limits(&Volume::bytes(gist.bytes));
                self.change.learn(Class::Proposed, gist.tokens());
                self.change.turn = Some(TurnChange::AgentSpoke);
            }
            (from, to) => {
                let direction = direction(from, to);
                let permitted = direction.is_some_and(|d| self.pact.messages.contains(&d));
                self.volume_limits(&Volume { pii: gist.pii, ..Volume::bytes(gist.bytes) });
                match (permitted, direction) {
                    (true, Some(Direction::ToInitiator)) => {
                        let asks = gist.signals.asks || self.notice(gist.signals);
                        let class = if asks { Class::Urged } else { Class::Content };
                        self.change.learn(class, gist.tokens());
                    }
                    (true, _) => {}
                    (false, Some(_)) => self.deny("default-deny"),
                    (false, None) => self.deny("wrong-role"),
                }
            }
        }
    }

    fn result(
        &mut self,
        (from, to): (Role, Role),
        token: u64,
        (status, latency_us): (Status, Option<u64>),
        read: &Read,
    ) {
        let known = self.session.calls.get(&token);
        let rule = known.and_then(|c| self.pact.numbered(c.rule)).map(|(_, rule)| rule);
        let answered_by = rule.map(|r| match r.direction {
            Direction::ToProvider => (Role::Provider, Role::Initiator),
            Direction::ToInitiator => (Role::Initiator, Role::Provider),
        });
        let stage = known.map(|c| c.stage);
        match (stage, rule) {
            _ if direction(from, to).is_none() => self.deny("wrong-role"),
            (None, _) => self.deny("result-of-unknown-call"),
            (Some(Stage::Answered), _) => self.deny("result-repeated"),
            (Some(Stage::Escalated | Stage::Refused), _) | (_, None) => {
                self.deny("result-of-unpermitted-call");
            }
            (Some(Stage::Permitted), _) if answered_by != Some((from, to)) => {
                self.deny("wrong-role");
            }
            (Some(Stage::Permitted), Some(rule)) => {
                let lineage = known.map_or(Lineage::Open, |c| c.lineage);
                self.answer(rule, token, status, latency_us);
                self.measure_answer(rule, status, latency_us);
                let echo = known.map(|c| c.echo.clone()).unwrap_or_default();
                let volume = self.read_content(rule, (lineage, &echo), read);
                self.volume_limits(&volume);
            }
        }
        self.follow_verdict();
        // What is withheld does not become known; an observing mode withholds nothing.
        if self.verdict.decision >= Decision::Deny && self.pact.mode() == Mode::Interventionist {
            self.change.learned.clear();
            self.change.places.clear();
            self.change.marked.clear();
            self.change.scrutiny = false;
        }
    }

    fn answer(&mut self, rule: &Rule, token: u64, status: Status, latency_us: Option<u64>) {
        let lineage = self.session.calls.get(&token).map_or(Lineage::Open, |c| c.lineage);
        let (stage, echo) = (StageChange::Answered, Vec::new());
        let call = CallChange { call: token, rule: rule.number, stage, lineage, echo };
        self.change.call = Some(call);
        match status {
            Status::Ok => {
                self.change.count(Fixed::CallsOk.at(), 1);
                self.change.succeeded = Some(rule.number);
            }
            Status::Cancelled => {}
            Status::Error | Status::Timeout => {
                self.change.count(Fixed::CallsError.at(), 1);
                self.count_error();
            }
        }
        // Silence about its own slowness is no help to a provider: it counts as the slowest.
        let ms = latency_us.map_or(u64::MAX, |us| us.div_ceil(1000));
        if status != Status::Cancelled {
            self.change.count(latency_bucket(ms), 1);
        }
    }
}
