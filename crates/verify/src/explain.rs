//! Claims and bundles in plain words.

use core::fmt::Write;
use std::collections::BTreeSet;

use messages::bundle::Missing;
use messages::claim::{Audience, Claim, Predicate, Relation, Sum};
use messages::counter::{LATENCY, LATENCY_EDGES};
use messages::leaf::{AggregateBody, Mechanism, Query, Unit};
use messages::publication::Publication;

use crate::bundle::decode;
use crate::codes::Unusable;
use crate::report::{DayFinding, Means};

/// Says what a bundle claims and what it carries. Checks nothing.
///
/// # Errors
/// [`Unusable`] when the bytes are no bundle.
pub fn explain(bundle: &[u8]) -> Result<String, Unusable> {
    let bundle = decode(bundle)?;
    let leaves: usize = bundle.logs.iter().map(|log| log.leaves.len()).sum();
    let mut text = format!(
        "A bundle of {} and {} over {} of {}. Nothing is checked here.\n",
        counted(bundle.claims.len(), "claim", "claims"),
        counted(bundle.aggregates.len(), "private aggregate", "private aggregates"),
        counted(leaves, "opened leaf", "opened leaves"),
        counted(bundle.logs.len(), "log", "logs"),
    );
    for (i, proven) in (1u64..).zip(&bundle.claims) {
        line(
            &mut text,
            &format!("claim {i}: {}; {}", place(&proven.claim), means(Means::from(proven))),
        );
        let mut pacts: Vec<_> = proven.claim.ranges.iter().map(|range| range.root).collect();
        pacts.dedup();
        pacts.iter().for_each(|pact| line(&mut text, &format!("  under the pact {pact}")));
        let consents = proven.stands.first().map(|stand| &stand.consent[..]).unwrap_or_default();
        for (at, predicate) in proven.claim.statements.iter().enumerate() {
            let consent = consents.get(at).map_or_else(String::new, |opened| {
                format!(" (permitted by consent `{}`)", clean(&opened.entry.id))
            });
            line(&mut text, &format!("  {}{consent}", words(predicate)));
            line(&mut text, &format!("    {}", meaning(predicate)));
        }
    }
    for place in &bundle.aggregates {
        use messages::codec::Wire;
        let log = bundle.logs.iter().find(|log| log.origin == place.origin);
        let mut leaves = log.into_iter().flat_map(|log| &log.leaves);
        let body = leaves.find(|l| l.disclosed.index == place.index);
        let body = body.and_then(|l| AggregateBody::from_cbor(&l.disclosed.body).ok());
        line(&mut text, &aggregate(place.index, body.map(Publication::Aggregate).as_ref(), ""));
    }
    for one in &bundle.missing {
        line(&mut text, &missing(one));
    }
    line(
        &mut text,
        "A claim speaks of what the monitor counted; that the monitor counted rightly rests on the evidence of its boots.",
    );
    Ok(text)
}

/// Says a predicate in words.
#[must_use]
pub fn words(predicate: &Predicate) -> String {
    let side = |relation: &Relation| match relation {
        Relation::AtLeast => "at least",
        Relation::AtMost => "at most",
    };
    match predicate {
        Predicate::Bounded { sum, lower, upper } => match (lower, upper) {
            (Some(lower), Some(upper)) => format!("{} is between {lower} and {upper}", added(sum)),
            (Some(lower), None) => format!("{} is at least {lower}", added(sum)),
            (None, Some(upper)) => format!("{} is at most {upper}", added(sum)),
            (None, None) => format!("{} is anything", added(sum)),
        },
        Predicate::Ratio { part, whole, relation, numerator, denominator, min_whole } => {
            let (part, whole, side) = (added(part), added(whole), side(relation));
            format!(
                "{part} is {side} {numerator}/{denominator} of {whole}, which is at least {min_whole}"
            )
        }
        Predicate::Percentile { histogram, percent, edge, min_whole } => format!(
            "at least {percent} % of {} are at most {edge}, out of at least {min_whole}, as the \
             provider reported them",
            clean(histogram)
        ),
        Predicate::Never { sum } => format!("{} is zero", added(sum)),
        Predicate::Equal { left, right } => format!("{} equals {}", added(left), added(right)),
        Predicate::Rate { sum, relation, count, per } => {
            let (sum, side, per) = (added(sum), side(relation), span(per.0));
            format!("{sum} is {side} {count} per {per} on average")
        }
        Predicate::Agree { sum } => format!("both monitors counted the same {}", added(sum)),
        Predicate::Obeyed => "every event obeyed the pact's rule table".to_owned(),
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn added(sum: &Sum) -> String {
    sum.0.iter().map(|name| clean(name)).collect::<Vec<_>>().join(" + ")
}

/// A span of time in the largest unit that measures it.
fn span(millis: u64) -> String {
    let units = [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1000, "second")];
    let whole = |unit: u64| millis.checked_rem(unit) == Some(0) && millis > 0;
    match units.into_iter().find(|(unit, _)| whole(*unit)) {
        Some((unit, name)) if millis == unit => name.to_owned(),
        Some((unit, name)) => format!("{} {name}s", millis.div_euclid(unit)),
        None => format!("{millis} ms"),
    }
}

/// A statement with the place that it is about.
pub(crate) fn statement(predicate: &Predicate, claim: &Claim) -> String {
    format!("{}, {}", words(predicate), place(claim))
}

/// Over what, and to whom.
fn place(claim: &Claim) -> String {
    let ranges = claim.ranges.iter().map(|range| {
        let (first, last) = (range.first.0, range.last.0);
        let (party, origin) = (clean(range.party.as_str()), clean(&range.origin));
        format!("epochs {first} to {last} of what {party} did, in the log {origin}")
    });
    let ranges = ranges.collect::<Vec<_>>().join(" and ");
    let audience = match &claim.audience {
        Audience::Public => "anyone".to_owned(),
        Audience::Verifier { did, .. } => did.as_str().to_owned(),
    };
    let gaps = match claim.admitted_gaps {
        0 => String::new(),
        n => format!(", with up to {n} missing events"),
    };
    format!("over {ranges}{gaps}, to {audience}")
}

/// What stands behind a claim, in words.
#[must_use]
pub const fn means(means: Means) -> &'static str {
    match means {
        Means::ZeroKnowledge => "proven in zero knowledge",
        Means::Signed => "signed by the monitor",
        Means::Segments => "proven of each event in zero knowledge",
    }
}

/// What a claim without any statement says.
pub(crate) fn nothing() -> String {
    "a claim that states nothing".to_owned()
}

/// What a bundle says is not in it.
pub(crate) fn missing(missing: &Missing) -> String {
    format!("missing: `{}`, because of `{}`", clean(&missing.what), clean(&missing.why))
}

/// What an aggregate says; `whose` is of its dealers, where it has some.
pub(crate) fn aggregate(index: u64, body: Option<&Publication>, whose: &str) -> String {
    let Some(Publication::Aggregate(body)) = body else {
        return format!("leaf {index} as a private aggregate");
    };
    let (query, noise) = (&body.query, &body.noise);
    let noise_of = match noise.mechanism {
        Mechanism::Binomial => {
            let dealers = body.proven.as_ref().map_or(0, |proven| proven.dealt.len());
            let dealers = counted(dealers, "dealer", "dealers");
            let coins = query.coins.unwrap_or(0);
            format!("proven noise of {coins} coins of {dealers}{whose}")
        }
        Mechanism::Exponential => "in rank, permute-and-flip noise".to_owned(),
        Mechanism::DiscreteLaplace => "discrete Laplace noise".to_owned(),
        Mechanism::DiscreteGaussian => "discrete Gaussian noise".to_owned(),
        Mechanism::SqrtToeplitz => "square-root Toeplitz noise".to_owned(),
    };
    let days = query.total.map_or_else(
        || format!("day {}", query.day),
        |days| format!("days {} to {}", days.first, query.day),
    );
    let clamp = query.clamp.map_or_else(String::new, |most| format!(", a session for {most}"));
    let sessions = usize::try_from(noise.session_bound).unwrap_or(usize::MAX);
    let protected = match noise.unit {
        Some(Unit::Session) => "each session is protected by itself alone".to_owned(),
        None => {
            let sessions = counted(sessions, "session", "sessions");
            format!("a principal counts for at most {sessions} a day")
        }
    };
    let read = quantiles(query, &body.values).or_else(|| rate(query, &body.values));
    let read = read.unwrap_or_default();
    let cells: Vec<String> = query
        .cells
        .iter()
        .zip(&body.values)
        .map(|(cell, value)| format!("{} {value}", clean(cell)))
        .collect();
    format!(
        "{} of {days}: {} (± {} with 95 % probability, {noise_of}, {} nano-ρ; {protected}{clamp})\
         {read}",
        clean(&query.statistic),
        cells.join(", "),
        noise.half_width_95,
        query.nano_rho,
    )
}

/// Quantiles of a noisy histogram of latencies, by the edges of its buckets: what anybody reads off
/// the numbers, at no cost.
fn quantiles(query: &Query, values: &[i64]) -> Option<String> {
    let edges = (query.statistic == LATENCY).then_some(LATENCY_EDGES)?;
    let all = values.iter().fold(0_i64, |sum, value| sum.saturating_add(*value));
    if all <= 0 {
        return None;
    }
    let within = |percent: i64| {
        let mut sum = 0_i64;
        let found = edges.iter().zip(values).find(|(_, value)| {
            sum = sum.saturating_add(**value);
            sum.saturating_mul(100) >= all.saturating_mul(percent)
        });
        found.map_or_else(
            || format!("{percent} % not within the last edge"),
            |(edge, _)| format!("{percent} % within {edge} ms"),
        )
    };
    Some(format!("; by these numbers {}, {}, {}", within(50), within(95), within(99)))
}

/// The rate of sessions that nothing was wrong with, out of noisy counts by outcome: what anybody
/// reads off the numbers, at no cost, and between nothing and all.
fn rate(query: &Query, values: &[i64]) -> Option<String> {
    let outcomes = (query.statistic == "sessions.outcome").then_some(&query.cells)?;
    let all = values.iter().fold(0_i64, |sum, value| sum.saturating_add((*value).max(0)));
    let mut cells = outcomes.iter().zip(values);
    let (_, clean) = cells.find(|(cell, _)| *cell == "clean")?;
    let tenths = (*clean).max(0).checked_mul(1000)?.checked_div(all)?;
    Some(format!("; by these numbers {}.{} % clean", tenths.div_euclid(10), tenths.rem_euclid(10)))
}

/// A whole ledger, without its days.
pub(crate) fn ledger(origin: &str, days: &[DayFinding]) -> String {
    let sum = |of: fn(&DayFinding) -> usize| days.iter().map(of).fold(0, usize::saturating_add);
    let data: BTreeSet<_> = days.iter().map(|day| day.dataset).collect();
    format!(
        "the privacy ledger of {}: {} of {}, {} paid for and {} answered, and nothing else",
        clean(origin),
        counted(days.len(), "day", "days"),
        counted(data.len(), "data set", "data sets"),
        counted(sum(|day| day.paid), "query", "queries"),
        sum(|day| day.answered),
    )
}

fn meaning(predicate: &Predicate) -> &'static str {
    match predicate {
        Predicate::Bounded { .. } => {
            "The growth over the range lies within these bounds; its value stays hidden."
        }
        Predicate::Ratio { .. } => {
            "The share holds over the whole range, and there was enough of the whole to state one; neither count is shown."
        }
        Predicate::Percentile { .. } => {
            "Enough of the values lie in buckets up to this edge; how many lie where stays hidden."
        }
        Predicate::Never { .. } => "It did not happen once in the range.",
        Predicate::Equal { .. } => "Both sums grew alike over the range; how much stays hidden.",
        Predicate::Rate { .. } => {
            "It holds over the whole range, whose length is public; how much came when stays hidden."
        }
        Predicate::Obeyed => {
            "Every call that ran was listed, within its ceiling or approved where the pact lets approval lift it, within the limits over the whole pact, and counted; what was refused did not run. Terms that the table lacks are not covered, and how many events there were stays hidden within a factor of two."
        }
        Predicate::Agree { .. } => {
            "Two monitors that each closed the same sessions with both parties' signatures counted alike; how much stays hidden."
        }
    }
}

/// Names come from whoever made the bundle: nothing of them may steer a terminal, hide, or turn
/// the words around it.
fn clean(name: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    name.chars().map(|c| if hidden(c) { '\u{fffd}' } else { c }).collect()
}

fn line(text: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let written = writeln!(text, "{line}");
    debug_assert!(written.is_ok());
}

#[cfg(test)]
mod tests {
    use messages::ids::Root;
    use messages::leaf::Mechanism;

    use super::*;

    #[test]
    fn a_rate_is_the_share_of_the_clean() {
        let query = |statistic: &str, first: &str| Query {
            dataset: Root([1; 32]),
            day: 1,
            statistic: statistic.into(),
            cells: vec![first.into(), "denied".into()],
            nano_rho: 1,
            mechanism: Mechanism::DiscreteGaussian,
            total: None,
            clamp: None,
            coins: None,
        };
        let read = |values: &[i64]| rate(&query("sessions.outcome", "clean"), values);
        assert_eq!(read(&[974, 26]).unwrap(), "; by these numbers 97.4 % clean");
        assert_eq!(read(&[2, 1]).unwrap(), "; by these numbers 66.6 % clean");
        // Noise below nothing is nothing.
        assert_eq!(read(&[5, -3]).unwrap(), "; by these numbers 100.0 % clean");
        assert_eq!(read(&[-5, 3]).unwrap(), "; by these numbers 0.0 % clean");
        for nothing in [&[0, 0][..], &[-1, -2], &[i64::MAX, 1], &[]] {
            assert_eq!(read(nothing), None);
        }
        assert_eq!(rate(&query("sessions.outcome", "completed"), &[1, 1]), None);
        assert_eq!(rate(&query("tools", "clean"), &[1, 1]), None);
    }

    #[test]
    fn quantiles_are_the_first_edges_that_hold_so_much() {
        let query = |statistic: &str| Query {
            dataset: Root([1; 32]),
            day: 1,
            statistic: statistic.into(),
            cells: Vec::new(),
            nano_rho: 1,
            mechanism: Mechanism::DiscreteGaussian,
            total: None,
            clamp: None,
            coins: None,
        };
        let read = |values: &[i64]| quantiles(&query(LATENCY), values);
        // 50 of 100 within 100 ms; 95 within 1000 ms; 99 only above the last edge.
        let said = "; by these numbers 50 % within 100 ms, 95 % within 1000 ms, 99 % not within the \
                    last edge";
        assert_eq!(read(&[20, 30, 30, 10, 5, 2, 1, 2]).unwrap(), said);
        let first = read(&[100, -3, 3, 0, 0, 0, 0, 0]).unwrap();
        assert!(first.ends_with("99 % within 50 ms"), "{first}");
        // One less is not so much.
        let later = read(&[20, 29, 31, 10, 5, 2, 1, 2]).unwrap();
        assert!(later.contains("50 % within 200 ms"), "{later}");
        for nothing in [&[0; 8][..], &[1, -1], &[-5], &[]] {
            assert_eq!(read(nothing), None);
        }
        assert_eq!(quantiles(&query("tools"), &[1]), None);
    }
}
