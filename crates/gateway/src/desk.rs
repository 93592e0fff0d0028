//! What the gateway hands over, and to whom: the [`Desk`] behind the foreign protocols.
//!
//! The gateway translates and nothing more. It signs no event, keeps no session, talks to no
//! monitor: whoever implements [`Desk`] does.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use messages::did::Did;
use serde_json::Value;

use crate::observation::Observation;

/// Takes what foreign protocols bring.
pub trait Desk: Clone + Send + Sync + 'static {
    /// Takes note of what already happened. `Ok` promises that it will be reported: whoever sent
    /// it forgets it then.
    fn observe(&self, seen: Observation) -> impl Future<Output = Result<(), DeskError>> + Send;

    /// Decides on what is about to happen. It may wait, for a verdict or for an overseer.
    fn decide(&self, call: Intended) -> impl Future<Output = Result<Decision, DeskError>> + Send;

    /// Takes the ticket of a call that arrives at the provider's side; a ticket is good once, for
    /// one call.
    fn redeem(
        &self,
        ticket: String,
        call: Intended,
    ) -> impl Future<Output = Result<Redemption, DeskError>> + Send;
}

/// A call that has not run yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Intended {
    /// Joins the call to a session.
    pub conversation: String,
    /// The caller's own name for the call. Unique within one connection of the foreign protocol
    /// at best: the desk makes it unique in the session.
    pub call: String,
    /// Which interaction.
    pub name: String,
    /// Arguments by name.
    pub args: BTreeMap<String, Value>,
    /// The ticket that came with it.
    pub ticket: Option<String>,
    /// The delegate that asks; none for the party's own agent. A foreign protocol that does not say
    /// speaks for the agent.
    pub via: Option<Did>,
}

/// The answer to an [`Intended`] call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may run.
    Allow {
        /// What the provider's side will ask for.
        ticket: Option<String>,
    },
    /// It may not run.
    Deny {
        /// The pact's rule.
        rule: String,
    },
    /// Somebody has to decide, and has not yet.
    Pause {
        /// The pact's rule.
        rule: String,
        /// When to ask again.
        retry_after: Duration,
    },
    /// It may not run, nor may anything after it in this session.
    Terminate {
        /// The pact's rule.
        rule: String,
    },
}

/// The answer to a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redemption {
    /// Genuine, for this call, not used before; now it is used.
    Redeemed,
    /// Not a ticket for this call.
    Refused,
}

/// Why the desk has no answer. None of them lets a call run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeskError {
    /// It is closing.
    #[error("closing, nothing more is taken")]
    Closed,
    /// It has no room; nothing was taken.
    #[error("no room now, nothing was taken")]
    Full {
        /// When to try again.
        retry_after: Duration,
    },
    /// No session belongs to the conversation, and none may be opened for it.
    #[error("no session belongs to this conversation")]
    NoSession,
    /// What was seen cannot be an event of the session, now or later.
    #[error("cannot be an event of this session")]
    Unfit,
    /// The monitor does not answer.
    #[error("the monitor does not answer")]
    Unreachable {
        /// When to try again.
        retry_after: Duration,
    },
}

impl DeskError {
    /// Stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Closed => "desk-closed",
            Self::Full { .. } => "desk-full",
            Self::NoSession => "no-session",
            Self::Unfit => "not-an-event",
            Self::Unreachable { .. } => "monitor-unreachable",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Closed => "send again when the connector is back",
            Self::Full { .. } => "send again after the stated time",
            Self::NoSession => "open a session for the conversation, or name one that is open",
            Self::Unfit => "do not send it again; see the connector's notes on events",
            Self::Unreachable { .. } => "check the connector's way to the monitor; send again",
        }
    }

    /// When the same may be sent again; none when that is of no use.
    #[must_use]
    pub const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Closed => Some(Duration::from_secs(5)),
            Self::Full { retry_after } | Self::Unreachable { retry_after } => Some(retry_after),
            Self::NoSession | Self::Unfit => None,
        }
    }
}

/// For `Retry-After`: rounded up, at least one.
#[cfg(any(feature = "ext-authz", feature = "http", feature = "otlp"))]
pub(crate) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0)).max(1)
}
