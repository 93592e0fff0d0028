//! Bundles: what the monitor answered, put together with its ways to one checkpoint.

use std::collections::BTreeMap;

use messages::bundle::{Bundle, IncludedLeaf, LogView, Missing, Place, ProvenClaim};
use messages::circuit::CircuitKey;
use messages::codec::Wire;
use messages::counter::Schema;
use messages::leaf::Boots;
use messages::publication::Disclosed;
use messages::reply::{Reply, Request};

use crate::client::{Client, strange};
use crate::fault::Fault;

/// A bundle that grows.
#[derive(Default)]
pub(crate) struct Draft {
    leaves: BTreeMap<u64, Disclosed>,
    schemas: Vec<Schema>,
    boots: Vec<Boots>,
    claims: Vec<ProvenClaim>,
    aggregates: Vec<u64>,
    missing: Vec<Missing>,
    /// Keys of circuits that came with proofs: not part of the bundle.
    circuits: Vec<CircuitKey>,
}

impl Draft {
    /// Adds a proof or a release.
    pub(crate) fn add(&mut self, reply: Reply) -> Result<(), Fault> {
        let leaves = match reply {
            Reply::Proof { claim, leaves, schemas, boots, circuits } => {
                self.claims.push(*claim);
                circuits.into_iter().for_each(|key| push_new(&mut self.circuits, key));
                schemas.into_iter().for_each(|schema| push_new(&mut self.schemas, schema));
                boots.into_iter().for_each(|boots| push_new(&mut self.boots, boots));
                leaves
            }
            Reply::Released { leaves } => {
                let aggregate = leaves.iter().map(|l| l.index).max().ok_or_else(strange)?;
                self.aggregates.push(aggregate);
                leaves
            }
            _ => return Err(strange()),
        };
        self.leaves.extend(leaves.into_iter().map(|l| (l.index, l)));
        Ok(())
    }

    /// Notes what was asked for and is not proven.
    pub(crate) fn lacks(&mut self, what: &str, why: &str) {
        self.missing.push(Missing { what: what.into(), why: why.into() });
    }

    /// What was asked for and is not proven.
    pub(crate) fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// The verifying keys that a verifier has to pin, if the bundle has proofs about each event.
    pub(crate) fn circuits(&self) -> &[CircuitKey] {
        &self.circuits
    }

    /// Fetches the newest checkpoint and the ways to it.
    pub(crate) fn finish(mut self, client: &mut Client) -> Result<Vec<u8>, Fault> {
        let indices: Vec<u64> = self.leaves.keys().copied().collect();
        let Reply::Included { checkpoint, paths } =
            client.ask(&Request::Include { leaves: indices })?
        else {
            return Err(strange());
        };
        self.aggregates.sort_unstable();
        let origin = client.appraised().claims().origin.clone();
        let place = |index| Place { origin: origin.clone(), index };
        let aggregates = self.aggregates.into_iter().map(place).collect();
        let leaves = self
            .leaves
            .into_values()
            .zip(paths)
            .map(|(disclosed, path)| IncludedLeaf { disclosed, path })
            .collect();
        let bundle = Bundle {
            format: Bundle::FORMAT.into(),
            logs: vec![LogView { origin, checkpoint, leaves }],
            schemas: self.schemas,
            boots: self.boots,
            claims: self.claims,
            aggregates,
            stamps: Vec::new(),
            missing: self.missing,
        };
        Ok(bundle.to_cbor())
    }
}

fn push_new<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if !list.contains(&value) {
        list.push(value);
    }
}
