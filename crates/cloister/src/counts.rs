//! `cloister counts`: the private counts of one day, as far as the pact's consent lists them.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use comfy_table::{Table, presets};
use messages::codec::Wire;
use messages::did::Did;
use messages::domain;
use messages::ids::PactHash;
use messages::leaf::{AggregateBody, Kind};
use messages::reply::{Reply, Request, Statistic};
use messages::signature::SigningKey;
use pact::Compiled;

use crate::bundle::Draft;
use crate::claim::compiled;
use crate::client::Client;
use crate::fault::{Fault, write};
use crate::overseer::Access;
use crate::{anchors, output, pacts};

#[derive(Args)]
#[command(
    after_help = "Example:\n  cloister counts --pact bank.pact.json --day 2026-11-26 --monitor https://127.0.0.1:8443 \\\n    --anchors anchors.toml --key auditor.key --out counts.cbor\n  cloister verify counts.cbor --anchors anchors.toml\n\nA day is released once, after it has ended; reading it again costs nothing."
)]
pub(crate) struct Arguments {
    /// The pact that the monitor watches.
    #[arg(long)]
    pact: PathBuf,
    /// The day, in UTC; yesterday by default.
    #[arg(long)]
    day: Option<jiff::civil::Date>,
    #[command(flatten)]
    access: Access,
    /// Where to write a bundle with the numbers and what was paid for them.
    #[arg(long)]
    out: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let signed = pacts::open(&arguments.pact)?;
    let compiled = compiled(signed.pact())?;
    let today = anchors::now().day();
    let day = match arguments.day {
        None => Some(today.saturating_sub(1)),
        Some(date) => since_1970(date),
    };
    let day = day.ok_or_else(|| {
        Fault::new("day-before-1970", "--day lies before 1970", "give a day of the pact's life")
    })?;
    let (mut client, key) = arguments.access.open()?;
    let mut bundle = Draft::default();
    let asked = (signed.pact().hash(), &compiled);
    let rows = ask(asked, day, &key, &mut client, &mut bundle)?;
    print(&rows);
    let Some(out) = &arguments.out else { return Ok(ExitCode::SUCCESS) };
    if rows.iter().all(|row| row.refused) {
        return Err(Fault::new(
            "counts-none",
            "nothing was released of that day, so there is no bundle",
            "see the reasons above",
        ));
    }
    write(out, &bundle.finish(&mut client)?)?;
    output::line(format!("wrote {}", out.display()));
    Ok(ExitCode::SUCCESS)
}

/// Days from 1970-01-01 to a date; none before.
pub(crate) fn since_1970(date: jiff::civil::Date) -> Option<u64> {
    let epoch = jiff::civil::date(1970, 1, 1);
    let days = date.duration_since(epoch).as_secs().checked_div(DAY_SECONDS)?;
    u64::try_from(days).ok()
}

/// One cell of one statistic.
pub(crate) struct Row {
    name: String,
    value: String,
    noise: String,
    refused: bool,
}

/// Asks for every statistic that the consent lists; what is released is in the bundle, too.
pub(crate) fn ask(
    (pact, compiled): (PactHash, &Compiled),
    day: u64,
    key: &SigningKey,
    client: &mut Client,
    bundle: &mut Draft,
) -> Result<Vec<Row>, Fault> {
    let mut rows = Vec::new();
    for statistic in compiled.statistics() {
        match client.ask(&request((pact, statistic, day), key)) {
            Ok(reply) => {
                rows.extend(read(&reply));
                bundle.add(reply)?;
            }
            Err(fault) => rows.push(Row {
                name: statistic.clone(),
                value: "none".into(),
                noise: fault.code,
                refused: true,
            }),
        }
    }
    Ok(rows)
}

fn request((pact, statistic, day): (PactHash, &str, u64), key: &SigningKey) -> Request {
    let query = Statistic { pact, statistic: statistic.to_owned(), day };
    let signature = key.sign(domain::STATISTIC_REQUEST, &query.to_cbor());
    Request::Release { query, requester: Did::from_key(&key.public()), signature }
}

/// Waits until everything that the consent lists is told of a day, or lost.
pub(crate) fn wait(
    (pact, compiled): (PactHash, &Compiled),
    day: u64,
    key: &SigningKey,
    client: &mut Client,
) -> Result<(), Fault> {
    for statistic in compiled.statistics() {
        let request = request((pact, statistic, day), key);
        for _ in 0..PATIENCE {
            match client.ask(&request) {
                Err(fault) if fault.code == "release-not-yet" => std::thread::sleep(MOMENT),
                _ => break,
            }
        }
    }
    Ok(())
}

/// Rows of a release: one a cell. What was paid for with it comes before it.
fn read(reply: &Reply) -> Vec<Row> {
    let Reply::Released { leaves } = reply else { return Vec::new() };
    let aggregate = leaves.last().filter(|leaf| leaf.leaf.kind == Kind::Aggregate);
    let body = aggregate.and_then(|leaf| AggregateBody::from_cbor(&leaf.body).ok());
    let cells = body.into_iter().flat_map(|body| {
        let (name, width) = (body.query.statistic, body.noise.half_width_95);
        let cells = body.query.cells.into_iter().zip(body.values);
        cells.map(move |(cell, value)| Row {
            name: if cell == name { name.clone() } else { format!("{name}: {cell}") },
            value: value.to_string(),
            noise: format!("± {width}"),
            refused: false,
        })
    });
    cells.collect()
}

pub(crate) fn print(rows: &[Row]) {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY);
    table.set_header(["private aggregate", "noisy value", "noise, 95 %"]);
    for row in rows {
        table.add_row([&row.name, &row.value, &row.noise]);
    }
    for line in table.to_string().lines() {
        output::line(format!("   {line}"));
    }
}

const DAY_SECONDS: i64 = 86_400;

/// How often it is asked whether a number is told, and how long is waited in between.
const PATIENCE: usize = 600;
const MOMENT: std::time::Duration = std::time::Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::since_1970;

    #[test]
    fn days_are_counted_from_1970() {
        let day = |year, month, day| since_1970(jiff::civil::date(year, month, day));
        assert_eq!((day(1970, 1, 1), day(1970, 1, 2)), (Some(0), Some(1)));
        assert_eq!(day(2026, 12, 1), Some(20_788));
        assert_eq!(day(1969, 12, 31), None);
    }
}
