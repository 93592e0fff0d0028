//! Bounds, stability under neighbours, and fairness of the samples.
#![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

use messages::leaf::Mechanism;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use static_assertions::assert_not_impl_any;

use super::*;
use crate::statistic::Percent;

assert_not_impl_any!(Contributions: std::fmt::Debug, Clone, PartialEq);
assert_not_impl_any!(Contribution: std::fmt::Debug, Clone, PartialEq);

const TOOLS: u8 = 6;

fn tool(n: u8) -> String {
    format!("tool-{n}")
}

fn did(n: u8) -> Did {
    Did::parse(&format!("did:web:owner-{n}.example")).unwrap()
}

fn empty(bounds: Bounds) -> Contributions {
    Contributions::new(bounds, (0..TOOLS).map(tool).collect())
}

/// One session: owner, day, outcome, tools (two of them not in the pact).
type Row = (u8, u64, u8, BTreeSet<u8>);

fn row() -> impl Strategy<Value = Row> {
    (0..4_u8, 0..2_u64, 0..4_u8, btree_set(0..TOOLS + 2, 0..7))
}

/// Every statistic, and a sum.
fn every() -> impl Iterator<Item = Statistic> {
    Statistic::FIXED.into_iter().chain([Statistic::Sum { counter: "spent".into(), clamp: 5 }])
}

/// Every owner samples with a generator of their own, as independent samples do.
fn counted(rows: &[Row], bounds: Bounds) -> Contributions {
    let mut seen = empty(bounds);
    let mut rngs: Vec<_> = (0..4).map(|n| ChaCha20Rng::from_seed([n; 32])).collect();
    for (owner, day, outcome, tools) in rows {
        let outcome = OutcomeCell::ALL[usize::from(*outcome)];
        let answered = u64::from(*owner) + tools.len() as u64;
        let session = Contribution::new(outcome, tools.iter().copied().map(tool))
            .with_sums([("spent".to_owned(), 3 * answered)])
            .with_latencies(vec![answered, 0, 1]);
        seen.add(&did(*owner), *day, session, &mut rngs[usize::from(*owner)]);
    }
    seen
}

proptest! {
    #[test]
    fn one_owners_day_moves_no_statistic_beyond_its_sensitivity(
        rows in vec(row(), 0..60), owner in 0..4_u8, day in 0..2_u64,
        sessions in 1..5_u32, cells in 1..4_u32,
    ) {
        let bounds = Bounds { sessions, cells, horizon: 30, unit: None };
        let today: Vec<Row> = rows.into_iter().filter(|r| r.1 == day).collect();
        let others: Vec<Row> = today.iter().filter(|r| r.0 != owner).cloned().collect();
        let (with, without) = (counted(&today, bounds), counted(&others, bounds));
        for statistic in every() {
            let pairs = with.count(&statistic, day).into_iter().zip(without.count(&statistic, day));
            let moved: Vec<u64> = pairs.map(|(a, b)| a.abs_diff(b)).collect();
            let squares = moved.iter().map(|m| m * m).sum();
            let (distance, claimed) = match statistic.mechanism() {
                Mechanism::Binomial | Mechanism::DiscreteLaplace => (moved.iter().sum(), statistic.sensitivity(bounds)),
                Mechanism::DiscreteGaussian => (squares, statistic.sensitivity(bounds)),
                Mechanism::Exponential => {
                    (moved.iter().copied().max().unwrap_or(0), statistic.sensitivity(bounds))
                }
                // One count a day: the lattice's own tests carry it on.
                Mechanism::SqrtToeplitz => (moved.iter().sum(), Some(u64::from(sessions))),
            };
            prop_assert!(Some(distance) <= claimed, "{statistic:?} {moved:?}");
        }
    }

    #[test]
    fn a_session_counts_on_its_day_only(rows in vec(row(), 0..40)) {
        let seen = counted(&rows, Bounds { sessions: 64, cells: 8, horizon: 30, unit: None });
        for day in 0..3 {
            let expected = rows.iter().filter(|r| r.1 == day).count();
            let counts = seen.count(&Statistic::SessionsCount, day);
            prop_assert_eq!(counts, [i64::try_from(expected).unwrap()]);
            let outcomes: i64 = seen.count(&Statistic::SessionsOutcome, day).iter().sum();
            prop_assert_eq!(outcomes, i64::try_from(expected).unwrap());
        }
    }
}

#[test]
fn sensitivities_are_attained() {
    let bounds = Bounds { sessions: 3, cells: 2, horizon: 30, unit: None };
    let all = (0, 0, 1, BTreeSet::from([0, 1]));
    let seen = counted(&[all.clone(), all.clone(), all.clone(), all], bounds);
    for statistic in every() {
        let counts = seen.count(&statistic, 0);
        let reached: i64 = match statistic.mechanism() {
            Mechanism::Binomial | Mechanism::DiscreteLaplace => counts.iter().sum(),
            Mechanism::DiscreteGaussian => counts.iter().map(|c| c * c).sum(),
            // All three within the first edge, or all above the last one.
            Mechanism::Exponential | Mechanism::SqrtToeplitz => continue,
        };
        if statistic == Statistic::Latency {
            // By chance not all three lie in one bucket.
            assert_eq!(counts.iter().sum::<i64>(), 3);
            continue;
        }
        assert_eq!(u64::try_from(reached).ok(), statistic.sensitivity(bounds), "{statistic:?}");
    }
}

#[test]
fn tools_that_the_pact_does_not_name_share_one_cell() {
    let seen = counted(
        &[(0, 0, 0, BTreeSet::from([0, 6, 7]))],
        Bounds { sessions: 1, cells: 8, horizon: 30, unit: None },
    );
    assert_eq!(seen.count(&Statistic::Tools, 0), [1, 0, 0, 0, 0, 0, 1]);
}

#[test]
fn an_interaction_called_other_is_the_cell_other() {
    let mut seen = Contributions::new(
        Bounds { sessions: 1, cells: 8, horizon: 30, unit: None },
        vec!["other".into(), "a".into()],
    );
    let mut rng = ChaCha20Rng::from_seed([0; 32]);
    let session = Contribution::new(OutcomeCell::Clean, ["other".into(), "b".into()]);
    seen.add(&did(0), 0, session, &mut rng);
    assert_eq!(seen.cells(&Statistic::Tools), ["a", "other"]);
    assert_eq!(seen.count(&Statistic::Tools, 0), [0, 1]);
}

#[test]
fn violations_are_sessions_that_a_rule_stopped() {
    let rows: Vec<Row> = (0..4).map(|outcome| (outcome, 0, outcome, BTreeSet::new())).collect();
    let seen = counted(&rows, Bounds { sessions: 8, cells: 1, horizon: 30, unit: None });
    assert_eq!(seen.count(&Statistic::ViolationsCount, 0), [2]);
    assert_eq!(seen.count(&Statistic::SessionsOutcome, 0), [1, 1, 1, 1]);
}

#[test]
fn every_session_of_a_full_day_is_kept_equally_often() {
    // 20 sessions, of which 4 are kept; session n alone uses tool n modulo the tools.
    let (sessions, kept, runs) = (20_u8, 4_u32, 3000);
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let names: Vec<String> = (0..sessions).map(tool).collect();
    let mut hits = vec![0_i64; usize::from(sessions)];
    for _ in 0..runs {
        let mut seen = Contributions::new(
            Bounds { sessions: kept, cells: 1, horizon: 30, unit: None },
            names.clone(),
        );
        for n in 0..sessions {
            seen.add(&did(0), 0, Contribution::new(OutcomeCell::Clean, [tool(n)]), &mut rng);
        }
        let counts = seen.count(&Statistic::Tools, 0);
        hits.iter_mut().zip(counts).for_each(|(hit, count)| *hit += count);
    }
    // Binomial(3000, 1/5): mean 600, standard deviation 21.9; six of them.
    assert!(hits.iter().all(|hit| (hit - 600).abs() < 132), "{hits:?}");
}

#[test]
fn every_tool_of_a_crowded_session_is_kept_equally_often() {
    let mut rng = ChaCha20Rng::from_seed([4; 32]);
    let mut hits = vec![0_i64; usize::from(TOOLS) + 1];
    for _ in 0..3000 {
        let mut seen = empty(Bounds { sessions: 1, cells: 2, horizon: 30, unit: None });
        let session = Contribution::new(OutcomeCell::Clean, (0..TOOLS).map(tool));
        seen.add(&did(0), 0, session, &mut rng);
        let counts = seen.count(&Statistic::Tools, 0);
        assert_eq!(counts.iter().sum::<i64>(), 2);
        hits.iter_mut().zip(counts).for_each(|(hit, count)| *hit += count);
    }
    // Binomial(3000, 1/3): mean 1000, standard deviation 25.8.
    assert!(hits[..6].iter().all(|hit| (hit - 1000).abs() < 155), "{hits:?}");
    assert_eq!(hits[6], 0);
}

#[test]
fn uniform_draws_stay_below_their_bound() {
    let mut rng = ChaCha20Rng::from_seed([5; 32]);
    for bound in [1, 2, 3, 5, u64::MAX / 2 + 2, u64::MAX] {
        assert!((0..50).all(|_| below(bound, &mut rng) < bound), "{bound}");
    }
    assert_eq!(below(0, &mut rng), 0);
}

#[test]
fn forgotten_days_are_empty() {
    let mut seen = counted(
        &[(0, 0, 0, BTreeSet::new()), (0, 1, 0, BTreeSet::new())],
        Bounds { sessions: 1, cells: 1, horizon: 30, unit: None },
    );
    seen.forget_before(1);
    assert_eq!(seen.count(&Statistic::SessionsCount, 0), [0]);
    assert_eq!(seen.count(&Statistic::SessionsCount, 1), [1]);
}

proptest! {
    #[test]
    fn a_recovered_sample_continues_exactly(
        before in vec(row(), 0..40), after in vec(row(), 0..40), forgotten in 0..2_u64,
        sessions in 1..5_u32, cells in 1..4_u32,
    ) {
        let mut seen = counted(&before, Bounds { sessions, cells, horizon: 30, unit: None });
        seen.forget_before(forgotten);
        let bytes = minicbor::to_vec(&seen).unwrap();
        let mut again: Contributions = minicbor::decode(&bytes).unwrap();
        for (place, (owner, day, outcome, tools)) in after.into_iter().enumerate() {
            let outcome = OutcomeCell::ALL[usize::from(outcome)];
            let names: Vec<String> = tools.into_iter().map(tool).collect();
            for side in [&mut seen, &mut again] {
                let mut rng = ChaCha20Rng::seed_from_u64(place as u64);
                side.add(&did(owner), day, Contribution::new(outcome, names.clone()), &mut rng);
            }
        }
        prop_assert_eq!(minicbor::to_vec(&seen).unwrap(), minicbor::to_vec(&again).unwrap());
        for statistic in every() {
            prop_assert_eq!(seen.count(&statistic, 1), again.count(&statistic, 1));
        }
    }

    #[test]
    fn any_bytes_are_samples_or_none(
        noise in vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), to in any::<u8>(),
    ) {
        drop(minicbor::decode::<Contributions>(&noise));
        let row = (0, 0, 1, BTreeSet::from([0, 1, 2]));
        let mut bytes =
            minicbor::to_vec(counted(&[row.clone(), row], Bounds { sessions: 2, cells: 2, horizon: 30, unit: None })).unwrap();
        *at.get_mut(&mut bytes) = to;
        if let Ok(read) = minicbor::decode::<Contributions>(&bytes) {
            prop_assert!(read.is_bounded());
        }
    }
}

#[test]
fn a_sample_past_its_bounds_is_not_read() {
    let row = || (0, 0, 0, BTreeSet::from([0, 1]));
    let kept = |bounds| {
        let mut seen =
            counted(&[row(), row()], Bounds { sessions: 2, cells: 2, horizon: 30, unit: None });
        seen.bounds = bounds;
        minicbor::decode::<Contributions>(&minicbor::to_vec(&seen).unwrap()).is_ok()
    };
    assert!(kept(Bounds { sessions: 2, cells: 2, horizon: 30, unit: None }));
    assert!(!kept(Bounds { sessions: 1, cells: 2, horizon: 30, unit: None }));
    assert!(!kept(Bounds { sessions: 2, cells: 1, horizon: 30, unit: None }));
}

#[test]
fn a_forgotten_day_does_not_begin_anew() {
    let mut seen = empty(Bounds { sessions: 1, cells: 1, horizon: 30, unit: None });
    seen.forget_before(5);
    seen.forget_before(3);
    let mut rng = ChaCha20Rng::from_seed([0; 32]);
    for day in [4, 5] {
        seen.add(&did(0), day, Contribution::new(OutcomeCell::Clean, []), &mut rng);
    }
    assert_eq!(seen.count(&Statistic::SessionsCount, 4), [0]);
    assert_eq!(seen.count(&Statistic::SessionsCount, 5), [1]);
}

#[test]
fn a_revision_appends_cells_and_moves_no_count() {
    let tools = |names: &[u8]| names.iter().copied().map(tool).collect::<Vec<_>>();
    let mut seen = Contributions::new(
        Bounds { sessions: 4, cells: 4, horizon: 30, unit: None },
        tools(&[0, 1]),
    );
    let mut rng = ChaCha20Rng::from_seed([7; 32]);
    let mut add = |seen: &mut Contributions, names: &[u8]| {
        let session = Contribution::new(OutcomeCell::Clean, tools(names));
        seen.add(&did(0), 3, session, &mut rng);
    };
    add(&mut seen, &[1, 2]);
    assert_eq!(seen.count(&Statistic::Tools, 3), [0, 1, 1]);
    seen.append(tools(&[0, 1, 2, 3]));
    // What was another one then is another one still.
    assert_eq!(seen.count(&Statistic::Tools, 3), [0, 1, 0, 0, 1]);
    add(&mut seen, &[2, 9]);
    assert_eq!(seen.count(&Statistic::Tools, 3), [0, 1, 1, 0, 2]);
}

#[test]
fn a_sum_counts_a_session_up_to_its_clamp() {
    let mut seen = empty(Bounds { sessions: 8, cells: 1, horizon: 30, unit: None });
    let mut rng = ChaCha20Rng::from_seed([0; 32]);
    for spent in [0, 3, 5, 6, u64::MAX] {
        let session = Contribution::new(OutcomeCell::Clean, []);
        seen.add(&did(0), 0, session.with_sums([("spent".to_owned(), spent)]), &mut rng);
    }
    let sum =
        |counter: &str, clamp| seen.count(&Statistic::Sum { counter: counter.into(), clamp }, 0);
    assert_eq!((sum("spent", 5), sum("spent", 1), sum("other", 5)), (vec![18], vec![4], vec![0]));
}

#[test]
fn a_session_is_in_the_bucket_of_one_of_its_calls_by_chance() {
    let mut rng = ChaCha20Rng::from_seed([5; 32]);
    assert_eq!(one_of(&[], &mut rng), None);
    assert_eq!(one_of(&[0, 0], &mut rng), None);
    let mut hits = [0_u32; 4];
    for _ in 0..4000 {
        hits[usize::from(one_of(&[0, 1, 0, 3], &mut rng).unwrap())] += 1;
    }
    // 1000 and 3000; seven deviations are 192.
    assert!(hits[0] == 0 && hits[2] == 0 && hits[1].abs_diff(1000) < 192, "{hits:?}");
    let mut seen = empty(Bounds { sessions: 8, cells: 1, horizon: 30, unit: None });
    for latencies in [vec![0, 2], vec![0, 0, 0, 0, 0, 0, 0, 1], Vec::new()] {
        let session = Contribution::new(OutcomeCell::Clean, []);
        seen.add(&did(0), 0, session.with_latencies(latencies), &mut rng);
    }
    assert_eq!(seen.count(&Statistic::Latency, 0), [0, 1, 0, 0, 0, 0, 0, 1]);
    assert_eq!(seen.cells(&Statistic::Latency)[..2], ["50", "100"]);
    assert_eq!(seen.cells(&Statistic::Latency).last().unwrap(), "over");
}

/// Where a session is a unit of its own, all sessions of an owner are counted, and one moves each
/// statistic by what its noise is for.
#[test]
fn every_session_is_counted_where_each_is_a_unit() {
    let bounds = Bounds { sessions: 1, cells: 2, horizon: 30, unit: Some(Unit::Session) };
    assert!(bounds.are_sound());
    assert!(!Bounds { sessions: 2, ..bounds }.are_sound());
    let rows: Vec<Row> = vec![(0, 3, 0, BTreeSet::from([0])); 40];
    let (all, fewer) = (counted(&rows, bounds), counted(&rows[1..], bounds));
    let counts = |s: &Statistic| s.mechanism() != Mechanism::Exponential;
    for statistic in Statistic::FIXED.into_iter().filter(counts) {
        let [all, fewer] = [&all, &fewer].map(|of| of.count(&statistic, 3));
        let moved: i64 = all.iter().zip(&fewer).map(|(a, b)| a - b).sum();
        let counts = match statistic {
            Statistic::ViolationsCount => 0,
            _ => 1,
        };
        assert_eq!((moved, all.iter().sum::<i64>()), (counts, 40 * counts), "{statistic:?}");
    }
    let read: Contributions = minicbor::decode(&minicbor::to_vec(&all).unwrap()).unwrap();
    assert_eq!(read.count(&Statistic::SessionsCount, 3), [40]);
}

/// Where all lie in one bucket, no empty one is as good.
#[test]
fn the_first_edge_that_holds_all_is_the_best_one() {
    let bounds = Bounds { sessions: 100, cells: 1, horizon: 30, unit: None };
    for bucket in 0..8 {
        let mut seen = empty(bounds);
        let mut latencies = vec![0; 8];
        latencies[bucket] = 1;
        for _ in 0..100 {
            let session =
                Contribution::new(OutcomeCell::Clean, []).with_latencies(latencies.clone());
            seen.add(&did(0), 3, session, &mut ChaCha20Rng::from_seed([0; 32]));
        }
        for percent in [Percent::P50, Percent::P95, Percent::P99] {
            let scores = seen.count(&Statistic::LatencyQuantile(percent), 3);
            let best: Vec<usize> = (0..7).filter(|at| scores[*at] == 0).collect();
            assert_eq!(best, [bucket.min(6)], "{percent:?} {scores:?}");
        }
    }
}

#[test]
fn the_score_of_a_quantile_is_how_far_its_rank_is_off() {
    let bounds = Bounds { sessions: 100, cells: 1, horizon: 30, unit: None };
    let mut seen = empty(bounds);
    let mut rng = ChaCha20Rng::from_seed([0; 32]);
    // Of 20 sessions 12 lie within the first edge, 6 within the second, 2 above all.
    for (bucket, count) in [(0, 12), (1, 6), (7, 2)] {
        for _ in 0..count {
            let mut latencies = vec![0; 8];
            latencies[bucket] = 3;
            let session = Contribution::new(OutcomeCell::Clean, []).with_latencies(latencies);
            seen.add(&did(0), 3, session, &mut rng);
        }
    }
    let scores = |percent| seen.count(&Statistic::LatencyQuantile(percent), 3);
    // The half lies within the first edge; within it lie 100·12 - 50·20 too many for the second,
    // and within the second 100·18 - 50·20 for those after it.
    assert_eq!(scores(Percent::P50), [0, 200, 800, 800, 800, 800, 800]);
    // 95·20 - 100·12 and 95·20 - 100·18 too few; what is above all edges is told as the last.
    assert_eq!(scores(Percent::P95), [700, 100, 100, 100, 100, 100, 0]);
    let none = seen.count(&Statistic::LatencyQuantile(Percent::P99), 4);
    assert_eq!(none, [0; 7], "without sessions every edge is as good");
}
