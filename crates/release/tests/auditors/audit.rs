//! The auditors.

use super::Subject;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Two answers have the same noise.
    Repeats,
    /// The owner's presence can be told from the answers better than the price allows.
    Tells,
}

/// What a mechanism claims to cost.
#[derive(Clone, Copy)]
pub(crate) enum Loss {
    /// ε of pure differential privacy.
    Pure(f64),
    /// ρ of zero-concentrated differential privacy.
    Zcdp(f64),
}

impl Loss {
    /// Is an event of probability `p` past what it allows, when a neighbour has it with `q`?
    ///
    /// Pure: P(E) ≤ e^ε·P′(E). Zero-concentrated: D_α ≤ αρ for all α > 1, hence
    /// P(E) ≤ (e^{αρ}·P′(E))^{(α−1)/α} (Bun and Steinke 2016; van Erven and Harremoës 2014, by data
    /// processing to the event).
    fn is_exceeded(self, p: f64, q: f64) -> bool {
        match self {
            Self::Pure(epsilon) => p.ln() > epsilon + q.ln(),
            Self::Zcdp(rho) => {
                let orders = (1..400).map(|k| 1.0 + f64::from(k) * 0.02);
                orders.into_iter().any(|order| {
                    let part = (order - 1.0) / order;
                    p.ln() > part * (order * rho + q.ln())
                })
            }
        }
    }
}

/// Looks for a fault.
pub(crate) fn audit(subject: &Subject) -> Option<Finding> {
    let [with, without] = [true, false].map(|present| (subject.run)(present, DAYS));
    if tells(subject, &with, &without) {
        Some(Finding::Tells)
    } else if repeats(&without) {
        Some(Finding::Repeats)
    } else {
        None
    }
}

/// Is some event likelier than the claimed loss allows? The events are half spaces in the direction in which the data move, at thresholds that other
/// draws than those that are counted have set.
fn tells(subject: &Subject, with: &[Vec<i64>], without: &[Vec<i64>]) -> bool {
    let score = |answer: &Vec<i64>| match answer.is_empty() {
        // No answer lies beyond every threshold.
        true => f64::NEG_INFINITY,
        false => answer.iter().zip(&subject.direction).map(|(y, w)| *y as f64 * w).sum(),
    };
    let mut seen: Vec<f64> = with[..CALIBRATION].iter().map(score).collect();
    seen.sort_by(f64::total_cmp);
    [4, 6, 7].into_iter().any(|part| {
        let threshold = seen[CALIBRATION - 1 - CALIBRATION * part / 8];
        let share = |answers: &[Vec<i64>]| {
            let counted = &answers[CALIBRATION..];
            let reached = counted.iter().filter(|a| score(a) >= threshold).count();
            reached as f64 / counted.len() as f64
        };
        let (p, q) = (least(share(with)), most(share(without)));
        subject.loss.is_exceeded(p, q)
    })
}

/// Are the noises of two answers of one day the same? Totals of days that follow each other share
/// some of it, but never all.
fn repeats(without: &[Vec<i64>]) -> bool {
    let days: Vec<&Vec<i64>> = without.iter().filter(|answer| !answer.is_empty()).collect();
    let n = days.len() as f64;
    let cells = days.first().map_or(0, |answer| answer.len().min(6));
    let column = |cell: usize| {
        let mean = days.iter().map(|answer| answer[cell] as f64).sum::<f64>() / n;
        days.iter().map(|answer| answer[cell] as f64 - mean).collect::<Vec<f64>>()
    };
    let columns: Vec<Vec<f64>> = (0..cells).map(column).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    (0..cells).any(|a| {
        (0..a).any(|b| {
            let (one, two) = (&columns[a], &columns[b]);
            let r = dot(one, two) / (dot(one, one) * dot(two, two)).sqrt();
            r.abs() > 0.99
        })
    })
}

/// The least and the most that a share may be of which `seen` was met in the counted days: but for
/// one in 10¹² cases (Chernoff and Hoeffding: n·KL(seen, true) ≤ ln 10¹²).
fn least(seen: f64) -> f64 {
    bisect(seen, 0.0)
}

fn most(seen: f64) -> f64 {
    bisect(seen, 1.0)
}

fn bisect(seen: f64, end: f64) -> f64 {
    let counted = (DAYS - CALIBRATION) as f64;
    let term = |a: f64, b: f64| if a == 0.0 { 0.0 } else { a * (a / b).ln() };
    let divergence = |p: f64| term(seen, p) + term(1.0 - seen, 1.0 - p);
    let (mut near, mut far) = (seen, end);
    for _ in 0..60 {
        let middle = f64::midpoint(near, far);
        if counted * divergence(middle) > 12.0 * core::f64::consts::LN_10 {
            far = middle;
        } else {
            near = middle;
        }
    }
    far
}

/// Days that are drawn, with the owner and without.
const DAYS: usize = 3_000;
/// Of them, those that thresholds are set by.
const CALIBRATION: usize = 400;
