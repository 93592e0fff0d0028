//! The pacts that were in force over a range, from the one at its end back to the one at its
//! beginning: each in the log, each naming the one that it replaced, and counters only appended.

use messages::counter::Schema;
use messages::ids::PactHash;
use messages::leaf::{PactBody, TallyBody};
use messages::publication::Publication;

use crate::appraisal::Grounds;
use crate::codes::{Fault, Reason};
use crate::leaves::{Leaves, Opened};
use crate::report::Stop;

/// One verified stretch of a chain of pacts.
pub(crate) struct Revisions<'a> {
    /// Newest first.
    leaves: Vec<&'a Opened<'a>>,
    before: &'a Schema,
    schema: &'a Schema,
}

impl<'a> Revisions<'a> {
    /// Follows `pact`, which is in force at the end of a range, back to the pact that the leaf
    /// before the range names.
    pub(crate) fn over(
        grounds: &'a Grounds<'_>,
        log: &'a Leaves<'a>,
        pact: &'a Opened<'a>,
        (begins, before): (u64, &TallyBody),
    ) -> Result<Self, Stop> {
        let Some(last) = body(pact) else { return Err(Fault::PactNotPact.into()) };
        let (mut leaves, mut oldest) = (vec![pact], last);
        while oldest.pact != before.pact {
            let prior = oldest.prior.ok_or(Fault::PactChain)?;
            let newer = leaves.last().map_or(0, |leaf| leaf.index);
            let leaf = leaf_of(log, &prior).ok_or(Reason::RevisionMissing)?;
            // Leaves of a chain stand in the log in its order, so it has an end.
            oldest = body(leaf)
                .filter(|body| body.root == last.root && leaf.index < newer)
                .ok_or(Fault::PactChain)?;
            leaves.push(leaf);
        }
        let first = |body: &PactBody| (body.pact == body.root) == body.prior.is_none();
        if !leaves.iter().copied().filter_map(body).all(first) {
            return Err(Fault::PactChain.into());
        }
        let registered = leaves.last().map_or(u64::MAX, |leaf| leaf.index);
        if registered > begins {
            return Err(Fault::PactOrder.into());
        }
        if oldest.schema != before.schema {
            return Err(Fault::PactSchema.into());
        }
        let schema = grounds.schema(&last.schema).ok_or(Reason::SchemaMissing)?;
        let earlier = grounds.schema(&before.schema).ok_or(Reason::SchemaMissing)?;
        if !schema.counters.starts_with(&earlier.counters) {
            return Err(Fault::SchemaNotAppended.into());
        }
        Ok(Self { leaves, before: earlier, schema })
    }

    /// The counters at the end of the range.
    pub(crate) const fn schema(&self) -> &'a Schema {
        self.schema
    }

    /// The counters at its beginning: the first of those at its end.
    pub(crate) const fn before(&self) -> &'a Schema {
        self.before
    }

    /// The pact leaves, newest first.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = &'a Opened<'a>> {
        self.leaves.iter().copied()
    }
}

fn body<'a>(leaf: &'a Opened<'_>) -> Option<&'a PactBody> {
    match &leaf.body {
        Publication::Pact(body) => Some(body),
        _ => None,
    }
}

fn leaf_of<'a>(log: &'a Leaves<'a>, pact: &PactHash) -> Option<&'a Opened<'a>> {
    log.iter().find(|leaf| body(leaf).is_some_and(|body| body.pact == *pact))
}
