//! Anomalies on planted data: what share of planted bursts is told, and how often nothing was
//! there.
//!
//! Calls arrive at random (exponential gaps, a fixed seed) at six a minute by day and two by night,
//! for thirty days of a generated clock, with a burst of two minutes at a multiple of the day's
//! rate planted at a random minute of every third hour.

use anyhow::Result;
use messages::event::{Body, Event, Role};
use messages::ids::{EventHash, PactHash, SessionId};
use messages::time::UnixMillis;
use pact::{Approval, Compiled, Decision, Pact, SessionState, StandingState, check, compile};
use serde_json::{Value, json};

use crate::pacts::START;

/// One setting, measured.
pub(crate) struct Planted {
    /// How many times the usual is unusual.
    pub(crate) factor: &'static str,
    /// How many times the day's rate is planted.
    pub(crate) burst: u32,
    pub(crate) planted: u64,
    pub(crate) told: u64,
    /// Minutes outside bursts, and those of them with an alert.
    pub(crate) quiet: u64,
    pub(crate) false_alarms: u64,
}

/// Every setting.
pub(crate) fn measure(drafted: &Pact) -> Result<Vec<Planted>> {
    let mut lines = Vec::new();
    for factor in ["2", "3", "4"] {
        for burst in [4, 8] {
            lines.push(one(&watching(drafted, factor)?, factor, burst));
        }
    }
    Ok(lines)
}

fn watching(drafted: &Pact, factor: &str) -> Result<Compiled> {
    let mut document: Value = serde_json::from_slice(drafted.canonical())?;
    if let Some(watch) = document.get_mut("monitoring").and_then(Value::as_object_mut) {
        let anomaly = json!({"id": "burst", "counter": "calls", "window": "PT1M",
            "factor": factor, "least": "10", "else": "alert"});
        watch.insert("mode".into(), "active".into());
        watch.insert("anomalies".into(), json!([anomaly]));
    }
    Ok(compile(&Pact::parse(document.to_string().as_bytes())?)?)
}

fn one(pact: &Compiled, factor: &'static str, burst: u32) -> Planted {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let bursts: Vec<u64> = (0..MINUTES / EVERY)
        .map(|n| n.saturating_mul(EVERY).saturating_add(random.below(EVERY.saturating_sub(BURST))))
        .collect();
    let in_burst =
        |minute: u64| bursts.iter().any(|b| (*b..b.saturating_add(BURST)).contains(&minute));
    let mut standing = StandingState::default();
    let mut alarms: Vec<u64> = Vec::new();
    let tool = pact.tools().into_iter().next().unwrap_or_default();
    for minute in 0..MINUTES {
        let by_day = (minute / 60) % 24 >= 8;
        let rate = if by_day { 6 } else { 2 };
        let rate = if in_burst(minute) { 6_u32.saturating_mul(burst) } else { rate };
        // A session of its own each minute: the watch is over all of them.
        let mut session = SessionState::new([7; 16]);
        for n in 0..random.arrivals(rate) {
            let now = UnixMillis(start().saturating_add(minute.saturating_mul(60_000)));
            let event = call(&tool, n);
            let judged = check(pact, &session, &standing, &event, Approval::Absent, now);
            if judged.verdict.decision == Decision::Alert
                && judged.verdict.rule.starts_with("burst ")
            {
                alarms.push(minute);
            }
            session.observe(&judged.change);
            standing.apply(&judged.change);
        }
    }
    let told =
        bursts.iter().filter(|b| alarms.iter().any(|a| (**b..b.saturating_add(BURST)).contains(a)));
    let quiet = (0..MINUTES).filter(|m| !in_burst(*m)).count();
    Planted {
        factor,
        burst,
        planted: bursts.len() as u64,
        told: told.count() as u64,
        quiet: quiet as u64,
        false_alarms: alarms.iter().filter(|a| !in_burst(**a)).count() as u64,
    }
}

fn call(tool: &str, n: u64) -> Event {
    let body =
        Body::Call { call: n.to_string(), name: tool.to_owned(), args: [].into(), via: None };
    let (pact, session) = (PactHash::default(), SessionId::default());
    let (from, to) = (Role::Initiator, Role::Provider);
    Event { pact, session, seq: 0, prev: EventHash::default(), from, to, body }
}

fn start() -> u64 {
    u64::try_from(START).unwrap_or_default().saturating_mul(1_000)
}

/// SplitMix64 (Steele, Lea and Flood 2014): enough for a workload, and the same every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or_default()
    }

    /// Arrivals of a minute: in each of 600 tenths of a second one comes with the rate's chance.
    fn arrivals(&mut self, per_minute: u32) -> u64 {
        let chance = u64::from(per_minute);
        (0..600).filter(|_| self.below(600) < chance).count() as u64
    }
}

const MINUTES: u64 = 30 * 24 * 60;
const EVERY: u64 = 180;
const BURST: u64 = 2;
