//! TLS 1.3, hybrid key exchange, full handshakes: nothing less, from either end.

use std::sync::Arc;

use channel::client::ChannelError;
use channel::server::ServeError;
use cloister_channel as channel;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, DigitallySignedStruct, HandshakeKind, NamedGroup, SignatureScheme,
    SupportedProtocolVersion,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::certificates::{mute, plain, serving};
use crate::monitor::{Monitor, connect, identity};

/// A client that believes every certificate.
pub(crate) fn believing(versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Believer))
        .with_no_client_auth()
}

#[derive(Debug)]
struct Believer;

impl ServerCertVerifier for Believer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

async fn dial(
    config: &Arc<ClientConfig>,
    to: std::net::SocketAddr,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(to).await?;
    let name = ServerName::try_from("monitor.example").unwrap();
    TlsConnector::from(Arc::clone(config)).connect(name, stream).await
}

#[tokio::test]
async fn the_server_refuses_a_client_of_tls_1_2() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        identity().accept(stream).await.err()
    });
    let old = Arc::new(believing(&[&TLS12]));
    assert!(dial(&old, address).await.is_err());
    assert_eq!(server.await.unwrap(), Some(ServeError::Handshake));
}

#[tokio::test]
async fn the_client_refuses_a_server_of_tls_1_2() {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["monitor.example".into()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().der().clone();
    let (address, _task) = mute(serving(vec![certificate], &key, &[&TLS12])).await;
    assert_eq!(connect(address).await.err(), Some(ChannelError::TlsVersion));
}

#[tokio::test]
async fn the_client_refuses_a_server_without_http_2() {
    let mut config = Arc::unwrap_or_clone(plain(|_| ()));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let (address, _task) = mute(Arc::new(config)).await;
    assert_eq!(connect(address).await.err(), Some(ChannelError::NotHttp2));
}

#[tokio::test]
async fn the_client_says_when_nobody_listens_or_something_else_does() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let other = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"SSH-2.0-other\r\n").await.unwrap();
        drop(stream.read(&mut [0; 1]).await);
    });
    assert_eq!(connect(address).await.err(), Some(ChannelError::Tls));
    other.await.unwrap();
    assert_eq!(connect(address).await.err().unwrap().code(), "channel-unreachable");
}

#[tokio::test]
async fn no_session_is_resumed() {
    let monitor = Monitor::honest().await;
    let mut config = believing(&[&TLS13]);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let config = Arc::new(config);
    for _ in 0..2 {
        let mut session = dial(&config, monitor.address).await.unwrap();
        // What the server sends after its handshake, tickets included, has arrived with its first
        // HTTP/2 frame.
        session.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        session.read_exact(&mut [0; 9]).await.unwrap();
        let tls = session.get_ref().1;
        assert_eq!(tls.handshake_kind(), Some(HandshakeKind::Full));
    }
}

#[tokio::test]
async fn two_ends_of_ours_agree_on_a_hybrid_key() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (session, _) = identity().accept(stream).await.unwrap();
        session.get_ref().1.negotiated_key_exchange_group().unwrap().name()
    });
    drop(connect(address).await);
    assert_eq!(server.await.unwrap(), NamedGroup::X25519MLKEM768);
}
