//! Over what: dates or epochs.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use messages::time::{Epoch, UnixMillis};

use super::ClaimError;

/// The stretch that a claim names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// From the beginning of a day until before the beginning of another, in UTC.
    Dates(UnixMillis, UnixMillis),
    /// Epochs, both included.
    Epochs(Epoch, Epoch),
}

impl Scope {
    /// Reads what may stand behind `over`.
    ///
    /// # Errors
    /// [`ClaimError::Range`].
    pub fn parse(text: &str) -> Result<Self, ClaimError> {
        match text.strip_prefix("epochs") {
            Some(rest) => epochs(rest.trim()),
            None => dates(text.trim()),
        }
    }
}

/// Reads `1..30`, or one number.
pub(super) fn epochs(text: &str) -> Result<Scope, ClaimError> {
    let wrong = || ClaimError::Range { range: text.to_owned() };
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let epoch = |text: &str| text.parse().ok().filter(|n| *n > 0).map(Epoch);
    let (first, last) = epoch(first).zip(epoch(last)).ok_or_else(wrong)?;
    if first <= last { Ok(Scope::Epochs(first, last)) } else { Err(wrong()) }
}

/// Reads `2026-09..2026-11`, `2026-09-01..2026-09-07`, one of either, or `2026`: both ends are
/// included.
pub(super) fn dates(text: &str) -> Result<Scope, ClaimError> {
    let wrong = || ClaimError::Range { range: text.to_owned() };
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let begin = span(first).ok_or_else(wrong)?.0;
    let end = span(last).ok_or_else(wrong)?.1;
    let (from, to) = (moment(begin).ok_or_else(wrong)?, moment(end).ok_or_else(wrong)?);
    if from < to { Ok(Scope::Dates(from, to)) } else { Err(wrong()) }
}

/// The first day of a year, month or day, and the first after it.
fn span(text: &str) -> Option<(Date, Date)> {
    let mut parts = text.split('-');
    let year: i16 = digits(parts.next()?, 4)?.parse().ok()?;
    let month = parts.next().map(|part| digits(part, 2)?.parse::<i8>().ok());
    let day = parts.next().map(|part| digits(part, 2)?.parse::<i8>().ok());
    if parts.next().is_some() {
        return None;
    }
    match (month, day) {
        (None, _) => {
            Some((Date::new(year, 1, 1).ok()?, Date::new(year.checked_add(1)?, 1, 1).ok()?))
        }
        (Some(month), None) => {
            let first = Date::new(year, month?, 1).ok()?;
            Some((first, first.last_of_month().tomorrow().ok()?))
        }
        (Some(month), Some(day)) => {
            let date = Date::new(year, month?, day?).ok()?;
            Some((date, date.tomorrow().ok()?))
        }
    }
}

/// Exactly so many digits.
fn digits(part: &str, count: usize) -> Option<&str> {
    let fit = part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
    Some(part).filter(|_| fit)
}

fn moment(date: Date) -> Option<UnixMillis> {
    let at = date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond();
    u64::try_from(at).ok().map(UnixMillis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_include_both_ends() {
        let days = |text: &str| match dates(text) {
            Ok(Scope::Dates(from, to)) => Some((from.0 / 86_400_000, to.0 / 86_400_000)),
            _ => None,
        };
        assert_eq!(days("1970-01..1970-02"), Some((0, 59)));
        assert_eq!(days("1970-01-01..1970-01-01"), Some((0, 1)));
        assert_eq!(days("1970-02"), Some((31, 59)));
        assert_eq!(days("1970"), Some((0, 365)));
        assert_eq!(days("1972-02"), Some((730 + 31, 730 + 60)), "a leap year");
        for bad in [
            "",
            "1970-13",
            "1970-02-30",
            "1971..1970",
            "70",
            "1970-1",
            "1970-01-01-01",
            "..",
            "1969",
        ] {
            assert_eq!(days(bad), None, "{bad}");
        }
    }
}
