//! Mechanisms that each have one fault that somebody once shipped, or might.

use cloister_release::Statistic;

use super::Subject;
use super::audit::{Finding, Loss};
use super::ours::{
    HORIZON, NANO_RHO, PURE, TOOLS, ZCDP, answer, daily_answers, data, fill, per_tool,
};

/// Each with what is found.
pub(crate) fn subjects() -> Vec<(Subject, Finding)> {
    let count = || (PURE, vec![1.0]);
    let tools = || (ZCDP, per_tool(1));
    let tells = |name, claim, run: Run| (subject(name, claim, run), Finding::Tells);
    vec![
        tells("half of the noise", count(), |present, days| {
            daily_answers(&Statistic::SessionsCount, present, days, 4 * NANO_RHO)
        }),
        tells("noise for one session where several count", count(), |present, days| {
            daily_answers(&Statistic::SessionsCount, present, days, 64 * NANO_RHO)
        }),
        tells("noise for one cell where a session has several", tools(), |present, days| {
            daily_answers(&Statistic::Tools, present, days, 4 * NANO_RHO)
        }),
        tells("no bound on an owner's sessions", count(), |present, days| {
            shifted(&Statistic::SessionsCount, present, days, 24)
        }),
        tells("no bound on a session's cells", (ZCDP, per_tool(4)), |present, days| {
            // Four times as many tools, and the noise of a quarter of them.
            let quarters =
                [(); 4].map(|()| daily_answers(&Statistic::Tools, present, days, NANO_RHO));
            joined(&quarters)
        }),
        tells("cells without a session without noise", tools(), |present, days| {
            let mut answers = daily_answers(&Statistic::Tools, present, days, NANO_RHO);
            if !present {
                answers.iter_mut().for_each(|answer| answer[..TOOLS].fill(0));
            }
            answers
        }),
        tells("noise in the first cell only", tools(), |present, days| {
            let mut answers = daily_answers(&Statistic::Tools, present, days, NANO_RHO);
            for answer in &mut answers {
                answer[1..TOOLS].fill(if present { 8 } else { 0 });
            }
            answers
        }),
        tells("an answer only where there is something to say", count(), |present, days| {
            let mut answers = daily_answers(&Statistic::SessionsOutcome, present, days, NANO_RHO);
            if !present {
                answers.iter_mut().for_each(Vec::clear);
            }
            answers
        }),
        tells("an answer drawn again and again", (PURE, vec![1.0; 4]), |present, days| {
            let draws =
                [(); 4].map(|()| daily_answers(&Statistic::SessionsCount, present, days, NANO_RHO));
            joined(&draws)
        }),
        tells(
            "totals with fresh noise, a day paid once",
            (PURE, vec![1.0; 8]),
            |present, rounds| {
                let totals = [(); HORIZON as usize]
                    .map(|()| daily_answers(&Statistic::SessionsCount, present, rounds, NANO_RHO));
                joined(&totals)
            },
        ),
        (
            subject("one draw for all cells", tools(), |present, days| {
                let mut answers = daily_answers(&Statistic::Tools, present, days, NANO_RHO);
                for answer in &mut answers {
                    let noise = answer[TOOLS] - 3;
                    let count = if present { 8 } else { 0 };
                    answer[..TOOLS].fill(count + noise);
                }
                answers
            }),
            Finding::Repeats,
        ),
        (
            subject("one draw for two statistics", (PURE, vec![1.0, 0.0]), |present, days| {
                let answers = daily_answers(&Statistic::SessionsCount, present, days, NANO_RHO);
                answers.into_iter().map(|answer| [&answer[..], &answer[..]].concat()).collect()
            }),
            Finding::Repeats,
        ),
    ]
}

/// Sound mechanisms whose answers somebody has worked over.
pub(crate) fn post_processed() -> Vec<Subject> {
    vec![
        subject("never negative", (PURE, vec![1.0]), |present, days| {
            let mut answers = daily_answers(&Statistic::SessionsCount, present, days, NANO_RHO);
            answers.iter_mut().flatten().for_each(|value| *value = (*value).max(0));
            answers
        }),
        subject("below the noise it is nothing", (ZCDP, per_tool(1)), |present, days| {
            let mut answers = daily_answers(&Statistic::Tools, present, days, NANO_RHO);
            answers.iter_mut().flatten().for_each(|value| {
                if value.abs() < 12 {
                    *value = 0;
                }
            });
            answers
        }),
        subject(
            "the day's statistics, each paid for",
            (ZCDP, vec![1.0, 0.0, 1.0, 0.0, 0.0]),
            |present, days| {
                let mut data = data();
                let asked = [
                    (Statistic::SessionsCount, NANO_RHO / 2),
                    (Statistic::SessionsOutcome, NANO_RHO / 2),
                ];
                let day = |day| {
                    fill(&mut data, day, present);
                    answer(&mut data, day, &asked).concat()
                };
                (0..u64::try_from(days).unwrap()).map(day).collect()
            },
        ),
    ]
}

/// All of these answers of a day as one.
fn joined(answers: &[Vec<Vec<i64>>]) -> Vec<Vec<i64>> {
    let day = |day: usize| answers.iter().flat_map(|answers| answers[day].clone()).collect();
    (0..answers[0].len()).map(day).collect()
}

type Run = fn(bool, usize) -> Vec<Vec<i64>>;

fn subject(name: &'static str, (loss, direction): (Loss, Vec<f64>), run: Run) -> Subject {
    Subject { name, loss, direction, run: Box::new(run) }
}

/// Answers in which so many of the owner's sessions count beside those that may.
fn shifted(statistic: &Statistic, present: bool, days: usize, more: i64) -> Vec<Vec<i64>> {
    let mut answers = daily_answers(statistic, present, days, NANO_RHO);
    if present {
        answers.iter_mut().flatten().for_each(|value| *value += more);
    }
    answers
}
