//! The transparency log: the Merkle tree of RFC 6962, its proofs, and checkpoints that are
//! [C2SP signed notes](https://c2sp.org/tlog-checkpoint).
//!
//! The tree arithmetic is `tlog_tiles` and the note format `signed_note`, ports of the Go
//! module proxy's log, so tools of that family read what is written here. This crate adds the
//! bounds: one origin, one key, one text for one tree head, strict Ed25519, short paths; and, by
//! [tlog-tiles](https://c2sp.org/tlog-tiles) and
//! [tlog-cosignature](https://c2sp.org/tlog-cosignature), tiles and witness cosignatures. It
//! stores nothing and asks nobody; which witnesses count is an argument.
//!
//! ```
//! # use cloister_tlog as tlog;
//! # use messages::{ids, leaf::{Kind, Leaf}, signature::{Signature, SigningKey}};
//! # let leaf = Leaf { kind: Kind::Boot, body: ids::BodyDigest::default(),
//! #     boot: ids::BootId::default(), signature: Signature([0; 64]) };
//! let (key, mut log) = (SigningKey::from_seed(&[7; 32]), tlog::Log::new());
//! let index = log.append(&leaf);
//! let text = tlog::sign_checkpoint("example.org/log", log.size(), &log.root(), &key);
//!
//! let head = tlog::open_checkpoint(&text, "example.org/log", &key.public())?;
//! tlog::verify_inclusion(&head, index, &leaf, &log.inclusion(index, head.size()))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod checkpoint;
mod cosignature;
mod lease;
mod log;
mod proof;
mod tile;
pub mod witness;
mod witnessed;

pub use checkpoint::{
    Checkpoint, CheckpointError, MAX_CHECKPOINT_BYTES, MAX_SIGNATURES, checkpoint_text, is_origin,
    open_checkpoint, sign_checkpoint, sign_leased_checkpoint,
};
pub use cosignature::{CosignError, Cosignature, cosign, cosignatures, with_cosignature};
pub use lease::Lease;
pub use log::{Log, leaf_hash};
pub use proof::{MAX_PATH, ProofError, verify_consistency, verify_inclusion, verify_path};
pub use tile::{MAX_LEVEL, TILE_WIDTH, TilePath, Tiled, entry_bundle, read_entry_bundle};
pub use witnessed::{Jump, Observed, Ticks, TimeError, TimeTerms, WitnessedTime};
