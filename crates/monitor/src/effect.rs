//! Effects: what an operation does to the monitor, as data. An effect is decided once, put on
//! record, and then applied; after a restart the recorded effects are applied again, in order,
//! and nothing is decided twice.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use messages::event::{Counts, Party};
use messages::hidden::Asked;
use messages::ids::{EventHash, PactHash, SessionId, TallyId};
use messages::leaf::BootEntry;
use messages::receipt::Receipt;
use messages::reply::{Action, Metadata, Open};
use messages::signature::PublicKey;
use messages::time::{Bracket, Millis, UnixMillis};
use minicbor::{Decode, Encode};
use pact::{Change, LogScope};
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRngCore, SeedableRng};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// All randomness of one effect: whatever it draws, it draws again when it is applied again.
#[derive(Encode, Decode, Zeroize, ZeroizeOnDrop)]
#[cbor(transparent)]
pub struct Seed(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    [u8; 32],
);

impl Seed {
    /// A fresh one.
    #[must_use]
    pub fn draw(rng: &mut impl CryptoRngCore) -> Self {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        Self(seed)
    }

    /// The stream that this seed stands for.
    #[must_use]
    pub fn rng(&self) -> ChaCha20Rng {
        ChaCha20Rng::from_seed(self.0)
    }
}

/// What an operation does.
#[derive(Encode, Decode)]
pub enum Effect {
    /// A boot begins: its key signs from here on, and every tally's life has one entry more.
    #[n(1)]
    Booted {
        /// The boot; `first` is filled in by each tally.
        #[n(0)]
        entry: BootEntry,
        /// Its key.
        #[n(1)]
        key: PublicKey,
    },
    /// A pact came under monitoring; its two tallies open.
    #[n(2)]
    Registered {
        /// The signed pact, JSON.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        pact: Vec<u8>,
        /// The parties' keys, as they signed.
        #[n(1)]
        keys: [PublicKey; 2],
        /// When.
        #[n(2)]
        at: Bracket,
        /// For the holders' secrets and the first commitments.
        #[n(3)]
        seed: Seed,
    },
    /// A session opened.
    #[n(3)]
    Opened {
        /// As the initiator signed it.
        #[n(0)]
        open: Open,
        /// When.
        #[n(1)]
        at: UnixMillis,
        /// For the key of its tokens.
        #[n(2)]
        seed: Seed,
    },
    /// An event was taken.
    #[n(4)]
    Took(#[n(0)] Box<Took>),
    /// A party's counts were taken.
    #[n(5)]
    Counted {
        /// As the party signed them.
        #[n(0)]
        counts: Counts,
        /// When.
        #[n(1)]
        at: UnixMillis,
    },
    /// An overseer decided on a paused call.
    #[n(6)]
    Approved(#[n(0)] Box<Approved>),
    /// The epoch ended.
    #[n(7)]
    Closed {
        /// When.
        #[n(0)]
        at: Bracket,
        /// For the salts of the commitments.
        #[n(1)]
        seed: Seed,
        /// How long a session may be idle, as configured then.
        #[n(2)]
        idle: Millis,
    },
    /// A counter is full: the tallies of a pact end.
    #[n(8)]
    Full {
        /// The pact.
        #[n(0)]
        root: PactHash,
        /// When.
        #[n(1)]
        at: Bracket,
        /// For the salts of the last commitments.
        #[n(2)]
        seed: Seed,
    },
    /// A party showed a receipt for more than the monitor holds.
    #[n(9)]
    RolledBack {
        /// Root pact of the session.
        #[n(0)]
        root: PactHash,
        /// What the party showed.
        #[n(1)]
        receipt: Receipt,
    },
    /// An overseer lets a pact go on.
    #[n(10)]
    Reinstated {
        /// The pact.
        #[n(0)]
        root: PactHash,
    },
    /// The record and the published log disagree: every tally ends, and a next one begins.
    #[n(11)]
    Broken {
        /// When.
        #[n(0)]
        at: Bracket,
        /// For the new holders' secrets and the first commitments.
        #[n(1)]
        seed: Seed,
    },
    /// A revision takes the place of a pact: its sessions and tallies go on under the new terms.
    #[n(13)]
    Revised {
        /// Root pact.
        #[n(0)]
        root: PactHash,
        /// The signed revision, JSON.
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        pact: Vec<u8>,
        /// The parties' keys from now on.
        #[n(2)]
        keys: [PublicKey; 2],
    },
    /// A claim about a tally was asked for, and consent permits it.
    #[n(14)]
    Asked {
        /// Root pact.
        #[n(0)]
        root: PactHash,
        /// The tally.
        #[n(1)]
        tally: TallyId,
        /// By whom, for whom, about what.
        #[n(2)]
        asked: Box<Asked>,
    },
    /// Retention is over for the oldest records: what is kept of sessions that ended before goes
    /// with them, unless their pact's term still lasts.
    #[n(12)]
    Forgot {
        /// Sessions that ended earlier, of pacts whose term ended earlier, are forgotten.
        #[n(0)]
        before: UnixMillis,
        /// Number of the oldest record that is still retained.
        #[n(1)]
        oldest: u64,
    },
}

/// One event that was taken, and all that it changes.
#[derive(Encode, Decode)]
#[cbor(map)]
pub struct Took {
    /// Root pact.
    #[n(1)]
    pub root: PactHash,
    /// The session.
    #[n(2)]
    pub session: SessionId,
    /// Who reported it.
    #[n(3)]
    pub party: Party,
    /// Its hash.
    #[n(4)]
    pub event: EventHash,
    /// When.
    #[n(5)]
    pub at: UnixMillis,
    /// What interventionist mode does with it.
    #[n(6)]
    pub action: Action,
    /// The pact's rule; empty when none was broken.
    #[n(7)]
    pub rule: String,
    /// It happens: a call runs, a message or result is delivered.
    #[n(8)]
    pub runs: bool,
    /// It goes to the counterparty.
    #[n(9)]
    pub outward: bool,
    /// The interaction of a call, by its number in the chain of pacts; `u16::MAX` for one outside
    /// it.
    #[n(10)]
    pub tool: Option<u16>,
    /// Nobody can decide on the paused call after this.
    #[n(11)]
    pub until: Option<UnixMillis>,
    /// What the check found to change.
    #[n(12)]
    pub change: Change,
    /// In the scopes `metadata` and `full`.
    #[n(13)]
    pub metadata: Option<Metadata>,
    /// The signed event, canonical JSON, in the scope `full`.
    #[n(14)]
    #[cbor(with = "minicbor::bytes")]
    pub content: Option<Vec<u8>>,
}

/// An overseer's decision on a paused call, and all that it changes.
#[derive(Encode, Decode)]
#[cbor(map)]
pub struct Approved {
    /// The session.
    #[n(1)]
    pub session: SessionId,
    /// The call's event.
    #[n(2)]
    pub call: EventHash,
    /// When.
    #[n(3)]
    pub at: UnixMillis,
    /// What became of the call.
    #[n(4)]
    pub action: Action,
    /// It runs.
    #[n(5)]
    pub runs: bool,
    /// What the second look found to change; none when the overseer refused.
    #[n(6)]
    pub change: Option<Change>,
    /// The rule; empty when none was broken.
    #[n(7)]
    pub rule: String,
}

impl Effect {
    /// What may be written of this effect under a log scope: what the scope does not allow is
    /// gone, and after a restart values that were read from it count as unseen.
    #[must_use]
    pub fn scoped(self, scope: LogScope) -> Self {
        match (self, scope) {
            (effect, LogScope::Full) => effect,
            (Self::Took(mut took), _) => {
                took.content = None;
                took.change = took.change.scoped(scope).into_owned();
                if scope == LogScope::HashOnly {
                    took.metadata = None;
                }
                Self::Took(took)
            }
            (Self::Approved(mut approved), _) => {
                approved.change = approved.change.map(|change| change.scoped(scope).into_owned());
                Self::Approved(approved)
            }
            (effect, _) => effect,
        }
    }
}
