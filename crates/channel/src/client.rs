//! The client's half: connect, challenge, appraise, and only then send.
//!
//! ```no_run
//! # use cloister_channel as channel;
//! # async fn example(mut rng: impl rand_core::CryptoRngCore) -> Result<(), channel::client::ChannelError> {
//! use attestations::{Log, Policy};
//! use channel::client::{Channel, Endpoint, Limits};
//! use http::{HeaderMap, Method};
//! use messages::time::UnixMillis;
//!
//! let policy = Policy { origin: "log.example".into(), configs: vec![], log: Log::Any, hardware: None, software: None };
//! let now = UnixMillis(1_790_000_000_000);
//! let endpoint = Endpoint::parse("https://monitor.example:8443")?;
//! let connected = Channel::connect(&endpoint, &policy, now, Limits::default()).await?;
//! let channel = connected.attest(now, &mut rng).await?;
//! let answer = channel.request(Method::GET, "/healthz", HeaderMap::new(), "".into()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Before that nothing can be sent:
//!
//! ```compile_fail,E0599
//! # use cloister_channel as channel;
//! use channel::client::{Channel, Connected};
//! use http::{HeaderMap, Method};
//!
//! async fn early(connected: Channel<Connected>) {
//!     connected.request(Method::GET, "/", HeaderMap::new(), "".into()).await;
//! }
//! ```

mod certificate;
mod connection;
mod endpoint;
mod error;
mod token;

use std::time::Duration;

use attestations::{Appraisal, Appraised, Expect, Policy, appraise};
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use messages::codec::Wire;
use messages::did::Did;
use messages::evidence::Conceptual;
use messages::signature::SigningKey;
use messages::time::UnixMillis;
use rand_core::CryptoRngCore;
use tokio::time::Instant;

use self::connection::Connection;
pub use self::connection::{Limits, Response, Streamed};
pub use self::endpoint::Endpoint;
pub use self::error::{ChannelError, Step};
pub use self::token::Token;
use crate::binding::Binding;
use crate::forms::body::AttestBody;
use crate::forms::encoding::Hex;
use crate::login::sign_login;
use crate::{ATTESTATION_PATH, CMW_MEDIA_TYPE, TOKEN_PATH};

/// One TLS session with a monitor. It is never renewed in secret: when it ends, connect and
/// attest again.
#[must_use]
pub struct Channel<State> {
    connection: Connection,
    binding: Binding,
    state: State,
}

/// The handshake is done and the certificate's evidence passed; who holds the session is unknown,
/// so nothing can be sent but a challenge.
pub struct Connected {
    policy: Policy,
}

/// The monitor answered the challenge in this session, and the appraisal of its answer has not
/// ended: after that nothing more is sent.
pub struct Attested {
    appraised: Appraised,
    ends: Option<Instant>,
}

impl Attested {
    /// What was appraised a moment ago.
    fn new(appraisal: Appraisal) -> Self {
        let ends = end(appraisal.at(), appraisal.until());
        Self { appraised: appraisal.into_appraised(), ends }
    }

    /// An appraisal of before is none: the session ends with it.
    fn lasts(&self) -> Result<(), ChannelError> {
        match self.ends {
            Some(end) if Instant::now() >= end => Err(ChannelError::Ended),
            _ => Ok(()),
        }
    }
}

/// When an appraisal of this moment ends, by a clock that nobody sets; one that lasts for longer
/// than such a clock can count has no end.
fn end(at: UnixMillis, until: UnixMillis) -> Option<Instant> {
    Instant::now().checked_add(Duration::from_millis(until.0.saturating_sub(at.0)))
}

impl Channel<Connected> {
    /// Connects to `endpoint` and shakes hands with whatever there has a certificate whose
    /// evidence `policy` accepts at `now`. The policy stays with the channel: the challenge
    /// cannot be judged by a weaker one.
    ///
    /// # Errors
    /// [`ChannelError`]: unreachable, no TLS 1.3 with HTTP/2, or a certificate refused.
    pub async fn connect(
        endpoint: &Endpoint,
        policy: &Policy,
        now: UnixMillis,
        limits: Limits,
    ) -> Result<Self, ChannelError> {
        let (connection, binding) = connection::open(endpoint, policy, now, limits).await?;
        Ok(Self { connection, binding, state: Connected { policy: policy.clone() } })
    }

    /// Challenges the server with a nonce from `rng`, and appraises the answer at `now` against
    /// this session's own exporter and server key. A refusal ends the session.
    ///
    /// # Errors
    /// [`ChannelError::AttestationRefused`] when the server gives no evidence,
    /// [`ChannelError::Evidence`] when it gives evidence that the policy or this session refuses.
    pub async fn attest(
        self,
        now: UnixMillis,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Channel<Attested>, ChannelError> {
        let Self { connection, binding, state: Connected { policy } } = self;
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        let evidence = challenge(&connection, &nonce).await?;
        let expect =
            Expect::Challenge { nonce, exporter: *binding.exporter(), spki: *binding.spki() };
        let appraisal = appraise(&evidence, &policy, expect, now)?;
        Ok(Channel { connection, binding, state: Attested::new(appraisal) })
    }
}

impl Channel<Attested> {
    /// What was appraised: the monitor's boot, its keys, and what kind of machine stands behind.
    pub const fn appraised(&self) -> &Appraised {
        &self.state.appraised
    }

    /// The session.
    #[must_use]
    pub const fn binding(&self) -> &Binding {
        &self.binding
    }

    /// Sends one request and returns the whole answer, whatever its status. Requests may run
    /// side by side.
    ///
    /// # Errors
    /// [`ChannelError`] when `path` is none, the session or its appraisal ended, the answer is larger than
    /// [`Limits::body_bytes`] or takes longer than [`Limits::answer`].
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response, ChannelError> {
        self.state.lasts()?;
        self.connection.request(method, path, headers, body).await
    }

    /// Sends one request and returns its answer piece by piece, for as long as the server keeps
    /// it open (Server-Sent Events).
    ///
    /// # Errors
    /// As [`Self::request`], until the answer's head has arrived.
    pub async fn stream(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Streamed, ChannelError> {
        self.state.lasts()?;
        self.connection.stream(method, path, headers, body).await
    }

    /// Logs `did`, whose key is `key`, in to this session (see [`crate::login`]).
    ///
    /// # Errors
    /// [`ChannelError::LoginRefused`] when the monitor does not know the key.
    pub async fn login(&self, did: &Did, key: &SigningKey) -> Result<Token, ChannelError> {
        self.state.lasts()?;
        let signature = sign_login(did, &self.binding, key);
        let body = token::request(did, &signature);
        let headers = json_headers("application/json");
        let answer = self.connection.request(Method::POST, TOKEN_PATH, headers, body).await?;
        if answer.status != StatusCode::OK {
            return Err(ChannelError::LoginRefused { status: answer.status.as_u16() });
        }
        Token::parse(&answer.body).ok_or(ChannelError::LoginMalformed)
    }
}

/// Asks for evidence over `nonce` in this session.
async fn challenge(connection: &Connection, nonce: &[u8; 32]) -> Result<Conceptual, ChannelError> {
    let body = AttestBody { nonce: Hex(*nonce) };
    // One string: this cannot fail, and an empty body would be refused.
    let body = Bytes::from(serde_json::to_vec(&body).unwrap_or_default());
    let headers = json_headers(CMW_MEDIA_TYPE);
    let answer = connection.request(Method::POST, ATTESTATION_PATH, headers, body).await?;
    if answer.status != StatusCode::OK {
        return Err(ChannelError::AttestationRefused { status: answer.status.as_u16() });
    }
    let of_type = answer.headers.get(CONTENT_TYPE).is_some_and(|t| t == CMW_MEDIA_TYPE);
    let evidence = Conceptual::from_cbor(&answer.body).ok().filter(|_| of_type);
    evidence.ok_or(ChannelError::AttestationMalformed)
}

/// Headers of a JSON request that wants an answer of type `accept`.
fn json_headers(accept: &'static str) -> HeaderMap {
    HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (ACCEPT, HeaderValue::from_static(accept)),
    ])
}

#[cfg(test)]
mod tests {
    use attestations::software::attest;
    use attestations::{Log, SoftwarePolicy};
    use messages::evidence::Claims;
    use messages::ids::{BootId, ConfigDigest};
    use messages::signature::PublicKey;

    use super::*;

    #[test]
    fn nothing_is_sent_when_an_appraisal_has_ended() {
        let claims = Claims::for_checkpoint(
            "insecure-dev/log".into(),
            (BootId([4; 32]), PublicKey([1; 32])),
            PublicKey([2; 32]),
            ConfigDigest([3; 32]),
        );
        let policy = Policy {
            origin: claims.origin.clone(),
            configs: vec![claims.config],
            log: Log::Any,
            hardware: None,
            software: Some(SoftwarePolicy { measurements: vec!["sw:00".into()] }),
        };
        let evidence = attest(&claims, "sw:00");
        let appraisal = appraise(&evidence, &policy, Expect::Checkpoint, UnixMillis(0)).unwrap();
        // Development evidence has no end.
        let mut attested = Attested::new(appraisal);
        assert_eq!(attested.lasts(), Ok(()));
        attested.ends = end(UnixMillis(5), UnixMillis(60_005));
        assert_eq!(attested.lasts(), Ok(()));
        for until in [5, 0] {
            attested.ends = end(UnixMillis(5), UnixMillis(until));
            assert_eq!(attested.lasts(), Err(ChannelError::Ended), "until {until}");
        }
    }
}
