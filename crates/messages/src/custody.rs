//! What custodians ask of a monitor and bring to it. Each holds a share of the key under which a
//! monitor's state is sealed; a quorum of them lets a monitor on another machine, or another build of
//! it, read that state.

use core::fmt;

use minicbor::{Decode, Encode};
use zeroize::Zeroize;

use crate::codec::Wire;
use crate::did::Did;
use crate::ids::{BootId, Root};

/// A share: a scalar of the Ristretto group. Secret; erased on drop.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Share(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    [u8; 32],
);

impl Share {
    /// Takes the scalar's canonical bytes; whoever uses them checks that they are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the share out, to store or use it; every read can be found by this name.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// It stands in requests and replies, which are shown when a test fails: without what it is.
impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Share(..)")
    }
}

/// A custodian asks for its share.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Hold {
    /// The boot that it appraised.
    #[n(0)]
    pub boot: BootId,
    /// Who asks.
    #[n(1)]
    pub custodian: Did,
}

impl Wire for Hold {
    const MAX_BYTES: usize = 1024;
}

/// A custodian brings its share to a boot that cannot read its state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Unlock {
    /// The boot that it appraised.
    #[n(0)]
    pub boot: BootId,
    /// Who brings it.
    #[n(1)]
    pub custodian: Did,
    /// Its share.
    #[n(2)]
    pub share: Share,
}

impl Wire for Unlock {
    const MAX_BYTES: usize = 1024;
}

/// A share as its custodian keeps it.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Held {
    /// Always [`Held::FORMAT`].
    #[n(0)]
    pub format: alloc::string::String,
    /// The log's origin name.
    #[n(1)]
    pub origin: alloc::string::String,
    /// Which key it is a share of.
    #[n(2)]
    pub key: Root,
    /// The share.
    #[n(3)]
    pub share: Share,
}

impl Held {
    /// Name of the format.
    pub const FORMAT: &'static str = "cloister-share/1";
}

impl Wire for Held {
    const MAX_BYTES: usize = 1024;
}

#[cfg(test)]
mod tests {
    use super::*;

    static_assertions::assert_not_impl_any!(Held: fmt::Debug, Copy);

    #[test]
    fn a_share_is_shown_without_what_it_is() {
        let share = Share::from_bytes([7; 32]);
        assert_eq!(alloc::format!("{share:?}"), "Share(..)");
    }
}
