//! From text to a statement, by recursive descent over words.

use super::{ClaimError, Scope, Spoken, scope};
use crate::document::scalar::Exact;
use messages::time::Millis;

/// A statement before names mean anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Statement {
    Compared { of: Quantity, by: Comparison, with: Number, least: Option<Number> },
    Between { lower: Number, of: Names, upper: Number },
    Rate { of: Names, by: Comparison, with: Number, per: Millis },
    Never(Names),
    NeverAbove { histogram: String, edge: Number },
    Equal(Names, Names),
    Agree(Names),
    Obeyed,
    PerSession { of: Names, by: Comparison, with: Number },
}

/// What is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    Sum(Names),
    Quotient(Names, Names),
    Mean(Names),
    Percentile(u64, String),
    /// A function that no linear form is.
    Other(String, String),
}

pub(super) type Names = Vec<String>;

/// How.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Below,
    AtMost,
    Equal,
    AtLeast,
    Above,
}

/// A number with what stands behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) value: Exact,
    pub(super) unit: Option<String>,
}

impl core::fmt::Display for Number {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}", self.value.0)?;
        self.unit.iter().try_for_each(|unit| write!(f, " {unit}"))
    }
}

pub(super) fn parse(text: &str) -> Result<Spoken, ClaimError> {
    if text.len() > MAX_BYTES {
        return Err(ClaimError::Syntax { at: MAX_BYTES, expected: "an end" });
    }
    let mut words = Words { text, at: 0 };
    let statement = words.statement()?;
    let scope = if words.word("over") { Some(words.scope()?) } else { None };
    words.end()?;
    Ok(Spoken { statement, scope })
}

/// What is left of the text.
struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Words<'a> {
    fn statement(&mut self) -> Result<Statement, ClaimError> {
        if let Some(lower) = self.number() {
            self.expect("<=", "`<=`")?;
            let of = self.sum()?;
            self.expect("<=", "`<=`")?;
            let upper = self.number().ok_or_else(|| self.wrong("a number"))?;
            return Ok(Statement::Between { lower, of, upper });
        }
        if self.word("every") {
            if !(self.word("event") && self.word("obeyed")) {
                return Err(self.wrong("`every event obeyed`"));
            }
            return Ok(Statement::Obeyed);
        }
        let start = self.at;
        let name = self.name().ok_or_else(|| self.wrong("a counter or a function"))?;
        if self.sign("(") {
            return self.function(&name);
        }
        self.at = start;
        let of = self.sum()?;
        if self.sign("/") {
            let whole = if self.sign("(") {
                let whole = self.sum()?;
                self.expect(")", "`)`")?;
                whole
            } else {
                self.sum()?
            };
            return self.compared(Quantity::Quotient(of, whole));
        }
        let before = self.at;
        if self.sign("=") && !self.peek_digit() {
            return Ok(Statement::Equal(of, self.sum()?));
        }
        self.at = before;
        self.compared(Quantity::Sum(of))
    }

    fn function(&mut self, name: &str) -> Result<Statement, ClaimError> {
        let percent = name.strip_prefix('p').and_then(|digits| digits.parse::<u64>().ok());
        let of = self.sum()?;
        match (name, percent) {
            ("none", _) => {
                if let ([histogram], true) = (of.as_slice(), self.sign(">")) {
                    let edge = self.number().ok_or_else(|| self.wrong("a number"))?;
                    let histogram = histogram.clone();
                    self.expect(")", "`)`")?;
                    return Ok(Statement::NeverAbove { histogram, edge });
                }
                self.expect(")", "`)`")?;
                Ok(Statement::Never(of))
            }
            ("agree", _) => {
                self.expect(")", "`)`")?;
                Ok(Statement::Agree(of))
            }
            ("rate", _) => {
                self.expect(")", "`)`")?;
                let by = self.comparison()?;
                let with = self.number().ok_or_else(|| self.wrong("a number"))?;
                if !self.word("per") {
                    return Err(self.wrong("`per` and a span of time"));
                }
                Ok(Statement::Rate { of, by, with, per: self.span()? })
            }
            ("mean", _) => {
                self.expect(")", "`)`")?;
                self.compared(Quantity::Mean(of))
            }
            (_, Some(percent)) if of.len() == 1 => {
                self.expect(")", "`)`")?;
                self.compared(Quantity::Percentile(percent, of.concat()))
            }
            _ => {
                self.expect(")", "`)`")?;
                self.compared(Quantity::Other(name.to_owned(), of.join(" + ")))
            }
        }
    }

    fn compared(&mut self, of: Quantity) -> Result<Statement, ClaimError> {
        let by = self.comparison()?;
        let with = self.number().ok_or_else(|| self.wrong("a number"))?;
        if self.word("per") {
            return match of {
                Quantity::Sum(of) if self.word("session") => {
                    Ok(Statement::PerSession { of, by, with })
                }
                _ => Err(self.wrong("`session`, after a counter; other rates are `rate(..)`")),
            };
        }
        let least = if self.word("of") {
            if !(self.word("at") && self.word("least")) {
                return Err(self.wrong("`at least`"));
            }
            Some(self.number().ok_or_else(|| self.wrong("a number"))?)
        } else {
            None
        };
        Ok(Statement::Compared { of, by, with, least })
    }

    fn comparison(&mut self) -> Result<Comparison, ClaimError> {
        let signs = [
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("<", Comparison::Below),
            (">", Comparison::Above),
            ("=", Comparison::Equal),
        ];
        let found = signs.into_iter().find(|(sign, _)| self.sign(sign));
        found.map(|(_, by)| by).ok_or_else(|| self.wrong("`<`, `<=`, `=`, `>=` or `>`"))
    }

    fn sum(&mut self) -> Result<Names, ClaimError> {
        let mut names = Vec::new();
        loop {
            names.push(self.name().ok_or_else(|| self.wrong("the name of a counter"))?);
            if names.len() > MAX_NAMES {
                return Err(self.wrong("fewer counters"));
            }
            if !self.sign("+") {
                return Ok(names);
            }
        }
    }

    fn scope(&mut self) -> Result<Scope, ClaimError> {
        if self.word("epochs") {
            return scope::epochs(self.take(|c| c.is_ascii_digit() || c == '.'));
        }
        scope::dates(self.take(|c| c.is_ascii_digit() || matches!(c, '-' | '.')))
    }

    fn span(&mut self) -> Result<Millis, ClaimError> {
        let count = match self.number() {
            None => 1,
            Some(Number { value, unit: None }) => whole(value).unwrap_or(0),
            Some(number) => {
                return millis(&number).ok_or_else(|| self.wrong("a span of time"));
            }
        };
        let unit = self.name().and_then(|unit| unit_of_time(&unit));
        let span = unit.and_then(|unit| unit.checked_mul(count)).filter(|span| *span > 0);
        span.map(Millis).ok_or_else(|| self.wrong("`second`, `minute`, `hour`, `day` or `week`"))
    }

    /// A decimal number and the unit right behind it, which is a word of letters or `%`.
    fn number(&mut self) -> Option<Number> {
        let start = self.at;
        let digits = self.take(|c| c.is_ascii_digit() || matches!(c, '.' | '_')).replace('_', "");
        let Some(value) = Exact::parse(&digits) else {
            self.at = start;
            return None;
        };
        if self.sign("%") {
            return Some(Number { value, unit: Some("%".to_owned()) });
        }
        let here = self.at;
        let unit = self.take(|c| c.is_ascii_alphabetic()).to_owned();
        if unit.is_empty() || KEYWORDS.contains(&unit.as_str()) {
            self.at = here;
            return Some(Number { value, unit: None });
        }
        Some(Number { value, unit: Some(unit) })
    }

    fn name(&mut self) -> Option<String> {
        let start = self.at;
        let name = self.take(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '-'));
        if name.starts_with(|c: char| c.is_alphabetic()) && !KEYWORDS.contains(&name) {
            return Some(name.to_owned());
        }
        self.at = start;
        None
    }

    fn word(&mut self, word: &str) -> bool {
        let start = self.at;
        if self.take(char::is_alphanumeric) == word {
            return true;
        }
        self.at = start;
        false
    }

    fn sign(&mut self, sign: &str) -> bool {
        self.blank();
        let found = self.rest().starts_with(sign);
        if found {
            self.at = self.at.saturating_add(sign.len());
        }
        found
    }

    fn expect(&mut self, sign: &str, expected: &'static str) -> Result<(), ClaimError> {
        if self.sign(sign) { Ok(()) } else { Err(self.wrong(expected)) }
    }

    fn end(&mut self) -> Result<(), ClaimError> {
        self.blank();
        if self.rest().is_empty() { Ok(()) } else { Err(self.wrong("`over` or the end")) }
    }

    fn peek_digit(&mut self) -> bool {
        self.blank();
        self.rest().starts_with(|c: char| c.is_ascii_digit())
    }

    fn take(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        self.blank();
        let rest = self.rest();
        let (taken, _) = rest.split_at(rest.find(|c| !belongs(c)).unwrap_or(rest.len()));
        self.at = self.at.saturating_add(taken.len());
        taken
    }

    fn blank(&mut self) {
        let rest = self.rest();
        let blank = rest.len().saturating_sub(rest.trim_start().len());
        self.at = self.at.saturating_add(blank);
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn wrong(&self, expected: &'static str) -> ClaimError {
        let before = self.text.get(..self.at).unwrap_or_default();
        ClaimError::Syntax { at: before.chars().count().saturating_add(1), expected }
    }
}

/// A whole number, none when it has decimals.
pub(super) fn whole(value: Exact) -> Option<u64> {
    value.minor(0).and_then(|n| u64::try_from(n).ok())
}

/// A number with a unit of time.
pub(super) fn millis(number: &Number) -> Option<Millis> {
    let unit = unit_of_time(number.unit.as_deref()?)?;
    let scaled = number.value.0.checked_mul(unit.into())?;
    whole(Exact(scaled.normalize())).map(Millis)
}

fn unit_of_time(unit: &str) -> Option<u64> {
    let units = [
        (&["ms"][..], 1),
        (&["s", "second", "seconds"], 1000),
        (&["min", "minute", "minutes"], 60_000),
        (&["h", "hour", "hours"], 3_600_000),
        (&["day", "days"], 86_400_000),
        (&["week", "weeks"], 604_800_000),
    ];
    units.into_iter().find(|(names, _)| names.contains(&unit)).map(|(_, ms)| ms)
}

/// Words that no counter and no unit is called.
const KEYWORDS: &[&str] = &["over", "per", "of", "at", "least", "epochs"];
const MAX_BYTES: usize = 1024;
const MAX_NAMES: usize = 32;
