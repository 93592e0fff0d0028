//! The privacy card: what a configuration protects, in words and numbers, and the error to expect
//! before anything is released. Made from the configuration alone, so it costs nothing.

use core::fmt::Write;

use messages::ids::Root;
use messages::leaf::Unit;
use messages::toeplitz::{coefficients, half_width_95};

use crate::asked::Asked;
use crate::dataset::{Dataset, Quote};
use crate::float::{float, whole};
use crate::ledger::Refusal;
use crate::statistic::{Bounds, Statistic};

/// What a configuration says of private statistics.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How much of one owner's day is counted.
    pub bounds: Bounds,
    /// The most that a pact spends on one of its days, nano-ρ.
    pub cap_nano_rho: u64,
    /// The most that one statistic costs, nano-ρ; a pact may set less.
    pub price_nano_rho: u64,
    /// How many witnesses have to cosign a debit before noise is drawn; none with a development
    /// clock.
    pub quorum: Option<usize>,
    /// Runs it without a TEE?
    pub development: bool,
    /// How many dealers make the coins of counts; with none their noise is drawn.
    pub dealers: usize,
}

impl Terms {
    /// Every statistic at the configured price, in the order of [`Statistic::FIXED`], as far as the
    /// day goes: its noise on the first day, or why it is not released.
    #[must_use]
    pub fn board(&self) -> Vec<(Statistic, Result<Quote, Refusal>)> {
        let data = Dataset::new(Root([0; 32]), self.cap_nano_rho, self.bounds, Vec::new());
        let asked = Statistic::FIXED.map(|statistic| {
            let proven = (self.dealers > 0)
                .then(|| Asked::proven(&statistic, self.bounds, self.price_nano_rho));
            proven.flatten().unwrap_or_else(|| (statistic, self.price_nano_rho).into())
        });
        Statistic::FIXED.into_iter().zip(data.quote(0, &asked)).collect()
    }

    /// The card, in Markdown.
    #[must_use]
    pub fn card(&self) -> String {
        let Bounds { sessions, cells, horizon, unit } = self.bounds;
        let (day, price) = (epsilon(self.cap_nano_rho), epsilon(self.price_nano_rho));
        let over = |times: u32| epsilon(self.composed(times));
        let trust = match (self.development, self.quorum) {
            (true, _) => {
                "**Nobody should: this is a development monitor.** Whoever runs the machine sees all of it."
                    .to_owned()
            }
            (false, None) => {
                "The measured code in its TEE, and its host: with a development clock nobody else sees a \
                 debit before noise is drawn."
                    .to_owned()
            }
            (false, Some(quorum)) => format!(
                "The measured code in its TEE; and that of the witnesses not {quorum} work together: they \
                 cosign every debit before noise is drawn, and refuse a log that does not go on."
            ),
        };
        let mut text = String::new();
        let mut line = |name: &str, says: &str| {
            // Writing to a String cannot fail.
            let written = writeln!(text, "| {name} | {says} |");
            debug_assert!(written.is_ok());
        };
        line("Privacy card", "");
        line("---", "---");
        let (whose, counted) = match unit {
            None => (
                "all sessions of one initiating principal that end in one UTC day, under one pact",
                format!(
                    "of a unit at most {sessions} sessions are counted, chosen by chance, each"
                ),
            ),
            Some(Unit::Session) => (
                "**one session**: a principal of several on one day is protected much less",
                "every session is counted,".to_owned(),
            ),
        };
        line("Unit of privacy", whose);
        line("Neighbouring data", "one such unit more or less, whatever else there is");
        line(
            "Bounds",
            &format!(
                "{counted} in at most {cells} \
                 tools, and for sums to at most what the pact's bounds say; what lies beyond is left out of \
                 every number, and how much that is, is not told"
            ),
        );
        line(
            "Loss of a unit",
            &format!(
                "at most {} nano-ρ of zero-concentrated differential privacy for all statistics of the \
                 day together: ε = {day} at δ = 10⁻⁷; of one statistic at most {} nano-ρ: ε = {price}",
                self.cap_nano_rho, self.price_nano_rho
            ),
        );
        if day > WEAK {
            line("**Weak**", "with ε above 10 a unit is hardly protected: lower the cap");
        }
        let active = match unit {
            None => ["is active on 30 days", "on 365 days"],
            Some(Unit::Session) => ["has 30 sessions on one day", "365 sessions"],
        };
        let [thirty, year] = active;
        line(
            "Composition",
            &format!(
                "a principal who {thirty} is protected with ε = {}, {year} \
                 with ε = {}; under several pacts with the sum of theirs",
                over(30),
                over(365)
            ),
        );
        line(
            "Releases",
            &format!(
                "each ended day once, in the order of the pact, as far as the day's share goes; a running \
                 total goes on for at most {horizon} days"
            ),
        );
        line("Noise", &self.noise());
        line("Who is trusted", &trust);
        line(
            "Not protected",
            "the provider's volume; what the pact's consent lets be proven exactly; that a pact is \
             monitored; a principal who acts under several names, or whom the initiator names differently \
             each time",
        );
        text
    }

    /// What so many units of one principal cost at most, nano-ρ.
    ///
    /// Days of an owner are disjoint data, whose ρ adds up, but for running totals, which go on: there
    /// an owner's days move the stream by the sum of its columns, most for the first ones. Sessions
    /// of one day are in the same numbers, and move them together: ρ grows with the square.
    fn composed(&self, times: u32) -> u64 {
        if self.bounds.unit == Some(Unit::Session) {
            let times = u64::from(times);
            return self.cap_nano_rho.saturating_mul(times.saturating_mul(times));
        }
        let total = self.price_nano_rho.min(self.cap_nano_rho);
        let others = self.cap_nano_rho.saturating_sub(total).saturating_mul(times.into());
        let column: Vec<f64> = coefficients(self.bounds.horizon).into_iter().map(float).collect();
        let square = |of: &[f64]| of.iter().map(|c| c * c).sum::<f64>();
        let run = usize::try_from(times.min(self.bounds.horizon)).unwrap_or(usize::MAX);
        let mut sum = vec![0.0; column.len()];
        for day in 0..run {
            sum.iter_mut().skip(day).zip(&column).for_each(|(sum, c)| *sum += c);
        }
        // A total that ends begins again, with data of its own.
        let runs = times.div_ceil(self.bounds.horizon.max(1));
        let times = square(&sum) / square(&column) * f64::from(runs);
        others.saturating_add(whole((float(total) * times).ceil()))
    }

    /// Where the noise comes from, and what shows that it is honest.
    fn noise(&self) -> String {
        if self.dealers == 0 {
            return "drawn inside the monitor, and as honest as its measured code".to_owned();
        }
        let dealers = match self.dealers {
            1 => "a dealer deals once it is".to_owned(),
            n => format!("{n} dealers deal once it is; without each of them the number is lost"),
        };
        format!(
            "of single counts that of coins, as far as 32,768 of them cover what a unit moves: each number is \
             committed to first, and flipped by coins that {dealers}, and carries a proof; a monitor that works \
             with every dealer can choose it, and with probability 2⁻⁷⁰ the loss is larger than stated. Of \
             other numbers drawn inside the monitor, and as honest as its measured code"
        )
    }

    /// What noise to expect at these numbers of sessions a day, in Markdown: half the width of the
    /// interval that holds it with 95 %, and its share of all sessions.
    #[must_use]
    pub fn plan(&self, volumes: &[u64]) -> String {
        let columns: String = volumes.iter().map(|n| format!(" {n} sessions a day |")).collect();
        let rule: String = volumes.iter().map(|_| " --- |").collect();
        let mut text = format!("| Statistic | ± with 95 % |{columns}\n| --- | --- |{rule}\n");
        let mut row = |name: &str, cells: &str| {
            let written = writeln!(text, "| {name} | {cells} |");
            debug_assert!(written.is_ok());
        };
        for (statistic, quote) in self.board() {
            match quote {
                Ok(quote) => {
                    for Width { name, width, days } in self.widths(&statistic, &quote) {
                        let of = |volume: &u64| share(width, volume.saturating_mul(days));
                        let shares: Vec<String> = volumes.iter().map(of).collect();
                        row(&name, &format!("{width} | {}", shares.join(" | ")));
                    }
                }
                Err(refusal) => row(statistic.name(), &format!("not released: {refusal}")),
            }
        }
        text
    }

    /// Rows of a statistic: a running total has its first day and its last.
    fn widths(&self, statistic: &Statistic, quote: &Quote) -> Vec<Width> {
        let (name, first) = (statistic.name(), quote.noise.half_width_95);
        if quote.query.total.is_none() {
            let cells = quote.query.cells.len() > 1 || *statistic == Statistic::Tools;
            let name = if cells { format!("{name}, each cell") } else { name.to_owned() };
            return vec![Width { name, width: first, days: 1 }];
        }
        let lattice = coefficients(self.bounds.horizon);
        let last = half_width_95(quote.noise.scale_milli, &lattice, lattice.len());
        let on = |day: u32, width| Width {
            name: format!("{name} on day {day}"),
            width,
            days: day.into(),
        };
        vec![on(1, first), on(self.bounds.horizon, last)]
    }
}

/// How wide the noise of a number is that so many days go into.
struct Width {
    name: String,
    width: u64,
    days: u64,
}

/// Tenths of a per cent, rounded up.
fn share(width: u64, volume: u64) -> String {
    let tenths = u128::from(width).saturating_mul(1000).div_ceil(u128::from(volume.max(1)));
    let (whole, rest) = (tenths.div_euclid(10), tenths.rem_euclid(10));
    format!("{whole}.{rest} %")
}

/// ε at δ = 10⁻⁷ of a loss in nano-ρ, rounded up to a hundredth: the least over α > 1 of
/// αρ + (ln(1/δ) + (α − 1)·ln(1 − 1/α) − ln α)/(α − 1) (Canonne, Kamath and Steinke 2020,
/// proposition 12).
#[must_use]
pub fn epsilon(nano_rho: u64) -> f64 {
    let rho = float(nano_rho) * 1e-9;
    let at = |x: f64| {
        let (over, order) = (x.exp(), 1.0 + x.exp());
        let log_delta = 7.0 * core::f64::consts::LN_10;
        order * rho + (log_delta + over * (over / order).ln() - order.ln()) / over
    };
    // In ln(α − 1) it falls and then rises.
    let (mut low, mut high) = (-20.0_f64, 20.0_f64);
    for _ in 0..200 {
        let third = (high - low) / 3.0;
        let (left, right) = (low + third, high - third);
        if at(left) < at(right) {
            high = right;
        } else {
            low = left;
        }
    }
    (at(f64::midpoint(low, high)).max(0.0) * 100.0).ceil() / 100.0
}

/// ε of a day beyond which the card warns.
const WEAK: f64 = 10.0;

#[cfg(test)]
mod tests;
