//! The two documents beside a bundle, for every program that verifies: the anchors that go in, and
//! the verdict that comes out.

mod anchors;
mod verdict;

pub use anchors::{
    AnchorsDocument, AnchorsError, AudienceDocument, MonitorDocument, TimeStampsDocument,
    WitnessesDocument,
};
pub use verdict::{Context, FORMAT, failed, unusable, verdict};
