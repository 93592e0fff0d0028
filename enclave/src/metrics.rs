//! Metrics for the operator: how much, how fast, how full. Every label is the name of an
//! enumeration's variant; there is nothing of a party, a pact or a session, and no place to put it.
//! Served on a loopback listener of its own, never on the monitor's interface.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use channel::forms::Operation;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::api::readiness;

/// Everything that is measured. Clones share it.
#[derive(Clone)]
pub(crate) struct Metrics {
    answers: Family<Labels, Counter>,
    commits: Counter,
    connections: Gauge,
    groups: Histogram,
    queued: Histogram,
    syncs: Histogram,
    unattributed: Counter,
    registry: Arc<Registry>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Outcome {
    Answered,
    Busy,
    Fault,
    Refused,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Labels(Operation, Outcome);

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("cloister");
        // Histograms: requests ahead, records a group, seconds a sync.
        let powers = |count| (0..count).map(|n| f64::from(1_u32.wrapping_shl(n)));
        let (queued, groups) = (Histogram::new(powers(14)), Histogram::new(powers(14)));
        let syncs = Histogram::new(powers(14).map(|n| n * 100e-6));
        let (answers, commits) = (Family::<Labels, Counter>::default(), Counter::default());
        let (connections, unattributed) = (Gauge::default(), Counter::default());
        registry.register("answers", "Requests by operation and outcome", answers.clone());
        registry.register("journal_commits", "Groups made durable", commits.clone());
        registry.register("connections", "Connections that are open", connections.clone());
        registry.register("queue_depth", "Requests ahead of a request", queued.clone());
        registry.register("journal_group", "Records made durable at once", groups.clone());
        let unit = Unit::Seconds;
        registry.register_with_unit("journal_sync", "Time to make durable", unit, syncs.clone());
        let help = "Exports of unsigned telemetry, which feed no claim";
        registry.register("unattributed_exports", help, unattributed.clone());
        let registry = Arc::new(registry);
        Self { answers, commits, connections, groups, queued, syncs, unattributed, registry }
    }

    /// An operation was answered.
    pub(crate) fn answered(&self, operation: Operation, status: StatusCode) {
        let outcome = match status.as_u16() {
            ..400 => Outcome::Answered,
            429 | 503 => Outcome::Busy,
            400..500 => Outcome::Refused,
            _ => Outcome::Fault,
        };
        self.answers.get_or_create(&Labels(operation, outcome)).inc();
    }

    /// The journal made `records` durable in `seconds`.
    pub(crate) fn committed(&self, records: u32, seconds: f64) {
        self.commits.inc();
        self.groups.observe(f64::from(records));
        self.syncs.observe(seconds);
    }

    /// A connection was accepted.
    pub(crate) fn connected(&self) {
        self.connections.inc();
    }

    /// A connection ended.
    pub(crate) fn disconnected(&self) {
        self.connections.dec();
    }

    /// An export of unsigned telemetry was counted and dropped.
    pub(crate) fn exported(&self) {
        self.unattributed.inc();
    }

    /// A request found so many ahead of it.
    pub(crate) fn queued(&self, ahead: u32) {
        self.queued.observe(f64::from(ahead));
    }

    /// OpenMetrics text.
    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl EncodeLabelSet for Labels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), fmt::Error> {
        let Self(operation, outcome) = self;
        let outcome = match outcome {
            Outcome::Answered => "answered",
            Outcome::Busy => "busy",
            Outcome::Fault => "fault",
            Outcome::Refused => "refused",
        };
        [("operation", operation.name()), ("outcome", outcome)].encode(encoder)
    }
}

/// The operator's listener: metrics, health and readiness.
pub(crate) fn operator(
    metrics: Metrics,
    ready: impl Fn() -> bool + Clone + Send + Sync + 'static,
) -> Router {
    let metrics = move || async move {
        let Ok(text) = metrics.text() else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let mut response = Response::new(text.into());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(OPEN_METRICS));
        response
    };
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { StatusCode::NO_CONTENT }))
        .route("/readyz", get(move || async move { readiness(ready()) }))
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_names_of_variants_and_nothing_else() {
        let metrics = Metrics::new();
        for (status, times) in [(200, 3), (404, 2), (503, 1), (500, 1)] {
            let status = StatusCode::from_u16(status).unwrap();
            (0..times).for_each(|_| metrics.answered(Operation::Feed, status));
        }
        metrics.committed(64, 0.000_3);
        metrics.queued(3);
        metrics.connected();
        metrics.connected();
        metrics.disconnected();
        let text = metrics.text().unwrap();
        let line = "cloister_answers_total{operation=\"feed\",outcome=\"answered\"} 3";
        assert!(text.contains(line), "{text}");
        assert!(text.contains("outcome=\"busy\"} 1") && text.contains("outcome=\"fault\"} 1"));
        assert!(text.contains("cloister_connections 1\n"));
        assert!(text.contains("cloister_journal_sync_seconds_count 1"));
        assert!(text.contains("cloister_journal_group_bucket{le=\"64.0\"} 1"));
        let labels = text.lines().filter_map(|line| Some(line.split_once('{')?.1));
        let names: std::collections::BTreeSet<&str> = labels
            .flat_map(|labels| labels.split(','))
            .filter_map(|label| Some(label.split_once('=')?.0))
            .collect();
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["le", "operation", "outcome"]);
    }
}
