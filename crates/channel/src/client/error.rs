//! Why there is no channel, or no answer over it.

use std::io;

use attestations::Refusal;
use rustls::{AlertDescription, CertificateError, OtherError, PeerIncompatible};

use crate::leaf::CertificateFault;

/// Why a step over the channel failed. Nothing was sent beyond the step that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// Not `https://host[:port]`.
    #[error("the monitor's address is not https://host:port")]
    EndpointMalformed,
    /// No connection: name, network or port.
    #[error("no monitor can be reached there ({0})")]
    Unreachable(io::ErrorKind),
    /// The server offers no TLS 1.3.
    #[error("the server does not speak tls 1.3")]
    TlsVersion,
    /// The handshake broke for another reason.
    #[error("the tls handshake failed")]
    Tls,
    /// The server does not speak HTTP/2.
    #[error("the server does not speak http/2")]
    NotHttp2,
    /// The certificate is refused before its evidence is looked at.
    #[error(transparent)]
    Certificate(#[from] CertificateFault),
    /// The certificate's evidence is refused.
    #[error("in the server's certificate: {0}")]
    CertificateEvidence(#[source] Refusal),
    /// The session has no exporter.
    #[error("the tls session has no exporter")]
    Exporter,
    /// The server answered the challenge with another status.
    #[error("the monitor does not attest itself (status {status})")]
    AttestationRefused {
        /// HTTP status.
        status: u16,
    },
    /// The answer to the challenge is no conceptual message.
    #[error("the answer to the challenge is malformed")]
    AttestationMalformed,
    /// The answer to the challenge is refused.
    #[error(transparent)]
    Evidence(#[from] Refusal),
    /// The monitor refused the login.
    #[error("the monitor refuses the login (status {status})")]
    LoginRefused {
        /// HTTP status.
        status: u16,
    },
    /// The answer to the login is no token.
    #[error("the answer to the login is malformed")]
    LoginMalformed,
    /// The caller's path is not absolute.
    #[error("the path is not an absolute one")]
    PathMalformed,
    /// The session ended.
    #[error("the channel has ended")]
    Ended,
    /// Over [`super::Limits::body_bytes`].
    #[error("the answer is larger than {limit} bytes")]
    BodyTooLarge {
        /// The bound, bytes.
        limit: usize,
    },
    /// A limit of [`super::Limits`] passed.
    #[error("the monitor took too long to {0}")]
    TimedOut(Step),
}

/// What was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A connection with its handshake.
    Connect,
    /// A whole answer, or the head of a streamed one.
    Answer,
    /// The next piece of a streamed answer.
    Piece,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::Answer => "answer",
            Self::Piece => "go on",
        })
    }
}

impl ChannelError {
    /// A stable name for machines. Evidence keeps its own, wherever it was shown.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::EndpointMalformed => "channel-endpoint-malformed",
            Self::Unreachable(_) => "channel-unreachable",
            Self::TlsVersion => "channel-tls-version",
            Self::Tls => "channel-tls",
            Self::NotHttp2 => "channel-not-http2",
            Self::Certificate(fault) => fault.code(),
            Self::CertificateEvidence(refusal) | Self::Evidence(refusal) => refusal.code(),
            Self::Exporter => "channel-exporter-missing",
            Self::AttestationRefused { .. } => "channel-attestation-refused",
            Self::AttestationMalformed => "channel-attestation-malformed",
            Self::LoginRefused { .. } => "channel-login-refused",
            Self::LoginMalformed => "channel-login-malformed",
            Self::PathMalformed => "channel-path-malformed",
            Self::Ended => "channel-ended",
            Self::BodyTooLarge { .. } => "channel-body-too-large",
            Self::TimedOut(_) => "channel-timed-out",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::EndpointMalformed => "give https://, a host, and a port where it is not 443",
            Self::Unreachable(_) => "check host, port and network, and that the monitor runs",
            Self::TlsVersion | Self::Tls | Self::NotHttp2 => {
                "connect to the monitor itself: nothing in between may terminate TLS"
            }
            Self::Certificate(fault) => match fault {
                CertificateFault::NotYetValid | CertificateFault::Expired => {
                    "compare both clocks; a monitor renews its certificate twice a day"
                }
                CertificateFault::Chain
                | CertificateFault::TooLarge
                | CertificateFault::Malformed
                | CertificateFault::LongLived
                | CertificateFault::EvidenceMissing
                | CertificateFault::EvidenceRepeated
                | CertificateFault::EvidenceMalformed => {
                    "connect to the monitor itself: this certificate is not one of a monitor"
                }
            },
            Self::CertificateEvidence(refusal) | Self::Evidence(refusal) => refusal.remedy(),
            Self::Exporter | Self::Ended | Self::TimedOut(_) => "connect and attest again",
            Self::AttestationRefused { .. } | Self::AttestationMalformed => {
                "wait until the monitor is ready; if it stays so, ask its operator"
            }
            Self::LoginRefused { .. } => {
                "log in with a key that a registered pact or the monitor's configuration names"
            }
            Self::LoginMalformed => "use a client and a monitor of the same version",
            Self::PathMalformed => "begin the path with a slash",
            Self::BodyTooLarge { .. } => "ask for less at once",
        }
    }

    /// What a failed handshake means, read from the library's error.
    pub(super) fn of_handshake(error: &io::Error) -> Self {
        let tls = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
        match tls {
            Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(own)))) => {
                own.downcast_ref::<Self>().copied().unwrap_or(Self::Tls)
            }
            Some(
                rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
                | rustls::Error::PeerIncompatible(
                    PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                    | PeerIncompatible::ServerDoesNotSupportTls12Or13,
                ),
            ) => Self::TlsVersion,
            Some(
                rustls::Error::NoApplicationProtocol
                | rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol),
            ) => Self::NotHttp2,
            Some(_) => Self::Tls,
            // The peer hung up, or the network did.
            None => Self::Unreachable(error.kind()),
        }
    }
}
