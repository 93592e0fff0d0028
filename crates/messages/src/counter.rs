//! Counters: the one data model. A schema is the ordered list that a pact compiles to.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::codec::Wire;
use crate::domain;
use crate::ids::SchemaHash;

/// Most counters in one schema.
pub const MAX_COUNTERS: usize = 512;
/// Largest value that the cumulative counter of one tally may take, unless the schema says less.
pub const DEFAULT_MAX: u64 = (1 << 48) - 1;

/// Name of the latency histogram.
pub const LATENCY: &str = "latency_ms";
/// Upper edges of the latency histogram in milliseconds; one bucket more is above them.
pub const LATENCY_EDGES: [u64; 7] = [50, 100, 200, 500, 1000, 2000, 5000];

/// Place of a counter in its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct CounterIndex(#[n(0)] pub u16);

/// One counter of a schema.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Counter {
    /// Name, unique in the schema: `calls.all`, `sum:send_money.amount`, `latency:200`.
    #[n(1)]
    pub name: String,
    /// Unit of the value: `calls`, `sessions`, `EUR/100`, `ms`.
    #[n(2)]
    pub unit: String,
    /// Largest cumulative value; a tally that would exceed it stops and says so.
    #[n(3)]
    pub max: u64,
    /// For a bucket of a histogram: which, and its upper edge.
    #[n(4)]
    pub bucket: Option<Bucket>,
}

/// A histogram's bucket: counts values `<= edge` that no lower bucket counts.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Bucket {
    /// The histogram's name, for example `latency`.
    #[n(1)]
    pub histogram: String,
    /// Upper edge in the histogram's unit; none for the overflow bucket.
    #[n(2)]
    pub edge: Option<u64>,
}

/// The ordered counters of a pact. Revisions only append.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Schema {
    /// The counters, by index.
    #[n(0)]
    pub counters: Vec<Counter>,
}

impl Schema {
    /// Hash that leaves and claims name.
    #[must_use]
    pub fn hash(&self) -> SchemaHash {
        SchemaHash(domain::SCHEMA.hash(&[&self.to_cbor()]))
    }

    /// The counter called `name`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<(CounterIndex, &Counter)> {
        let at = self.counters.iter().position(|c| c.name == name)?;
        Some((CounterIndex(u16::try_from(at).ok()?), self.counters.get(at)?))
    }
}

impl Wire for Schema {
    const MAX_BYTES: usize = 64 * 1024;
}
