//! Secret totals, their blindings, openings and commitments.
//!
//! A tally counts one party's behaviour under one chain of pacts. At the end of an epoch its
//! running totals are committed, each in its own Pedersen commitment C·G + R·H over Ristretto255
//! with a fresh blinding, and a leaf carries the Merkle root over them; those that circuits know are
//! committed once more, all in one Poseidon hash, kappa. The secret types of
//! Cloister live here and nowhere else: none has `Clone`, `Debug` or `PartialEq`, each is erased
//! on drop, and every read goes through a method that begins with `expose`.
//!
//! It is *not* a proof that the totals are true: that rests on the code that adds to them.
//!
//! ```
//! # use cloister_tally as tally;
//! use messages::counter::{Counter, CounterIndex, Schema};
//! use messages::segment::MOVED;
//! use messages::{did::Did, ids::{PactHash, Salt}, signature::PublicKey, time::Epoch};
//! use tally::{BlindingContext, HolderSecret, Place, Totals, commit, tally_id};
//! let calls = Counter { name: "calls.all".into(), unit: "calls".into(), max: 9, bucket: None };
//! let mut totals = Totals::new(&Schema { counters: vec![calls] });
//! totals.add(&[(CounterIndex(0), 7)]).unwrap();
//! assert!(totals.add(&[(CounterIndex(0), 3)]).is_err());
//! let root_pact = PactHash([1; 32]);
//! let context = BlindingContext {
//!     tally: tally_id(&root_pact, &Did::parse("did:web:a.example").unwrap(), 0),
//!     root_pact, epoch: Epoch(1), salt: Salt([2; 32]), boot_key: PublicKey([3; 32]),
//! };
//! let secret = HolderSecret::from_bytes([4; 32]);
//! let openings = commit(&totals, (&[None; MOVED], Place::start()), None, &secret, &context);
//! assert_eq!(openings.expose_value(CounterIndex(0)), Some(7));
//! ```

mod blinding;
mod cut;
mod entries;
pub mod exposed;
mod held;
mod openings;
mod secret;
mod totals;

pub use blinding::{Blinding, BlindingContext, Hiding};
pub use cut::{Cut, SessionRecord};
pub use entries::{Entries, Place};
pub use held::{Held, HeldError};
pub use openings::{Moved, Openings, commit};
pub use secret::HolderSecret;
pub use totals::{TallyFull, Totals};

pub use messages::leaf::tally_id;
