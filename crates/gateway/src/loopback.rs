//! Listeners that only this machine can reach.

use std::net::SocketAddr;

use tokio::net::TcpListener;

/// A listener on 127.0.0.0/8 or ::1. The gateway's servers carry neither TLS nor authentication:
/// they serve the agent beside them and nobody else, so they take no other kind of listener.
#[derive(Debug)]
pub struct Loopback {
    listener: TcpListener,
    exposed: bool,
}

impl Loopback {
    /// Takes a bound listener.
    ///
    /// # Errors
    /// [`ListenError`] when it listens anywhere else, or its address cannot be read.
    pub fn new(listener: TcpListener) -> Result<Self, ListenError> {
        let address = listener.local_addr().map_err(ListenError::Address)?;
        if address.ip().to_canonical().is_loopback() {
            Ok(Self { listener, exposed: false })
        } else {
            Err(ListenError::Exposed)
        }
    }

    /// Takes a listener wherever it listens: for a private network of containers that the
    /// operator vouches for. Everybody who reaches it speaks for the agent.
    #[must_use]
    pub const fn dangerous_exposed(listener: TcpListener) -> Self {
        Self { listener, exposed: true }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// [`ListenError::Address`].
    pub fn local_addr(&self) -> Result<SocketAddr, ListenError> {
        self.listener.local_addr().map_err(ListenError::Address)
    }

    /// True when others than this machine may reach it.
    #[must_use]
    pub const fn is_exposed(&self) -> bool {
        self.exposed
    }

    #[cfg(any(feature = "ext-authz", feature = "http", feature = "otlp"))]
    pub(crate) fn into_parts(self) -> (TcpListener, Reach) {
        let reach = if self.is_exposed() { Reach::Exposed } else { Reach::Loopback };
        (self.listener, reach)
    }
}

/// Who can reach a listener.
#[cfg(any(feature = "ext-authz", feature = "http", feature = "otlp"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Whoever reaches the address.
    Exposed,
    /// This machine.
    Loopback,
}

/// Why a listener is not taken, or a server ended.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The listener's address cannot be read.
    #[error("the listener's address cannot be read")]
    Address(#[source] std::io::Error),
    /// Others than this machine could reach it.
    #[error("the address is not a loopback address")]
    Exposed,
    /// The server stopped by itself.
    #[error("the server stopped")]
    Stopped(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ListenError {
    /// Stable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Address(_) => "listener-address",
            Self::Exposed => "listener-exposed",
            Self::Stopped(_) => "listener-stopped",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Address(_) => "bind the listener again",
            Self::Exposed => "listen on 127.0.0.1 or ::1",
            Self::Stopped(_) => "start the connector again",
        }
    }
}
