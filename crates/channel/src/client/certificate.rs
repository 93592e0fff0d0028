//! The pre-filter: a server's certificate passes when its evidence is for its own key and the
//! policy accepts it. Then TLS itself checks that the server holds the key.

use std::sync::Arc;

use attestations::{Expect, Policy, appraise};
use messages::time::UnixMillis;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::time_provider::TimeProvider;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, PeerIncompatible,
    SignatureScheme,
};

use super::error::ChannelError;
use crate::binding::spki_hash;
use crate::leaf::{CertificateFault, Leaf};
use crate::tls;

/// TLS 1.3 only, HTTP/2 only, no resumption, no early data; every certificate is judged by
/// `policy` at `now`.
pub(super) fn config(policy: &Policy, now: UnixMillis) -> Result<ClientConfig, ChannelError> {
    let provider = tls::provider();
    let verifier = EvidenceVerifier {
        policy: policy.clone(),
        now,
        signatures: provider.signature_verification_algorithms,
    };
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(Stopped(now)))
        .with_protocol_versions(tls::VERSIONS)
        .map_err(|_| ChannelError::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![tls::ALPN_H2.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    Ok(config)
}

/// The key hash of a certificate, read by the parser that TLS verifies signatures with: no second
/// parser could then see another key.
pub(super) fn spki_of(certificate: &CertificateDer<'_>) -> Option<[u8; 32]> {
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    Some(spki_hash(&parsed.subject_public_key_info()))
}

#[derive(Debug)]
struct EvidenceVerifier {
    policy: Policy,
    now: UnixMillis,
    signatures: WebPkiSupportedAlgorithms,
}

impl EvidenceVerifier {
    fn check(&self, leaf: &CertificateDer<'_>, chained: bool) -> Result<(), ChannelError> {
        if chained {
            return Err(CertificateFault::Chain.into());
        }
        let parsed = Leaf::parse(leaf)?;
        parsed.check_validity(self.now)?;
        let spki = spki_of(leaf).ok_or(CertificateFault::Malformed)?;
        appraise(&parsed.evidence, &self.policy, Expect::Certificate { spki }, self.now)
            .map(drop)
            .map_err(ChannelError::CertificateEvidence)
    }
}

impl ServerCertVerifier for EvidenceVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.check(end_entity, !intermediates.is_empty())
            .map(|()| ServerCertVerified::assertion())
            .map_err(|e| CertificateError::Other(OtherError(Arc::new(e))).into())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.signatures)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signatures.supported_schemes()
    }
}

/// The caller's moment: TLS reads no clock.
#[derive(Debug)]
struct Stopped(UnixMillis);

impl TimeProvider for Stopped {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_millis(self.0.0)))
    }
}
