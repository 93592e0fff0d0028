//! The words of the format: exact decimals, spans, moments, identifiers.

use messages::claim::Calendar;
use messages::did::Did;
use messages::time::{Millis, UnixMillis};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};

use super::json::de_fault;
use crate::error::Fault;

/// An exact decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exact(pub Decimal);

impl Exact {
    /// Reads `-?(0|[1-9][0-9]*)(\.[0-9]+)?` of at most 24 digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        let fits = digits.len() <= MAX_DIGITS;
        (fits && all_digits(whole) && all_digits(fraction) && !leading_zero)
            .then(|| text.parse().ok().map(Self))?
    }

    /// The value in units of 10^-`scale`, when it is a whole number of them.
    #[must_use]
    pub fn minor(self, scale: u32) -> Option<i128> {
        let factor = 10i128.checked_pow(scale)?;
        let scaled = self.0.mantissa().checked_mul(factor)?;
        let divisor = 10i128.checked_pow(self.0.scale())?;
        (scaled.checked_rem(divisor)? == 0).then(|| scaled.checked_div(divisor))?
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(d)?).ok_or_else(|| de_fault(Fault::BadDecimal))
    }
}

/// An ISO 8601 duration of days, hours, minutes and seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Millis);

impl Span {
    /// Reads `P[nD][T[nH][nM][nS]]` with at least one part.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('P')?;
        let (days, time) = match rest.split_once('T') {
            Some((days, time)) => (days, Some(time).filter(|t| !t.is_empty())?),
            None => (Some(rest).filter(|r| !r.is_empty())?, ""),
        };
        let mut total = 0u64;
        for (mut part, units) in [(days, &DAY[..]), (time, &TIME[..])] {
            for (letter, ms) in units {
                if let Some((digits, after)) = part.split_once(*letter) {
                    let ok = (1..=9).contains(&digits.len())
                        && digits.bytes().all(|b| b.is_ascii_digit());
                    let n: u64 = Some(digits).filter(|_| ok)?.parse().ok()?;
                    total = total.checked_add(n.checked_mul(*ms)?)?;
                    part = after;
                }
            }
            if !part.is_empty() {
                return None;
            }
        }
        (total <= MAX_SPAN_MS).then_some(Self(Millis(total)))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(d)?).ok_or_else(|| de_fault(Fault::BadDuration))
    }
}

/// A calendar period: a duration, or `P1M` for months as the calendar has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period(pub Calendar);

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        if text == "P1M" {
            return Ok(Self(Calendar::Months));
        }
        let span = Span::parse(&text).ok_or_else(|| de_fault(Fault::BadDuration))?;
        Ok(Self(Calendar::Every(span.0)))
    }
}

/// A moment in UTC, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub UnixMillis);

impl Moment {
    /// Reads `YYYY-MM-DDTHH:MM:SSZ`, from 1970 on.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let shape = text.len() == 20
            && text.bytes().zip("dddd-dd-ddTdd:dd:ddZ".bytes()).all(|(b, want)| match want {
                b'd' => b.is_ascii_digit(),
                fixed => b == fixed,
            });
        let moment: jiff::Timestamp = Some(text).filter(|_| shape)?.parse().ok()?;
        u64::try_from(moment.as_millisecond()).ok().map(|ms| Self(UnixMillis(ms)))
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(d)?).ok_or_else(|| de_fault(Fault::BadTimestamp))
    }
}

/// A DID whose fault is its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyId(pub Did);

impl<'de> Deserialize<'de> for PartyId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let did = Did::parse(&String::deserialize(d)?);
        did.map(Self).ok_or_else(|| de_fault(Fault::BadDid))
    }
}

/// An identifier inside a pact, or the name of an interaction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(pub String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let ok = (1..=128).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-:/".contains(&b));
        if ok { Ok(Self(text)) } else { Err(de_fault(Fault::BadId)) }
    }
}

/// `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(pub [u8; 32]);

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let digest = messages::ids::BodyDigest::parse(&String::deserialize(d)?);
        digest.map(|b| Self(b.0)).ok_or_else(|| de_fault(Fault::BadDigest))
    }
}

/// A UUID in lower-case text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uuid(pub String);

impl<'de> Deserialize<'de> for Uuid {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let ok = text.len() == 36
            && text.bytes().enumerate().all(|(i, b)| match i {
                8 | 13 | 18 | 23 => b == b'-',
                _ => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
            });
        if ok { Ok(Self(text)) } else { Err(de_fault(Fault::BadUuid)) }
    }
}

/// The version of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version;

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let one = String::deserialize(d)? == "1";
        if one { Ok(Self) } else { Err(de_fault(Fault::UnsupportedVersion)) }
    }
}

const DAY: [(char, u64); 1] = [('D', 86_400_000)];
const TIME: [(char, u64); 3] = [('H', 3_600_000), ('M', 60_000), ('S', 1_000)];
const MAX_DIGITS: usize = 25;
/// A thousand years.
const MAX_SPAN_MS: u64 = 86_400_000 * 366_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_spans_exactly() {
        let ms = |text| Span::parse(text).map(|s| s.0.0);
        assert_eq!(ms("P1DT2H"), Some(93_600_000));
        assert_eq!(ms("PT5M"), Some(300_000));
        for bad in ["", "P", "PT", "1D", "P1", "P1H", "PT1D", "PT1S2M", "P-1D", "P1.5D", "P1W"] {
            assert_eq!(ms(bad), None, "{bad}");
        }
    }

    #[test]
    fn reads_decimals_exactly() {
        assert_eq!(Exact::parse("2000.00").unwrap().minor(2), Some(200_000));
        assert_eq!(Exact::parse("-0.5").unwrap().minor(2), Some(-50));
        assert_eq!(Exact::parse("0.005").unwrap().minor(2), None);
        for bad in ["", "-", "01", "1.", ".5", "1e3", "+1", "1,000", "NaN"] {
            assert!(Exact::parse(bad).is_none(), "{bad}");
        }
        assert!(Exact::parse(&"9".repeat(26)).is_none());
    }

    #[test]
    fn reads_moments_exactly() {
        assert!(Moment::parse("2026-12-01T00:00:00Z").is_some());
        for bad in
            ["2026-12-01", "2026-13-01T00:00:00Z", "2026-12-01 00:00:00Z", "1969-01-01T00:00:00Z"]
        {
            assert!(Moment::parse(bad).is_none(), "{bad}");
        }
    }
}
