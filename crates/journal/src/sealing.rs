//! The key that wraps all others.

use thiserror::Error;
use zeroize::Zeroizing;

/// Wraps the keys of segments, so that only this monitor, on this platform, gets them back.
///
/// `context` names what the key is for. It is authenticated, never secret, and a wrapped key
/// unwraps under the same context only.
pub trait SealingKey: Send {
    /// Wraps `key` for `context`.
    ///
    /// # Errors
    /// When the key's holder is out of reach.
    fn wrap(&self, context: &[u8], key: &[u8; 32]) -> Result<Vec<u8>, SealError>;

    /// Gives back what [`wrap`](Self::wrap) took.
    ///
    /// # Errors
    /// When another key wrapped it, when it or its context was changed, or when the key's holder
    /// is out of reach.
    fn unwrap(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<[u8; 32]>, SealError>;
}

/// Why a key cannot be wrapped or unwrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SealError {
    /// Another sealing key wrapped it.
    #[error("another key wrapped this")]
    AnotherKey,
    /// The wrapped bytes or their context were changed.
    #[error("the wrapped key is damaged")]
    Damaged,
    /// Whoever holds the sealing key does not answer.
    #[error("the sealing key is out of reach")]
    Unavailable,
}

impl SealError {
    /// A stable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AnotherKey => "sealed-by-another-key",
            Self::Damaged => "sealed-key-damaged",
            Self::Unavailable => "sealing-unavailable",
        }
    }
}
