//! The server's half: a TLS key that never leaves the process, its certificate, and the binding
//! of each session.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use messages::evidence::Conceptual;
use messages::time::{Millis, UnixMillis};
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::{ServerConfig, ServerConnection};
use time::OffsetDateTime;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::binding::{Binding, spki_hash};
use crate::leaf::{self, CMW_OID, MAX_LIFE};
use crate::tls;

/// How much earlier than now a certificate begins: clients' clocks differ.
pub const SKEW: Millis = Millis(5 * 60 * 1000);
/// A client that has not completed its handshake by then is let go.
pub const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);

/// A TLS key with its certificate. The key is drawn here, is never stored, and ends with the
/// last session that uses it.
pub struct ServerIdentity {
    config: Arc<ServerConfig>,
    spki: [u8; 32],
    not_before: UnixMillis,
    not_after: UnixMillis,
}

impl ServerIdentity {
    /// Draws a P-256 key and certifies it from [`SKEW`] before `now` for [`MAX_LIFE`]. `origin`
    /// becomes the certificate's name, for people. `make_evidence` gets the SHA-256 of the key's
    /// SubjectPublicKeyInfo and returns evidence over `Claims::for_certificate` of it, or none where
    /// there is none.
    ///
    /// # Errors
    /// [`ServeError`] when the library refuses, or there is no evidence or too large a one.
    pub fn generate(
        origin: &str,
        now: UnixMillis,
        make_evidence: impl FnOnce([u8; 32]) -> Option<Conceptual>,
    ) -> Result<Self, ServeError> {
        let mut key =
            KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|_| ServeError::Key)?;
        let spki = spki_hash(&key.subject_public_key_info());
        let evidence = make_evidence(spki).ok_or(ServeError::NoEvidence)?;
        let evidence = leaf::encode_cmw(&evidence).ok_or(ServeError::EvidenceTooLarge)?;
        let begin = now.0.saturating_sub(SKEW.0);
        // Certificates name whole seconds.
        let not_before = UnixMillis(begin.saturating_sub(begin % 1000));
        let not_after = not_before.saturating_add(MAX_LIFE);
        let params = certificate(origin, not_before, not_after, evidence)?;
        let certificate = params.self_signed(&key).map_err(|_| ServeError::Certificate)?;
        let secret = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        zeroize::Zeroize::zeroize(&mut key);
        let mut config = ServerConfig::builder_with_provider(tls::provider())
            .with_protocol_versions(tls::VERSIONS)
            .map_err(|_| ServeError::Config)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], secret)
            .map_err(|_| ServeError::Config)?;
        config.alpn_protocols = vec![tls::ALPN_H2.to_vec(), b"http/1.1".to_vec()];
        // A resumed session shows no certificate and proves no key, so the client's pre-filter
        // would not run; early data can be replayed. Every session begins with a full handshake.
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.max_early_data_size = 0;
        Ok(Self { config: Arc::new(config), spki, not_before, not_after })
    }

    /// TLS 1.3 only; HTTP/2, then HTTP/1.1; hybrid key exchange first; no resumption and no early
    /// data.
    #[must_use]
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// SHA-256 of the key's SubjectPublicKeyInfo, DER.
    #[must_use]
    pub const fn spki(&self) -> &[u8; 32] {
        &self.spki
    }

    /// Last moment of the certificate's validity.
    #[must_use]
    pub const fn not_after(&self) -> UnixMillis {
        self.not_after
    }

    /// Whether another identity should take over: half of the life is over, or the clock lies
    /// before it.
    #[must_use]
    pub const fn is_due(&self, now: UnixMillis) -> bool {
        let half = Millis(MAX_LIFE.0 / 2);
        now.0 < self.not_before.0 || now.0 >= self.not_before.saturating_add(half).0
    }

    /// The binding of a session that this identity's key serves.
    ///
    /// # Errors
    /// [`ServeError::Exporter`] before the handshake is complete. Answer no challenge then.
    pub fn binding(&self, connection: &ServerConnection) -> Result<Binding, ServeError> {
        Binding::of(connection, self.spki).ok_or(ServeError::Exporter)
    }

    /// Shakes hands over `io`, within [`HANDSHAKE_PATIENCE`], and returns the session with its
    /// binding.
    ///
    /// # Errors
    /// [`ServeError::Handshake`] when the client speaks no TLS 1.3 or breaks off,
    /// [`ServeError::HandshakeTimeout`] when it dawdles.
    pub async fn accept<IO>(&self, io: IO) -> Result<(TlsStream<IO>, Binding), ServeError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let handshake = TlsAcceptor::from(self.server_config()).accept(io);
        let session = tokio::time::timeout(HANDSHAKE_PATIENCE, handshake)
            .await
            .map_err(|_| ServeError::HandshakeTimeout)?
            .map_err(|_| ServeError::Handshake)?;
        let binding = self.binding(session.get_ref().1)?;
        Ok((session, binding))
    }
}

/// The identity that new sessions get. Sessions keep the one that they began with, whose key hash
/// their binding names; so it is chosen per connection and not inside a running configuration.
pub struct Rotation(RwLock<Arc<ServerIdentity>>);

impl Rotation {
    /// Begins with `first`.
    #[must_use]
    pub fn new(first: ServerIdentity) -> Self {
        Self(RwLock::new(Arc::new(first)))
    }

    /// The identity for a connection that arrives now.
    #[must_use]
    pub fn current(&self) -> Arc<ServerIdentity> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives connections that arrive from now on `next`.
    pub fn replace(&self, next: ServerIdentity) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
    }
}

/// Why a server has no identity, or a client no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServeError {
    /// No key could be drawn.
    #[error("no tls key could be drawn")]
    Key,
    /// Over the bound of a conceptual message.
    #[error("the evidence is too large for a certificate")]
    EvidenceTooLarge,
    /// The hardware gives none.
    #[error("there is no evidence for a certificate")]
    NoEvidence,
    /// A moment that a certificate cannot name, or a library fault.
    #[error("the certificate could not be made")]
    Certificate,
    /// The TLS library refuses its settings.
    #[error("tls could not be set up")]
    Config,
    /// The client broke off or speaks no TLS 1.3.
    #[error("the client completed no tls 1.3 handshake")]
    Handshake,
    /// The client took longer than [`HANDSHAKE_PATIENCE`].
    #[error("the client took too long over its handshake")]
    HandshakeTimeout,
    /// The session has no exporter.
    #[error("the session has no exporter yet")]
    Exporter,
}

impl ServeError {
    /// A stable name for machines.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Key => "tls-key",
            Self::EvidenceTooLarge => "certificate-evidence-too-large",
            Self::NoEvidence => "certificate-no-evidence",
            Self::Certificate => "certificate-unmade",
            Self::Config => "tls-config",
            Self::Handshake => "tls-handshake",
            Self::HandshakeTimeout => "tls-handshake-timeout",
            Self::Exporter => "tls-exporter-missing",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Key | Self::Config => "restart the monitor; if it recurs, its build is broken",
            Self::NoEvidence => "wait: the hardware may be throttled by its host",
            Self::EvidenceTooLarge => "shorten the endorsements that the evidence carries",
            Self::Certificate => "set the machine's clock",
            Self::Handshake => "use a client that speaks TLS 1.3",
            Self::HandshakeTimeout | Self::Exporter => "let the client connect again",
        }
    }
}

fn certificate(
    origin: &str,
    not_before: UnixMillis,
    not_after: UnixMillis,
    evidence: Vec<u8>,
) -> Result<CertificateParams, ServeError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, origin);
    params.not_before = moment(not_before)?;
    params.not_after = moment(not_after)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.custom_extensions = vec![CustomExtension::from_oid_content(&CMW_OID, evidence)];
    Ok(params)
}

fn moment(at: UnixMillis) -> Result<OffsetDateTime, ServeError> {
    let seconds = i64::try_from(at.0 / 1000).map_err(|_| ServeError::Certificate)?;
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| ServeError::Certificate)
}
