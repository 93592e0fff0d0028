//! A claim about to be proven. A proof takes as long as a hundred verdicts, so it is made apart
//! from the pipeline, from openings alone.

use messages::claim::{Claim, ConsentEntry};
use messages::counter::Schema;
use messages::ids::LeafHash;
use messages::leaf::Boots;
use messages::publication::Disclosed;
use messages::reply::Reply;
use rand_core::OsRng;
use tally::Openings;

use super::{Refused, refused};

/// All that a proof needs. Secret: it holds openings.
pub(crate) struct Proving {
    pub(super) claim: Claim,
    /// The counters at the beginning of the range and at its end.
    pub(super) schemas: [Schema; 2],
    /// Leaves of the pacts that were in force before the last one.
    pub(super) revisions: Vec<Disclosed>,
    /// The leaf before the range.
    pub(super) before: (Disclosed, Openings),
    /// The leaf of its last epoch.
    pub(super) after: (Disclosed, Openings),
    /// The pact's leaf.
    pub(super) pact: Disclosed,
    /// The leaf of the boot that signed `after`.
    pub(super) signer: Disclosed,
    /// The consent entry, its place and its way to the consent root.
    pub(super) consent: (ConsentEntry, usize, Vec<LeafHash>),
    /// The boots of the tally's life, and their leaves.
    pub(super) boots: (Boots, Vec<Disclosed>),
}

impl Proving {
    /// Makes the proof; some ten milliseconds.
    pub(crate) fn prove(self) -> Reply {
        let Self { claim, schemas, revisions, before, after, pact, signer, consent, boots } = self;
        let [begins, schema] = schemas;
        let request = prove::Request {
            claim: &claim,
            schema: &schema,
            before: &before.0,
            after: &after.0,
            pact: &pact,
            boot: &signer,
            consent,
            before_openings: &before.1,
            after_openings: &after.1,
        };
        match prove::prove(&request, &mut OsRng) {
            Ok(proven) => {
                let (boots, mut leaves) = boots;
                leaves.extend(revisions);
                leaves.extend([pact, before.0, after.0]);
                let earlier = (begins != schema).then_some(begins);
                let schemas = [schema].into_iter().chain(earlier).collect();
                Reply::Proof { claim: Box::new(proven), leaves, schemas, boots }
            }
            Err(error) => refused(Refused(error.code())),
        }
    }
}
