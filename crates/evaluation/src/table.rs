//! The table that a person reads.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use crate::planted::Planted;
use crate::score::{Adapted, Counts, Score, pooled};

/// One line a suite and set of rules, then the pool of recorded attacked suites by halves.
pub(crate) fn text(scores: &[Score]) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header([
        "suite",
        "rules",
        "stopped",
        "",
        "touched",
        "",
        "failed touched",
        "denials",
        "escalations",
    ]);
    for score in scores {
        let place = format!("{} ({})", score.suite, score.source);
        row(&mut table, &place, score.rules.name(), score.both());
    }
    for (rules, [first, second]) in pooled(scores) {
        row(&mut table, "recorded, attacked: all", rules.name(), first.plus(second));
        row(&mut table, "  first half of tasks", rules.name(), first);
        row(&mut table, "  second half of tasks", rules.name(), second);
    }
    for column in 2..9 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// One line a suite and variant.
pub(crate) fn adapted(lines: &[Adapted]) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header(["suite", "the injected value", "stopped", "", "without signals", ""]);
    for Adapted { source, suite, variant, with, without } in lines {
        table.add_row([
            format!("{suite} ({source})"),
            variant.name().to_owned(),
            format!("{}/{}", with.0, with.1),
            share(with.0, with.1),
            format!("{}/{}", without.0, without.1),
            share(without.0, without.1),
        ]);
    }
    table.to_string()
}

/// One line a setting of planted bursts.
pub(crate) fn planted(lines: &[Planted]) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header([
        "planted burst",
        "unusual from",
        "told",
        "",
        "false alarms in quiet minutes",
        "",
    ]);
    for line in lines {
        table.add_row([
            format!("{} times the day's rate", line.burst),
            format!("{} times the mean", line.factor),
            format!("{}/{}", line.told, line.planted),
            share(line.told, line.planted),
            format!("{}/{}", line.false_alarms, line.quiet),
            share(line.false_alarms, line.quiet),
        ]);
    }
    table.to_string()
}

fn row(table: &mut Table, place: &str, rules: &str, counts: Counts) {
    table.add_row([
        place.to_owned(),
        rules.to_owned(),
        format!("{}/{}", counts.stopped, counts.attacks),
        share(counts.stopped, counts.attacks),
        format!("{}/{}", counts.touched, counts.useful),
        share(counts.touched, counts.useful),
        format!("{}/{}", counts.failed_touched, counts.failed),
        counts.denials.to_string(),
        counts.escalations.to_string(),
    ]);
}

/// A share in per cent with one decimal, exactly rounded down; nothing of nothing.
fn share(part: u64, whole: u64) -> String {
    let tenths = part.saturating_mul(1000).checked_div(whole);
    tenths.map_or_else(String::new, |t| format!("{}.{} %", t / 10, t % 10))
}
