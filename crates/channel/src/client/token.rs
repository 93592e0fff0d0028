//! The bearer token of a logged-in party (RFC 6750).

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use messages::did::Did;
use messages::signature::Signature;
use messages::time::Millis;
use zeroize::Zeroizing;

use crate::forms::body::{LoginBody, TokenForm};
use crate::forms::encoding::Hex;

/// A short-lived token, worth something in the session that it was made in only. No `Debug`,
/// erased on drop.
#[must_use]
pub struct Token {
    digits: Zeroizing<String>,
    life: Millis,
}

impl Token {
    /// How long the token is good for, from the moment on that the monitor made it.
    #[must_use]
    pub const fn life(&self) -> Millis {
        self.life
    }

    /// Adds `Authorization: Bearer` to `headers`, marked sensitive: HTTP/2 never indexes it.
    pub fn authorize(&self, headers: &mut HeaderMap) {
        let text = Zeroizing::new(format!("Bearer {}", self.digits.as_str()));
        if let Ok(mut value) = HeaderValue::from_str(&text) {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
    }

    /// Reads the monitor's answer: 32 to 256 lower-case hexadecimal digits, and a span.
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        let TokenForm { token, expires_ms } = serde_json::from_slice(json).ok()?;
        let token = Zeroizing::new(token);
        let hexadecimal = token.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let sized = (32..=1024).contains(&token.len());
        (hexadecimal && sized).then_some(Self { digits: token, life: Millis(expires_ms) })
    }
}

/// The body of a login.
pub(super) fn request(did: &Did, signature: &Signature) -> Bytes {
    let login = LoginBody { did: did.clone(), signature: Hex(signature.0) };
    // Strings and nothing else: this cannot fail, and an empty body would be refused.
    Bytes::from(serde_json::to_vec(&login).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    static_assertions::assert_not_impl_any!(Token: std::fmt::Debug, Clone);

    #[test]
    fn tokens_are_hexadecimal_and_of_a_sane_length() {
        let parse = |token: &str| {
            Token::parse(format!(r#"{{"token":"{token}","expires_ms":7}}"#).as_bytes())
        };
        let token = parse(&"0a".repeat(16)).unwrap();
        assert_eq!(token.life(), Millis(7));
        let mut headers = HeaderMap::new();
        token.authorize(&mut headers);
        assert!(headers[AUTHORIZATION].is_sensitive());
        assert_eq!(headers[AUTHORIZATION], format!("Bearer {}", "0a".repeat(16)));
        for bad in ["", "0a", &"0a".repeat(513), &"0A".repeat(16), &"0 ".repeat(16)] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_answers_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            drop(Token::parse(&bytes));
        }
    }
}
