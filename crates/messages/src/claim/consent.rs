//! Consent: the entries of a pact's Merkle tree, each a claim that may leave.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use super::Predicate;
use crate::codec::Wire;
use crate::did::Did;
use crate::ids::ProgramId;
use crate::time::{Bracket, Millis, UnixMillis};

/// One entry of a pact's consent: a claim that may leave, with which thresholds, to whom, over
/// which calendar ranges.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ConsentEntry {
    /// Name in the pact.
    #[n(1)]
    pub id: String,
    /// The statement without its thresholds.
    #[n(2)]
    pub program: ProgramId,
    /// The thresholds that may be stated, strictly increasing: between two of them nothing can be
    /// learnt, however often one asks.
    #[n(3)]
    pub grid: Vec<Vec<u64>>,
    /// Who may receive it; empty means anyone.
    #[n(4)]
    pub audience: Vec<Did>,
    /// A range starts and ends on boundaries of this; none means any range.
    #[n(5)]
    pub per: Option<Calendar>,
    /// Keeps unopened entries from being guessed.
    #[n(6)]
    #[cbor(with = "minicbor::bytes")]
    pub salt: [u8; 32],
}

impl ConsentEntry {
    /// Most thresholds of one entry.
    pub const MAX_GRID: usize = 64;

    /// Does it list this statement with these thresholds?
    #[must_use]
    pub fn lists(&self, predicate: &Predicate) -> bool {
        self.program == predicate.program_id() && self.grid.contains(&predicate.thresholds())
    }
}

impl Wire for ConsentEntry {
    const MAX_BYTES: usize = 16 * 1024;
}

/// Where ranges may begin and end, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Calendar {
    /// At whole multiples of this since 1970.
    #[n(1)]
    Every(#[n(0)] Millis),
    /// At the beginning of a month.
    #[n(2)]
    Months,
}

impl Calendar {
    /// Does the bracket hold exactly one boundary?
    #[must_use]
    pub fn bounds(self, at: &Bracket) -> bool {
        // A bracket as wide as the shortest period could hold two.
        let Some(width) = at.latest.0.checked_sub(at.earliest.0) else { return false };
        match self {
            Self::Every(per) => {
                width < per.0 && at.latest.0.checked_rem(per.0).is_some_and(|past| past <= width)
            }
            Self::Months => {
                width < SHORTEST_MONTH && {
                    let begins = at.earliest.0.checked_sub(1).map(|t| month(UnixMillis(t)));
                    begins != Some(month(at.latest))
                }
            }
        }
    }
}

/// Months since January of year 0, in the proleptic Gregorian calendar (Howard Hinnant,
/// *chrono-compatible low-level date algorithms*, `civil_from_days`).
#[expect(clippy::arithmetic_side_effects, reason = "milliseconds in 64 bits are few days")]
fn month(at: UnixMillis) -> u64 {
    let days = (at.0 / DAY).saturating_add(719_468);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    // Counted from March, so that a leap day is the last of its year.
    let from_march = (5 * of_year + 2) / 153;
    12 * (400 * era + year) + from_march + 2
}

const DAY: u64 = 24 * 3600 * 1000;
const SHORTEST_MONTH: u64 = 28 * DAY;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ClockKind;

    fn bracket(earliest: u64, latest: u64) -> Bracket {
        Bracket {
            earliest: UnixMillis(earliest),
            latest: UnixMillis(latest),
            clock: ClockKind::Generated,
        }
    }

    #[test]
    fn a_boundary_is_a_multiple_within_a_narrow_bracket() {
        let on = |earliest, latest| Calendar::Every(Millis(100)).bounds(&bracket(earliest, latest));
        assert!(on(200, 200) && on(195, 205) && on(195, 200) && on(200, 205));
        assert!(!on(201, 201) && !on(199, 199));
        assert!(!on(150, 250), "a wide bracket holds every boundary");
        assert!(!on(200, 199) && !Calendar::Every(Millis(0)).bounds(&bracket(0, 0)));
    }

    #[test]
    fn months_begin_where_the_calendar_says() {
        // As `date -u -d 2024-03-01 +%s` prints them.
        let begins = [0, 2_678_400, 951_868_800, 1_709_251_200, 1_788_220_800, 4_107_542_400];
        for second in begins {
            let at = second * 1000;
            let months = |from, to| Calendar::Months.bounds(&bracket(from, to));
            assert!(months(at, at) && months(at, at + 5), "{second}");
            assert!(!months(at + 1, at + 1), "{second}");
            if at > 0 {
                assert!(months(at - 1, at) && !months(at - 1, at - 1), "{second}");
            }
            assert!(!months(at, at + SHORTEST_MONTH) && !months(at + 1, at), "{second}");
        }
        let months: alloc::collections::BTreeSet<u64> =
            (0..36_525).map(|day| month(UnixMillis(day * DAY))).collect();
        assert_eq!(months.len(), 1200, "a hundred years");
    }
}
