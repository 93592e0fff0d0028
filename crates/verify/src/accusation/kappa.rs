//! A leaf that hides other counters for circuits than its monitor told its party.

use circuits::digest::{bytes_of, element};
use messages::codec::Wire;
use messages::counter::{CounterIndex, Schema};
use messages::ids::FieldElement;
use messages::merkle;
use messages::opening::{ShownOpening, SignedOpenings};
use messages::publication::Publication;
use messages::segment::{MOVED, moved};

use super::signed;
use crate::codes::Unfounded;
use crate::leaves::Leaves;

/// The boot signed all openings together with the leaf, they open everything that kappa hides, and
/// kappa is not the hash of it.
pub(super) fn judge(
    leaves: &Leaves<'_>,
    index: u64,
    schema: &Schema,
    openings: &SignedOpenings,
) -> Result<(), Unfounded> {
    let leaf = leaves.at(index).ok_or(Unfounded::View)?;
    let Publication::Tally(body) = &leaf.body else { return Err(Unfounded::View) };
    if schema.hash() != body.schema {
        return Err(Unfounded::View);
    }
    let SignedOpenings { openings, boot, signature } = openings;
    let encoded: Vec<Vec<u8>> = openings.iter().map(Wire::to_cbor).collect();
    let root = merkle::OPENINGS.root(&encoded.iter().map(Vec::as_slice).collect::<Vec<_>>());
    signed(leaves, leaf, &root, (boot, signature))?;
    let at = |place: u16| openings.iter().find(|opening| opening.counter == place);
    let value = |counter: CounterIndex| match u32::from(counter.0) < body.counters {
        true => at(counter.0).map(|opening| opening.value),
        // Not counted yet.
        false => Some(0),
    };
    let mut counters = [0; MOVED];
    for (to, counter) in counters.iter_mut().zip(moved(schema)) {
        *to = counter.map_or(Some(0), value).ok_or(Unfounded::OpeningPath)?;
    }
    let hidden = |place| at(place).map(|opening| element(&FieldElement(opening.blinding)));
    let hiding = hidden(ShownOpening::KAPPA).ok_or(Unfounded::OpeningPath)?;
    let log = hidden(ShownOpening::ENTRIES).ok_or(Unfounded::OpeningPath)?;
    // What is no element hides nothing.
    let again =
        hiding.zip(log).map(|(r, log)| bytes_of(&circuits::log::commit(&r, &log, &counters)));
    if again == Some(body.kappa) { Err(Unfounded::OpeningRight) } else { Ok(()) }
}
