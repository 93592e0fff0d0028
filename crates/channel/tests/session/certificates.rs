//! Certificates that are none of a monitor, or no longer.

use std::sync::Arc;

use attestations::software::attest;
use channel::leaf::{CMW_OID, CertificateFault, Leaf, MAX_BYTES, MAX_LIFE};
use channel::server::{SKEW, ServeError, ServerIdentity};
use cloister_channel as channel;
use messages::codec::Wire;
use messages::evidence::{Conceptual, SOFTWARE_MEDIA_TYPE};
use messages::time::UnixMillis;
use proptest::prelude::*;
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::monitor::{MEASUREMENT, Monitor, NOW, Task, base, connect, connect_with};

/// A day's certificate of an ordinary server, after `change`.
fn made(change: impl FnOnce(&mut CertificateParams)) -> (CertificateDer<'static>, KeyPair) {
    let mut params = CertificateParams::new(vec!["monitor.example".into()]).unwrap();
    params.not_before = moment(NOW);
    params.not_after = moment(NOW.saturating_add(MAX_LIFE));
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().der().clone(), key)
}

/// A server with such a certificate.
pub(crate) fn plain(change: impl FnOnce(&mut CertificateParams)) -> Arc<ServerConfig> {
    let (certificate, key) = made(change);
    serving(vec![certificate], &key, &[&rustls::version::TLS13])
}

pub(crate) fn serving(
    chain: Vec<CertificateDer<'static>>,
    key: &KeyPair,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

/// Shakes hands with everybody and says nothing.
pub(crate) async fn mute(config: Arc<ServerConfig>) -> (std::net::SocketAddr, Task) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let accepted = TlsAcceptor::from(Arc::clone(&config)).accept(stream).await;
            tokio::spawn(async move {
                let _session = accepted;
                std::future::pending::<()>().await;
            });
        }
    });
    (address, Task(task))
}

fn moment(at: UnixMillis) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(i64::try_from(at.0 / 1000).unwrap()).unwrap()
}

fn extension(content: Vec<u8>) -> CustomExtension {
    CustomExtension::from_oid_content(&CMW_OID, content)
}

/// DER OCTET STRING of at most 65,535 bytes.
fn octets(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let header = match content.len() {
        0..128 => vec![4, length[1]],
        128..256 => vec![4, 0x81, length[1]],
        _ => vec![4, 0x82, length[0], length[1]],
    };
    [&header[..], content].concat()
}

fn evidence() -> Vec<u8> {
    octets(&attest(&base().for_certificate([0; 32]), MEASUREMENT).to_cbor())
}

fn fault(change: impl FnOnce(&mut CertificateParams)) -> CertificateFault {
    Leaf::parse(&made(change).0).unwrap_err()
}

#[test]
fn reads_what_the_server_writes() {
    let (certificate, _) = made(|p| p.custom_extensions.push(extension(evidence())));
    let leaf = Leaf::parse(&certificate).unwrap();
    assert_eq!(leaf.evidence, attest(&base().for_certificate([0; 32]), MEASUREMENT));
    assert_eq!((leaf.not_before, leaf.not_after), (NOW, NOW.saturating_add(MAX_LIFE)));
}

#[test]
fn refuses_certificates_without_exactly_one_evidence_in_cbor() {
    assert_eq!(fault(|_| ()), CertificateFault::EvidenceMissing);
    let other = CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 36], evidence());
    assert_eq!(fault(|p| p.custom_extensions.push(other)), CertificateFault::EvidenceMissing);
    let twice = |p: &mut CertificateParams| {
        p.custom_extensions = vec![extension(evidence()), extension(evidence())];
    };
    assert_eq!(fault(twice), CertificateFault::EvidenceRepeated);
    let bare = attest(&base(), MEASUREMENT).to_cbor();
    for content in [vec![], octets(b""), octets(&[&bare[..], &[0]].concat()), bare] {
        let malformed = |p: &mut CertificateParams| p.custom_extensions = vec![extension(content)];
        assert_eq!(fault(malformed), CertificateFault::EvidenceMalformed);
    }
}

#[test]
fn refuses_certificates_that_live_longer_than_a_day_or_never() {
    let lives = |millis: i64| {
        fault(|p| {
            p.custom_extensions = vec![extension(evidence())];
            p.not_after = p.not_before + time::Duration::milliseconds(millis);
        })
    };
    let day = i64::try_from(MAX_LIFE.0).unwrap();
    assert_eq!(lives(day + 1000), CertificateFault::LongLived);
    assert_eq!(lives(-1000), CertificateFault::LongLived);
}

#[test]
fn refuses_what_is_too_large_or_no_certificate() {
    assert_eq!(Leaf::parse(&vec![0x30; MAX_BYTES + 1]), Err(CertificateFault::TooLarge));
    assert_eq!(Leaf::parse(&[]), Err(CertificateFault::Malformed));
    let (certificate, _) = made(|p| p.custom_extensions.push(extension(evidence())));
    let trailing = [&certificate[..], &[0]].concat();
    assert_eq!(Leaf::parse(&trailing), Err(CertificateFault::Malformed));
}

#[test]
fn the_server_shows_no_evidence_that_is_over_the_bound() {
    let large = |_| {
        let value = vec![0; Conceptual::MAX_BYTES];
        Some(Conceptual { media_type: SOFTWARE_MEDIA_TYPE.into(), value, indicator: 4 })
    };
    let refused = ServerIdentity::generate("insecure-dev/log", NOW, large).err();
    assert_eq!(refused, Some(ServeError::EvidenceTooLarge));
    let refused = ServerIdentity::generate("insecure-dev/log", NOW, |_| None).err();
    assert_eq!(refused, Some(ServeError::NoEvidence));
}

#[test]
fn an_identity_is_due_before_clients_refuse_it() {
    let identity = crate::monitor::identity();
    let begin = UnixMillis(NOW.0 - SKEW.0);
    assert_eq!(identity.not_after(), begin.saturating_add(MAX_LIFE));
    assert!(!identity.is_due(NOW));
    assert!(identity.is_due(UnixMillis(begin.0 + MAX_LIFE.0 / 2)));
    assert!(identity.is_due(UnixMillis(begin.0 - 1)), "the clock was set back");
}

#[tokio::test]
async fn refuses_certificates_outside_their_life() {
    let monitor = Monitor::honest().await;
    let begin = UnixMillis(NOW.0 - SKEW.0);
    let end = begin.saturating_add(MAX_LIFE);
    let at = |now| connect_with(monitor.address, policy(), now);
    assert!(at(begin).await.is_ok());
    assert!(at(end).await.is_ok());
    let early = at(UnixMillis(begin.0 - 1)).await.err().unwrap();
    assert_eq!(early.code(), "certificate-not-yet-valid");
    let late = at(UnixMillis(end.0 + 1)).await.err().unwrap();
    assert_eq!(late.code(), "certificate-expired");
}

fn policy() -> &'static attestations::Policy {
    static POLICY: std::sync::OnceLock<attestations::Policy> = std::sync::OnceLock::new();
    POLICY.get_or_init(crate::monitor::policy)
}

#[tokio::test]
async fn refuses_chains() {
    let (leaf, key) = made(|p| p.custom_extensions.push(extension(evidence())));
    let (issuer, _) = made(|_| ());
    let config = serving(vec![leaf, issuer], &key, &[&rustls::version::TLS13]);
    let (address, _task) = mute(config).await;
    assert_eq!(connect(address).await.err().unwrap().code(), "certificate-chain");
}

proptest! {
    #[test]
    fn arbitrary_certificates_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        drop(Leaf::parse(&bytes));
    }

    #[test]
    fn damaged_certificates_never_panic(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        static WHOLE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let whole = WHOLE.get_or_init(|| {
            made(|p| p.custom_extensions.push(extension(evidence()))).0.to_vec()
        });
        let mut bytes = whole.clone();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        drop(Leaf::parse(&bytes));
        drop(Leaf::parse(&bytes[..cut.index(bytes.len())]));
    }
}
