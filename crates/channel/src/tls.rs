//! What both ends allow of TLS: version 1.3, its cipher suites, hybrid key exchange first.

use std::sync::Arc;

use rustls::SupportedProtocolVersion;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider, kx_group};
use rustls::version::TLS13;

/// The only version. Where another crate of the build compiles TLS 1.2 in, it stays refused.
pub(crate) static VERSIONS: &[&SupportedProtocolVersion] = &[&TLS13];

/// HTTP/2 (RFC 9113, section 3.2).
pub(crate) const ALPN_H2: &[u8] = b"h2";

/// AWS-LC, named and never the process's default. X25519MLKEM768 comes first: a recorded session
/// stays secret when the classical half falls.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: vec![
            cipher_suite::TLS13_AES_256_GCM_SHA384,
            cipher_suite::TLS13_AES_128_GCM_SHA256,
            cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ],
        kx_groups: vec![kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1],
        ..default_provider()
    })
}
