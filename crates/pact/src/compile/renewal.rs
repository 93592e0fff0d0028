//! Renewal: a term that goes on unless a party objects in time.

use messages::time::Millis;

use super::CompileError;
use crate::document::terms::{Document, RenewalMode};

/// How a pact is renewed without anybody saying so.
#[derive(Clone, Debug)]
pub(crate) struct RenewalRule {
    /// By how much, each time: as long as the term is.
    pub(crate) length: Millis,
    /// How early before the end it is settled.
    pub(crate) notice: Millis,
    /// Places of the objectives that must not be breached then.
    pub(crate) conditions: Vec<u16>,
}

pub(crate) fn compile(terms: &Document) -> Result<Option<RenewalRule>, CompileError> {
    let term = &terms.term;
    let renewal = term.renewal.as_ref();
    let renewal = renewal.filter(|r| r.mode == RenewalMode::AutomaticUnlessObjected);
    let Some(renewal) = renewal else { return Ok(None) };
    let place = |id: &str| terms.performance.iter().position(|o| o.id.0 == id);
    let conditions = renewal.conditions.iter().map(|id| {
        let place = place(&id.0).and_then(|place| u16::try_from(place).ok());
        place.ok_or(CompileError::UnknownObjective)
    });
    let length = term.not_after.0.0.saturating_sub(term.not_before.0.0);
    let notice = renewal.notice.map_or(DEFAULT_NOTICE, |span| span.0);
    // Who must object before the term begins can never object.
    if notice.0 >= length {
        return Err(CompileError::BadNotice);
    }
    let conditions = conditions.collect::<Result<_, _>>()?;
    Ok(Some(RenewalRule { length: Millis(length), notice, conditions }))
}

const DEFAULT_NOTICE: Millis = Millis(86_400_000);
