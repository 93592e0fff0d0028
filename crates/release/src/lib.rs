//! Differentially private releases, and the budget that pays for them.
//!
//! The unit of privacy is *one initiating principal's sessions that end in one UTC day*. Every
//! session is owned by its initiating principal alone; at most `sessions` of an owner's sessions a
//! day are counted, each in at most `cells` tool cells. `PRIVACY.md` states what is protected, by
//! which mechanism, and what is not. This crate knows no counter that claims are proven from, draws no
//! exact value out of what it counted, and releases nothing twice.
//!
//! ```
//! # use cloister_release as release;
//! use messages::{did::Did, ids::Root, time::{Bracket, ClockKind, UnixMillis}};
//! use release::{Bounds, Contribution, Dataset, OutcomeCell, Statistic};
//! # let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]); use rand_chacha::rand_core::SeedableRng;
//! let bounds = Bounds { sessions: 8, cells: 4, horizon: 365, unit: None };
//! let tools = vec!["send_money".to_owned()];
//! let mut data = Dataset::new(Root([0; 32]), 20_000_000, bounds, tools.clone()); // ρ = 0.02 a day
//! let owner = Did::parse("did:web:bank.example").unwrap();
//! data.add(&owner, 20_000, Contribution::new(OutcomeCell::Clean, tools), &mut rng);
//!
//! // The day has ended.
//! let due = data.due(20_000, &[(Statistic::SessionsCount, 6_000_000)]);
//! let reservation = data.reserve(due)?;
//! let _ = reservation.body(); // published before any noise exists
//! # let at = Bracket { earliest: UnixMillis(0), latest: UnixMillis(0), clock: ClockKind::Generated };
//! let drawn = data.draw(reservation, at)?;
//! data.record(&drawn)?; // and then published
//! assert_eq!(drawn.answers()[0].values.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod asked;
#[cfg(test)]
mod binomial;
mod card;
mod continual;
mod contributions;
mod dataset;
mod float;
mod ledger;
mod mechanism;
mod price;
mod proven;
mod statistic;

pub use asked::Asked;
pub use card::{Terms, epsilon};
pub use contributions::{Contribution, OutcomeCell};
pub use dataset::{Dataset, Drawn, Quote, Reservation};
pub use ledger::{DrawError, Refusal};
pub use proven::{Answered, Committed, Uncommitted};
pub use statistic::{Bounds, OTHER, Percent, Statistic};
