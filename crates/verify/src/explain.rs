//! Claims and bundles in plain words.

use core::fmt::Write;

use messages::claim::{Audience, Claim, Predicate};
use messages::leaf::{AggregateBody, Mechanism};
use messages::publication::Publication;

use crate::bundle::decode;
use crate::codes::Unusable;

/// Says what a bundle claims and what it carries. Checks nothing.
///
/// # Errors
/// [`Unusable`] when the bytes are no bundle.
pub fn explain(bundle: &[u8]) -> Result<String, Unusable> {
    let bundle = decode(bundle)?;
    let mut text = format!(
        "A bundle of {} claims and {} private aggregates over {} opened leaves. Nothing is checked here.\n",
        bundle.claims.len(),
        bundle.aggregates.len(),
        bundle.leaves.len(),
    );
    for (i, proven) in (1u64..).zip(&bundle.claims) {
        let consent = clean(&proven.consent.id);
        line(
            &mut text,
            &format!("claim {i}: {}; permitted by consent `{consent}`", claim(&proven.claim)),
        );
        line(&mut text, &format!("  {}", meaning(&proven.claim.predicate)));
    }
    for index in &bundle.aggregates {
        use messages::codec::Wire;
        let body = bundle.leaves.iter().find(|l| l.disclosed.index == *index);
        let body = body.and_then(|l| AggregateBody::from_cbor(&l.disclosed.body).ok());
        line(&mut text, &aggregate(*index, body.map(Publication::Aggregate).as_ref()));
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
    match predicate {
        Predicate::AtMost { counter, bound } => format!("{} is at most {bound}", clean(counter)),
        Predicate::AtLeast { counter, bound } => format!("{} is at least {bound}", clean(counter)),
        Predicate::Between { counter, lower, upper } => {
            format!("{} is between {lower} and {upper}", clean(counter))
        }
        Predicate::RatioAtLeast { part, whole, numerator, denominator, min_whole } => {
            let (part, whole) = (clean(part), clean(whole));
            format!(
                "{part} is at least {numerator}/{denominator} of {whole}, which is at least {min_whole}"
            )
        }
        Predicate::PercentileAtMost { histogram, percent, edge, min_whole } => format!(
            "at least {percent} % of {} are at most {edge}, out of at least {min_whole}, as the \
             provider reported them",
            clean(histogram)
        ),
        Predicate::None { counter } => format!("{} is zero", clean(counter)),
        Predicate::Equal { left, right } => {
            let sum =
                |names: &[String]| names.iter().map(|n| clean(n)).collect::<Vec<_>>().join(" + ");
            format!("{} equals {}", sum(left), sum(right))
        }
    }
}

pub(crate) fn claim(claim: &Claim) -> String {
    let range = &claim.range;
    let audience = match &claim.audience {
        Audience::Public => "anyone".to_owned(),
        Audience::Verifier { did, .. } => did.as_str().to_owned(),
    };
    let gaps = match claim.admitted_gaps {
        0 => String::new(),
        n => format!(", with up to {n} missing events"),
    };
    let statement = words(&claim.predicate);
    let (first, last) = (range.first.0, range.last.0);
    format!(
        "{statement}, over epochs {first} to {last} of tally {}{gaps}, to {audience}",
        range.tally
    )
}

pub(crate) fn aggregate(index: u64, body: Option<&Publication>) -> String {
    let Some(Publication::Aggregate(body)) = body else {
        return format!("leaf {index} as a private aggregate");
    };
    let (query, noise) = (&body.query, &body.noise);
    let mechanism = match noise.mechanism {
        Mechanism::DiscreteLaplace => "discrete Laplace",
        Mechanism::DiscreteGaussian => "discrete Gaussian",
    };
    let cells: Vec<String> = query
        .cells
        .iter()
        .zip(&body.values)
        .map(|(cell, value)| format!("{} {value}", clean(cell)))
        .collect();
    format!(
        "{} of day {}: {} (± {} with 95 % probability, {mechanism} noise, {} nano-ρ)",
        clean(&query.statistic),
        query.day,
        cells.join(", "),
        noise.half_width_95,
        query.nano_rho,
    )
}

fn meaning(predicate: &Predicate) -> &'static str {
    match predicate {
        Predicate::AtLeast { .. } | Predicate::AtMost { .. } | Predicate::Between { .. } => {
            "The growth of the counter over the range lies within these bounds; its value stays hidden."
        }
        Predicate::RatioAtLeast { .. } => {
            "The share holds over the whole range, and there was enough of the whole to state one; neither count is shown."
        }
        Predicate::PercentileAtMost { .. } => {
            "Enough of the values lie in buckets up to this edge; how many lie where stays hidden."
        }
        Predicate::None { .. } => "It did not happen once in the range.",
        Predicate::Equal { .. } => "Both sums grew alike over the range; how much stays hidden.",
    }
}

/// Names come from whoever made the bundle: nothing of them may steer a terminal.
fn clean(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn line(text: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let written = writeln!(text, "{line}");
    debug_assert!(written.is_ok());
}
