//! `cloisterd` from outside its door.
#![cfg(feature = "insecure-software-attester")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that fails here says so"
)]

#[path = "crash/actor.rs"]
mod actor;
#[path = "daemon/alerts.rs"]
mod alerts;
#[path = "crash/canary.rs"]
mod canary;
#[path = "daemon/custody.rs"]
mod custody;
#[path = "crash/dice.rs"]
mod dice;
#[path = "crash/disk.rs"]
mod disk;
#[path = "daemon/door.rs"]
mod door;
#[path = "daemon/fuzzing.rs"]
mod fuzzing;
#[path = "daemon/handing.rs"]
mod handing;
#[path = "crash/kill.rs"]
mod kill;
#[path = "daemon/lease.rs"]
mod lease;
#[path = "crash/limits.rs"]
mod limits;
#[path = "daemon/machine.rs"]
mod machine;
#[path = "daemon/obeyed.rs"]
mod obeyed;
#[path = "daemon/parties.rs"]
mod parties;
#[cfg(feature = "failpoints")]
#[path = "crash/points.rs"]
mod points;
#[path = "daemon/release.rs"]
mod release;
#[path = "daemon/revision.rs"]
mod revision;
#[path = "crash/scene.rs"]
mod scene;
#[path = "api/schemathesis.rs"]
mod schemathesis;
#[path = "daemon/service.rs"]
mod service;
#[path = "daemon/support.rs"]
mod support;
