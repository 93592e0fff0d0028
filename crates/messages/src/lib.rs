//! Every byte that crosses a boundary of Cloister, and nothing else: no I/O, no clock.
//!
//! Documents that people agree on are canonical JSON (RFC 8785); machine artefacts are
//! deterministic CBOR (RFC 8949, section 4.2.1). One value has one byte string, sizes are
//! bounded before decoding, and unknown keys or trailing bytes are errors.
//!
//! ```
//! # use cloister_messages as messages;
//! use messages::codec::Wire;
//! use messages::leaf::{BootEntry, Boots};
//! let boots = Boots { entries: vec![BootEntry::default()] };
//! let bytes = boots.to_cbor();
//! assert_eq!(Boots::from_cbor(&bytes).unwrap(), boots);
//! assert!(Boots::from_cbor(&[&bytes[..], &[0]].concat()).is_err());
//! ```
#![no_std]
extern crate alloc;
#[cfg(feature = "json")]
extern crate std;

pub mod accusation;
pub mod bundle;
pub mod circuit;
pub mod claim;
pub mod codec;
pub mod coins;
pub mod counter;
pub mod custody;
pub mod did;
pub mod domain;
#[cfg(feature = "json")]
pub mod event;
pub mod evidence;
#[cfg(feature = "json")]
pub mod hidden;
pub mod ids;
pub mod leaf;
pub mod ledger;
pub mod merkle;
pub mod opening;
pub mod publication;
#[cfg(feature = "json")]
pub mod receipt;
#[cfg(feature = "json")]
pub mod reply;
pub mod segment;
pub mod signature;
pub mod time;
pub mod toeplitz;
