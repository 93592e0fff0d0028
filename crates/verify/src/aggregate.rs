//! One private aggregate: it was paid for before it was drawn, once, at its price, and its noise
//! is what that price buys.

use messages::leaf::{AggregateBody, Mechanism, Noise, ReserveBody};
use messages::publication::Publication;

use crate::anchors::EvidenceClass;
use crate::appraisal::Grounds;
use crate::codes::{Fault, Reason};
use crate::leaves::{Leaves, Opened};
use crate::report::Stop;

pub(crate) fn check(
    grounds: &Grounds<'_>,
    log: &Leaves<'_>,
    ledger: Result<(), Fault>,
    index: u64,
) -> Result<EvidenceClass, Stop> {
    let opened = log.at(index).ok_or(Reason::LeafMissing)?;
    let Publication::Aggregate(body) = &opened.body else {
        return Err(Fault::AggregateKind.into());
    };
    ledger?;
    check_noise(body)?;
    let (reserved, reservation) = reservation(log, body)?;
    check_reservation(body, reservation)?;
    if reserved.index >= index || reservation.sequence >= body.sequence {
        return Err(Fault::ReservationOrder.into());
    }
    check_contiguous(log, body)?;
    let paid_by = grounds.boot(log, &reserved.leaf.boot)?.0;
    let class = grounds.boot(log, &opened.leaf.boot)?.0.max(paid_by);
    grounds.check_checkpoint(log)?;
    Ok(class)
}

/// Over all entries shown: numbers rise with the log, the spending of a day adds up, and nothing
/// is drawn twice.
pub(crate) fn check_ledger(log: &Leaves<'_>) -> Result<(), Fault> {
    let mut last = None;
    let mut days: Vec<&ReserveBody> = Vec::new();
    let mut draws: Vec<&AggregateBody> = Vec::new();
    for opened in log.iter() {
        let sequence = match &opened.body {
            Publication::Reserve(body) => {
                if body.debit_nano_rho > body.spent_nano_rho {
                    return Err(Fault::BudgetInconsistent);
                }
                if body.spent_nano_rho > body.cap_nano_rho {
                    return Err(Fault::BudgetExceeded);
                }
                if let Some(earlier) = days.iter_mut().find(|e| e.day == body.day) {
                    let least = earlier.spent_nano_rho.checked_add(body.debit_nano_rho);
                    if least.is_none_or(|least| least > body.spent_nano_rho)
                        || earlier.cap_nano_rho != body.cap_nano_rho
                    {
                        return Err(Fault::BudgetInconsistent);
                    }
                    *earlier = body;
                } else {
                    days.push(body);
                }
                body.sequence
            }
            Publication::Aggregate(body) => {
                let id = body.query.id();
                if draws.iter().any(|d| d.reserved == body.reserved || d.query.id() == id) {
                    return Err(Fault::SecondDraw);
                }
                draws.push(body);
                body.sequence
            }
            _ => continue,
        };
        if last.is_some_and(|last| last >= sequence) {
            return Err(Fault::SequenceRepeated);
        }
        last = Some(sequence);
    }
    Ok(())
}

fn reservation<'a>(
    log: &'a Leaves<'a>,
    body: &AggregateBody,
) -> Result<(&'a Opened<'a>, &'a ReserveBody), Reason> {
    let paid = log.iter().find_map(|opened| match &opened.body {
        Publication::Reserve(reserve) if reserve.sequence == body.reserved => {
            Some((opened, reserve))
        }
        _ => None,
    });
    paid.ok_or(Reason::ReservationMissing)
}

fn check_reservation(body: &AggregateBody, reservation: &ReserveBody) -> Result<(), Fault> {
    if reservation.query != body.query.id() {
        Err(Fault::ReservationQuery)
    } else if reservation.day != body.query.day {
        Err(Fault::ReservationDay)
    } else if reservation.debit_nano_rho != body.query.nano_rho {
        Err(Fault::ReservationDebit)
    } else {
        Ok(())
    }
}

/// Every entry between the reservation and the draw is shown: an omitted debit would be a gap.
fn check_contiguous(log: &Leaves<'_>, body: &AggregateBody) -> Result<(), Reason> {
    let between = |sequence: u64| body.reserved <= sequence && sequence <= body.sequence;
    let shown = log.iter().filter(|opened| match &opened.body {
        Publication::Aggregate(b) => between(b.sequence),
        Publication::Reserve(b) => between(b.sequence),
        _ => false,
    });
    let span = body.sequence.checked_sub(body.reserved).and_then(|d| d.checked_add(1));
    if u64::try_from(shown.count()).ok() == span { Ok(()) } else { Err(Reason::SequenceGap) }
}

/// The noise against the query's price and the bounds.
///
/// Discrete Laplace of scale b at L1 sensitivity Δ costs ε = Δ/b, so ρ = Δ²/2b²; discrete
/// Gaussian of σ at squared L2 sensitivity Δ² costs ρ = Δ²/2σ² (Canonne, Kamath, Steinke 2020).
fn check_noise(body: &AggregateBody) -> Result<(), Fault> {
    let (query, noise) = (&body.query, &body.noise);
    let mut cells: Vec<&str> = query.cells.iter().map(String::as_str).collect();
    cells.sort_unstable();
    cells.dedup();
    if cells.is_empty() || cells.len() != query.cells.len() || body.values.len() != cells.len() {
        return Err(Fault::CellsMismatch);
    }
    if noise.mechanism != query.mechanism {
        return Err(Fault::NoiseMechanism);
    }
    let (sensitivity, sessions) = (u128::from(noise.sensitivity), u128::from(noise.session_bound));
    let squared = match noise.mechanism {
        Mechanism::DiscreteLaplace => sensitivity.checked_mul(sensitivity),
        Mechanism::DiscreteGaussian => Some(sensitivity),
    };
    // What one principal's bounded day can move, by statistic: all its sessions may fall into one
    // cell, and where a session touches several cells each of them moves.
    let cells = u128::from(noise.cell_bound);
    let squares = sessions.checked_mul(sessions);
    let moved = match (query.statistic.as_str(), noise.mechanism) {
        ("sessions.count" | "violations.count", Mechanism::DiscreteLaplace) => Some(sessions),
        ("sessions.outcome", Mechanism::DiscreteGaussian) => squares,
        ("tools", Mechanism::DiscreteGaussian) => squares.and_then(|s| s.checked_mul(cells)),
        _ => return Err(Fault::StatisticUnknown),
    };
    if sessions == 0 || cells == 0 || moved != Some(sensitivity) {
        return Err(Fault::NoiseSensitivity);
    }
    if !buys(squared, noise, query.nano_rho) {
        return Err(Fault::NoiseScale);
    }
    // 95 % of a Laplace distribution lie within ln 20 = 2.99 of its scale, of a Gaussian one within
    // 1.96; one is for rounding.
    let widths = match noise.mechanism {
        Mechanism::DiscreteLaplace => 29,
        Mechanism::DiscreteGaussian => 19,
    };
    let half = u128::from(noise.half_width_95).saturating_add(1).saturating_mul(10_000);
    if half < u128::from(noise.scale_milli).saturating_mul(widths) {
        return Err(Fault::NoiseWidth);
    }
    Ok(())
}

/// Δ²/2s² ≤ ρ, with s in thousandths and ρ in billionths: Δ²·10⁶·10⁹ ≤ 2·s²·ρ.
fn buys(squared: Option<u128>, noise: &Noise, nano_rho: u64) -> bool {
    let cost = squared.and_then(|s| s.checked_mul(1_000_000_000_000_000));
    let scale = u128::from(noise.scale_milli);
    let paid = scale
        .checked_mul(scale)
        .and_then(|s| s.checked_mul(2))
        .map(|s| s.saturating_mul(u128::from(nano_rho)));
    cost.zip(paid).is_some_and(|(cost, paid)| cost <= paid)
}

#[cfg(test)]
mod tests {
    use messages::ids::Root;
    use messages::leaf::Query;
    use messages::time::{Bracket, ClockKind, UnixMillis};

    use super::*;

    fn drawn(statistic: &str, mechanism: Mechanism, noise: Noise) -> AggregateBody {
        let query = Query {
            dataset: Root([1; 32]),
            day: 1,
            statistic: statistic.into(),
            cells: vec!["a".into(), "b".into()],
            nano_rho: 6_000_000,
            mechanism,
        };
        let (earliest, latest) = (UnixMillis(0), UnixMillis(0));
        let at = Bracket { earliest, latest, clock: ClockKind::Host };
        AggregateBody { sequence: 2, reserved: 1, query, values: vec![1, 2], noise, at }
    }

    /// Noise for eight sessions at ρ = 0.006 that is just enough: 8 / √(2 · 0.006) is 73.0297.
    fn noise(mechanism: Mechanism) -> Noise {
        let laplace = mechanism == Mechanism::DiscreteLaplace;
        Noise {
            mechanism,
            scale_milli: 73_030,
            sensitivity: if laplace { 8 } else { 64 },
            half_width_95: if laplace { 211 } else { 138 },
            session_bound: 8,
            cell_bound: 1,
        }
    }

    #[test]
    fn noise_that_is_just_enough_is_enough_and_less_is_not() {
        use Mechanism::{DiscreteGaussian, DiscreteLaplace};
        for (statistic, mechanism) in [
            ("sessions.count", DiscreteLaplace),
            ("violations.count", DiscreteLaplace),
            ("sessions.outcome", DiscreteGaussian),
            ("tools", DiscreteGaussian),
        ] {
            let checked = |change: fn(&mut AggregateBody)| {
                let mut body = drawn(statistic, mechanism, noise(mechanism));
                change(&mut body);
                check_noise(&body)
            };
            assert_eq!(checked(|_| {}), Ok(()), "{statistic}");
            let scale = checked(|b| b.noise.scale_milli -= 1);
            assert_eq!(scale, Err(Fault::NoiseScale), "{statistic}");
            // 64·10¹⁵ / (2 · 73,030²) is 5,999,946.5.
            assert_eq!(checked(|b| b.query.nano_rho = 5_999_947), Ok(()), "{statistic}");
            let price = checked(|b| b.query.nano_rho = 5_999_946);
            assert_eq!(price, Err(Fault::NoiseScale), "{statistic}");
            let width = checked(|b| b.noise.half_width_95 -= 1);
            assert_eq!(width, Err(Fault::NoiseWidth), "{statistic}");
            for sensitivity in
                [checked(|b| b.noise.sensitivity -= 1), checked(|b| b.noise.sensitivity += 1)]
            {
                assert_eq!(sensitivity, Err(Fault::NoiseSensitivity), "{statistic}");
            }
            let none = checked(|b| (b.noise.session_bound, b.noise.sensitivity) = (0, 0));
            assert_eq!(none, Err(Fault::NoiseSensitivity), "{statistic}");
            let none = checked(|b| b.noise.cell_bound = 0);
            assert_eq!(none, Err(Fault::NoiseSensitivity), "{statistic}");
            let cells = checked(|b| b.noise.cell_bound = 2);
            let due = if statistic == "tools" { Err(Fault::NoiseSensitivity) } else { Ok(()) };
            assert_eq!(cells, due, "{statistic}");
            let other = match mechanism {
                DiscreteLaplace => DiscreteGaussian,
                DiscreteGaussian => DiscreteLaplace,
            };
            let unlike = check_noise(&drawn(statistic, mechanism, noise(other)));
            assert_eq!(unlike, Err(Fault::NoiseMechanism), "{statistic}");
            let foreign = check_noise(&drawn(statistic, other, noise(other)));
            assert_eq!(foreign, Err(Fault::StatisticUnknown), "{statistic}");
            for cells in [
                checked(|b| b.query.cells.clear()),
                checked(|b| b.query.cells[1] = "a".into()),
                checked(|b| b.values.push(3)),
                checked(|b| (b.query.cells, b.values) = (Vec::new(), Vec::new())),
            ] {
                assert_eq!(cells, Err(Fault::CellsMismatch), "{statistic}");
            }
        }
        // 290 · 10,000 is exactly 29 · 100,000.
        for (mechanism, statistic, width) in
            [(DiscreteLaplace, "sessions.count", 289), (DiscreteGaussian, "sessions.outcome", 189)]
        {
            let exact = Noise { scale_milli: 100_000, half_width_95: width, ..noise(mechanism) };
            assert_eq!(check_noise(&drawn(statistic, mechanism, exact)), Ok(()), "{statistic}");
        }
        let two = Noise {
            cell_bound: 2,
            sensitivity: 128,
            scale_milli: 103_280,
            half_width_95: 196,
            ..noise(DiscreteGaussian)
        };
        assert_eq!(check_noise(&drawn("tools", DiscreteGaussian, two)), Ok(()));
    }
}
