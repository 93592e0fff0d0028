//! What was looked at, one row a check: an appraisal that can be read.

use core::fmt::Display;

use crate::refusal::Refusal;

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What was looked at.
    pub field: &'static str,
    /// What the evidence says.
    pub found: String,
    /// What the policy wants.
    pub wanted: String,
    /// Why it is refused; none where it is as wanted.
    pub refused: Option<Refusal>,
}

/// All checks of one appraisal, in their order.
#[derive(Debug, Default)]
pub(crate) struct Rows(Vec<Row>);

impl Rows {
    /// Adds a check: `refusal` unless it `holds`.
    pub(crate) fn check(
        &mut self,
        field: &'static str,
        (found, wanted): (impl Display, impl Display),
        holds: bool,
        refusal: impl Into<Refusal>,
    ) {
        let (found, wanted) = (found.to_string(), wanted.to_string());
        let refused = (!holds).then(|| refusal.into());
        self.0.push(Row { field, found, wanted, refused });
    }

    /// Adds what a step came to; what it found is none where it failed.
    pub(crate) fn step<T>(
        &mut self,
        field: &'static str,
        wanted: &'static str,
        outcome: Result<T, impl Into<Refusal>>,
    ) -> Option<T> {
        let (value, refused) = match outcome {
            Ok(value) => (Some(value), None),
            Err(refusal) => (None, Some(refusal.into())),
        };
        let found = if refused.is_some() { "no" } else { "yes" };
        self.0.push(Row { field, found: found.into(), wanted: wanted.into(), refused });
        value
    }

    /// Adds the rows of a part.
    pub(crate) fn append(&mut self, mut part: Self) {
        self.0.append(&mut part.0);
    }

    /// The first check that did not hold.
    pub(crate) fn verdict(&self) -> Result<(), Refusal> {
        self.0.iter().find_map(|row| row.refused).map_or(Ok(()), Err)
    }

    pub(crate) fn into_rows(self) -> Vec<Row> {
        self.0
    }
}
