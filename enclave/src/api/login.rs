//! Logins: a party proves a key once per connection, and then shows a token.
//!
//! A token is a MAC over the connection's exporter, an expiry and the DID, under a key of this
//! process: nothing is stored, a token is worth nothing on another connection, and it ends with
//! the process.

use channel::binding::Binding;
use channel::login::verify_login;
use hmac::{Hmac, Mac};
use messages::did::Did;
use messages::signature::{PublicKey, Signature};
use sha2::Sha256;
use tokio::time::{Duration, Instant};

/// How long a token is good for.
pub(crate) const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// Makes and reads tokens.
pub(super) struct Tokens {
    mac: Hmac<Sha256>,
    born: Instant,
}

/// Why a login or a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoginError {
    BadSignature,
    TokenExpired,
    TokenInvalid,
    UnknownKey,
}

impl LoginError {
    #[cfg(test)]
    pub(super) const ALL: &'static [Self] =
        &[Self::BadSignature, Self::TokenExpired, Self::TokenInvalid, Self::UnknownKey];

    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::BadSignature => "login-bad-signature",
            Self::TokenExpired => "token-expired",
            Self::TokenInvalid => "token-invalid",
            Self::UnknownKey => "login-unknown-key",
        }
    }
}

impl Tokens {
    /// `key` is drawn for this process.
    pub(super) fn new(key: &[u8; 32], born: Instant) -> Option<Self> {
        Some(Self { mac: Hmac::new_from_slice(key).ok()?, born })
    }

    /// Logs `did` in to the connection of `binding`.
    pub(super) fn login(
        &self,
        (did, key): (&Did, Option<PublicKey>),
        signature: &Signature,
        binding: &Binding,
        now: Instant,
    ) -> Result<String, LoginError> {
        let key = key.ok_or(LoginError::UnknownKey)?;
        verify_login(did, binding, &key, signature).map_err(|_| LoginError::BadSignature)?;
        let expires = self.age(now).saturating_add(millis(LIFETIME)).to_be_bytes();
        let tag = self.over(binding, &expires, did).finalize().into_bytes();
        Ok(hex::encode([&expires, &tag[..], did.as_str().as_bytes()].concat()))
    }

    /// Who showed `token` on the connection of `binding`.
    pub(super) fn read(
        &self,
        token: &str,
        binding: &Binding,
        now: Instant,
    ) -> Result<Did, LoginError> {
        let invalid = LoginError::TokenInvalid;
        if token.len() > MAX_TOKEN_DIGITS {
            return Err(invalid);
        }
        let bytes = hex::decode(token).map_err(|_| invalid)?;
        let (expires, rest) = bytes.split_first_chunk::<8>().ok_or(invalid)?;
        let (tag, did) = rest.split_first_chunk::<32>().ok_or(invalid)?;
        let did = std::str::from_utf8(did).ok().and_then(Did::parse).ok_or(invalid)?;
        self.over(binding, expires, &did).verify_slice(tag).map_err(|_| invalid)?;
        // Only now is it worth saying that it was good once.
        let ended = u64::from_be_bytes(*expires) <= self.age(now);
        if ended { Err(LoginError::TokenExpired) } else { Ok(did) }
    }

    fn over(&self, binding: &Binding, expires: &[u8; 8], did: &Did) -> Hmac<Sha256> {
        // Two parts of fixed length, then the rest: no two inputs are one byte string.
        let mac = self.mac.clone().chain_update(binding.exporter()).chain_update(expires);
        mac.chain_update(did.as_str().as_bytes())
    }

    fn age(&self, now: Instant) -> u64 {
        millis(now.saturating_duration_since(self.born))
    }
}

/// Whole milliseconds.
pub(crate) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

const MAX_TOKEN_DIGITS: usize = 2 * (8 + 32 + Did::MAX_BYTES);
