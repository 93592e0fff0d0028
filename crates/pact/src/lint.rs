//! Lint: what a pact says that a monitor cannot do, or that says nothing.

use crate::compile::compile;
use crate::document::Pact;
use crate::document::scalar::Name;
use crate::document::terms::{
    ApprovalTerm, ArgType, Constraint, Document, Fail, Interaction, InteractionKind, OverseerRole,
};

mod aggregates;
mod names;
mod recorded;

pub(crate) use names::OUTSIDE;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The pact should not be signed.
    Error,
    /// It means something to people; this version of the monitor does not execute it.
    RecordedOnly,
    /// Probably not what was meant.
    Warning,
}

/// One thing that lint found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable code.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Where: a path of the format's names and positions.
    pub at: String,
    /// What.
    pub text: String,
    /// What to do.
    pub remedy: String,
}

/// Looks a pact over before it is signed.
#[must_use]
pub fn lint(pact: &Pact) -> Vec<Finding> {
    let terms = pact.terms();
    let mut findings = Findings(Vec::new());
    match compile(pact) {
        Ok(compiled) => aggregates::unreleased(&mut findings, terms, &compiled),
        Err(error) => {
            let text = error.to_string();
            findings.add(error.code(), Severity::Error, "interactions", &text, error.remedy());
        }
    }
    for (place, interaction) in terms.interactions.iter().enumerate() {
        let at = format!("interactions[{place}]");
        permits(&mut findings, terms, interaction, &at);
        for (n, constraint) in interaction.args.values().enumerate() {
            contradictions(&mut findings, constraint, &format!("{at}.args[{n}]"));
        }
    }
    limits(&mut findings, terms);
    oversight(&mut findings, terms);
    names::consequences(&mut findings, terms);
    names::data(&mut findings, terms);
    recorded::only(&mut findings, terms);
    findings.0.sort_by_key(|f| f.severity);
    findings.0
}

pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    pub(crate) fn add(
        &mut self,
        code: &'static str,
        severity: Severity,
        at: &str,
        text: &str,
        remedy: &str,
    ) {
        let [at, text, remedy] = [at, text, remedy].map(str::to_owned);
        self.0.push(Finding { code, severity, at, text, remedy });
    }
}

fn permits(findings: &mut Findings, terms: &Document, interaction: &Interaction, at: &str) {
    if !reachable(terms, interaction) {
        findings.add(
            "unreachable-permit",
            Severity::Error,
            at,
            "this interaction must come after one that can never come before it",
            "break the circle in `after`, and name calls only",
        );
    }
    let both = interaction.approval == Some(ApprovalTerm::Never)
        && interaction.confirmed_by == Some(crate::document::terms::Confirmer::Overseer);
    if both {
        findings.add(
            "unreachable-permit",
            Severity::Error,
            at,
            "an overseer must confirm what no overseer may approve",
            "drop `confirmed_by` or change `approval`",
        );
    }
    if interaction.requested.as_ref().is_some_and(|r| r.terms.is_empty()) {
        findings.add(
            "unreachable-permit",
            Severity::Error,
            at,
            "no word of the principal can request this",
            "list at least one term in `requested`",
        );
    }
}

/// Whether everything that must come before can come before, however long the way.
fn reachable(terms: &Document, interaction: &Interaction) -> bool {
    let mut reached: Vec<&Name> = Vec::new();
    loop {
        let next: Vec<&Name> = terms
            .interactions
            .iter()
            .filter(|i| i.kind == InteractionKind::Call && !reached.contains(&&i.id))
            .filter(|i| i.after.iter().all(|before| reached.contains(&before)))
            .map(|i| &i.id)
            .collect();
        if next.is_empty() {
            return interaction.after.iter().all(|before| reached.contains(&before));
        }
        reached.extend(next);
    }
}

fn contradictions(findings: &mut Findings, c: &Constraint, at: &str) {
    let mut wrong = |text: &str, remedy: &str| {
        findings.add("contradiction", Severity::Error, at, text, remedy);
    };
    if c.min.zip(c.max).is_some_and(|(min, max)| min > max) {
        wrong("the minimum is above the maximum", "exchange them");
    }
    if c.one_of.as_ref().is_some_and(Vec::is_empty) {
        wrong("no value is among none", "list values in `in`, or drop it");
    }
    if c.one_of
        .as_ref()
        .zip(c.not_in.as_ref())
        .is_some_and(|(a, b)| a.iter().all(|v| b.contains(v)))
    {
        wrong("every permitted value is forbidden", "drop `in` or `not_in`");
    }
    if c.constant.as_ref().zip(c.one_of.as_ref()).is_some_and(|(v, list)| !list.contains(v)) {
        wrong("the only value is not among the permitted ones", "drop `const` or `in`");
    }
    let numeric = matches!(c.kind, None | Some(ArgType::Decimal | ArgType::Integer));
    if !numeric && (c.min.is_some() || c.max.is_some()) {
        wrong("a minimum or maximum of something that is no number", "set `type` to decimal");
    }
    if c.provenance.as_ref().is_some_and(|p| p.any_of.is_empty()) {
        wrong("a value cannot come from nowhere", "list origins in `any_of`");
    }
    if c.max.is_some() && c.kind == Some(ArgType::Decimal) && c.unit.is_none() {
        findings.add(
            "bound-without-unit",
            Severity::Warning,
            at,
            "a maximum without a unit",
            "say of what, for example \"unit\": \"EUR\"",
        );
    }
    if let Some(each) = &c.each {
        contradictions(findings, each, at);
    }
}

fn limits(findings: &mut Findings, terms: &Document) {
    for (place, limit) in terms.limits.iter().enumerate() {
        if limit.max.0.is_zero() && limit.counter.starts_with("calls:") {
            findings.add(
                "unreachable-permit",
                Severity::Warning,
                &format!("limits[{place}]"),
                "a permitted interaction may happen no time",
                "drop the interaction, or raise the limit",
            );
        }
    }
}

fn oversight(findings: &mut Findings, terms: &Document) {
    let approver = |o: &crate::document::terms::Overseer| o.role == OverseerRole::HumanApprover;
    if !terms.parties.overseers.iter().any(approver) {
        findings.add(
            "no-approver",
            Severity::Warning,
            "parties.overseers",
            "nobody can approve: whatever is escalated will be refused",
            "name an overseer with the role human-approver",
        );
    }
    let monitoring = &terms.monitoring;
    if monitoring.retention.min > monitoring.retention.max {
        findings.add(
            "contradiction",
            Severity::Error,
            "monitoring.retention",
            "the least retention is above the most",
            "exchange them",
        );
    }
    if monitoring.fail == Some(Fail::OpenWithAlert) {
        findings.add(
            "fails-open",
            Severity::Warning,
            "monitoring.fail",
            "a call whose verdict is late runs unjudged",
            "write \"closed\" unless lateness costs more than a wrong call",
        );
    }
    if monitoring.approval.as_ref().is_some_and(|a| a.quorum.is_some_and(|q| q > 1)) {
        findings.add(
            "unmonitorable-term",
            Severity::Error,
            "monitoring.approval.quorum",
            "this monitor asks one overseer",
            "write 1",
        );
    }
    let dp = monitoring.disclosure.as_ref().map(|d| &d.dp[..]).unwrap_or_default();
    for (place, statistic) in dp.iter().enumerate() {
        if statistic.bounds.first() > statistic.bounds.last() {
            findings.add(
                "contradiction",
                Severity::Error,
                &format!("monitoring.disclosure.dp[{place}].bounds"),
                "the lower bound is above the upper",
                "exchange them",
            );
        }
    }
    let calls = terms.interactions.iter().any(|i| i.kind == InteractionKind::Call);
    if !calls {
        findings.add(
            "no-calls",
            Severity::Warning,
            "interactions",
            "no call is permitted",
            "enumerate the tools",
        );
    }
}
