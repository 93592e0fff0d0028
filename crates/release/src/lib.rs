//! Differentially private releases, and the budget that pays for them.
//!
//! The unit of privacy is *one initiating principal's sessions of one UTC day*. Every session is
//! owned by its initiating principal alone; at most `sessions` of an owner's sessions a day are
//! counted, each in at most `cells` tool cells. `PRIVACY.md` states what is protected, by which
//! mechanism, and what is not. This crate knows no counter that claims are proven from, draws no
//! exact value out of what it counted, and releases nothing twice.
//!
//! ```
//! # use cloister_release as release;
//! use messages::{did::Did, ids::Root, time::{Bracket, ClockKind, UnixMillis}};
//! use release::{Bounds, Contribution, Contributions, Ledger, Outcome, OutcomeCell};
//! # let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]); use rand_chacha::rand_core::SeedableRng;
//! let (bounds, tools) = (Bounds { sessions: 8, cells: 4 }, vec!["send_money".to_owned()]);
//! let mut seen = Contributions::new(bounds, tools.clone());
//! let owner = Did::parse("did:web:bank.example").unwrap();
//! seen.add(&owner, 20_000, Contribution::new(OutcomeCell::Clean, tools.clone()), &mut rng);
//!
//! let mut ledger = Ledger::new(20_000_000, bounds); // ρ = 0.02 a day
//! let query = release::query("sessions.count", (Root([0; 32]), 20_000), &tools, 6_000_000)?;
//! if let Outcome::Reserved(reservation) = ledger.reserve(query)? {
//!     let _ = reservation.body(); // published before any noise exists
//! #   let at = Bracket { earliest: UnixMillis(0), latest: UnixMillis(0), clock: ClockKind::Generated };
//!     let aggregate = reservation.draw(&mut ledger, &seen, at)?;
//!     assert_eq!(aggregate.values.len(), 1);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod continual;
mod contributions;
mod ledger;
mod mechanism;
mod statistic;

pub use continual::Stream;
pub use contributions::{Contribution, Contributions, OutcomeCell};
pub use ledger::{DrawError, Ledger, Outcome, Quote, Refusal, Reservation};
pub use mechanism::{MAX_SCALE_MILLI, Scale};
pub use statistic::{Bounds, OTHER, Statistic, query};
