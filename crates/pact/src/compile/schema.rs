//! The counters of a pact, in their one order.

use messages::codec::Wire;
use messages::counter::{
    Bucket, Counter, CounterIndex, DEFAULT_MAX, LATENCY, LATENCY_EDGES, MAX_COUNTERS, Schema,
};

use super::CompileError;

/// Counters that every pact has, by their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fixed {
    Sessions = 0,
    Events = 1,
    CallsAll = 2,
    CallsPermitted = 3,
    CallsDenied = 4,
    CallsEscalated = 5,
    CallsTerminated = 6,
    CallsApproved = 7,
    Alerts = 8,
    CallsOk = 9,
    CallsError = 10,
    Bytes = 11,
    PiiAny = 12,
    Breaches = 13,
    Latency = 14,
}

impl Fixed {
    pub(crate) const fn at(self) -> CounterIndex {
        CounterIndex(self as u16)
    }
}

/// The bucket that a latency falls into.
pub(crate) fn latency_bucket(ms: u64) -> CounterIndex {
    let bucket = LATENCY_EDGES.iter().filter(|edge| **edge < ms).count();
    let offset = u16::try_from(bucket).unwrap_or_default();
    CounterIndex(Fixed::Latency.at().0.saturating_add(offset))
}

/// Lists a pact's counters.
pub(crate) struct Builder {
    counters: Vec<Counter>,
    /// A counter of the pact before counts something else now.
    changed: bool,
}

impl Builder {
    pub(crate) fn new() -> Self {
        let fixed = [
            ("sessions", "sessions"),
            ("events", "events"),
            ("calls.all", "calls"),
            ("calls.permitted", "calls"),
            ("calls.denied", "calls"),
            ("calls.escalated", "calls"),
            ("calls.terminated", "calls"),
            ("calls.approved", "calls"),
            ("alerts", "events"),
            ("calls.ok", "calls"),
            ("calls.error", "calls"),
            ("bytes", "bytes"),
            ("pii:any", "items"),
            ("breaches", "events"),
        ];
        let mut builder = Self { counters: Vec::new(), changed: false };
        for (name, unit) in fixed {
            builder.push(name.to_owned(), unit.to_owned(), None);
        }
        let edges = LATENCY_EDGES.into_iter().map(Some).chain([None]);
        for edge in edges {
            let label = edge.map_or_else(|| "over".to_owned(), |e| e.to_string());
            let bucket = Bucket { histogram: LATENCY.to_owned(), edge };
            builder.push(format!("{LATENCY}:{label}"), "calls".to_owned(), Some(bucket));
        }
        builder
    }

    /// The counters of the pact before, each where it was: what was counted keeps its meaning.
    pub(crate) fn after(prior: &Schema) -> Self {
        Self { counters: prior.counters.clone(), changed: false }
    }

    /// The place of this counter, which is appended when no pact before had it.
    pub(crate) fn push(
        &mut self,
        name: String,
        unit: String,
        bucket: Option<Bucket>,
    ) -> CounterIndex {
        let counter = Counter { name, unit, max: DEFAULT_MAX, bucket };
        let known = self.counters.iter().position(|c| c.name == counter.name);
        let at = known.unwrap_or(self.counters.len());
        match self.counters.get(at) {
            Some(before) => self.changed |= *before != counter,
            None => self.counters.push(counter),
        }
        CounterIndex(u16::try_from(at).unwrap_or(u16::MAX))
    }

    pub(crate) fn finish(self) -> Result<Schema, CompileError> {
        if self.changed {
            return Err(CompileError::CounterChanged);
        }
        let schema = Schema { counters: self.counters };
        let fits = schema.counters.len() <= MAX_COUNTERS
            && schema.to_cbor().len() <= <Schema as Wire>::MAX_BYTES;
        if fits { Ok(schema) } else { Err(CompileError::TooManyCounters) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_counters_are_where_their_names_are() {
        let schema = Builder::new().finish().unwrap();
        for (name, fixed) in [
            ("sessions", Fixed::Sessions),
            ("events", Fixed::Events),
            ("calls.all", Fixed::CallsAll),
            ("calls.permitted", Fixed::CallsPermitted),
            ("calls.denied", Fixed::CallsDenied),
            ("calls.escalated", Fixed::CallsEscalated),
            ("calls.terminated", Fixed::CallsTerminated),
            ("calls.approved", Fixed::CallsApproved),
            ("alerts", Fixed::Alerts),
            ("calls.ok", Fixed::CallsOk),
            ("calls.error", Fixed::CallsError),
            ("bytes", Fixed::Bytes),
            ("pii:any", Fixed::PiiAny),
            ("breaches", Fixed::Breaches),
            ("latency_ms:50", Fixed::Latency),
        ] {
            assert_eq!(schema.find(name).unwrap().0, fixed.at(), "{name}");
        }
    }

    #[test]
    fn a_latency_at_an_edge_falls_under_it() {
        let schema = Builder::new().finish().unwrap();
        let name = |ms| schema.counters[usize::from(latency_bucket(ms).0)].name.clone();
        assert_eq!(name(0), "latency_ms:50");
        assert_eq!(name(50), "latency_ms:50");
        assert_eq!(name(51), "latency_ms:100");
        assert_eq!(name(5001), "latency_ms:over");
    }
}
