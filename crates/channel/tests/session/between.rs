//! Something between the ends: what only passes bytes on may, what terminates TLS may not.

use std::net::SocketAddr;
use std::sync::Arc;

use attestations::Refusal;
use attestations::software::attest;
use channel::client::ChannelError;
use channel::leaf::{CertificateFault, Leaf};
use channel::server::ServerIdentity;
use cloister_channel as channel;
use messages::evidence::Conceptual;
use rustls::ServerConfig;
use rustls::pki_types::ServerName;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::certificates::plain;
use crate::monitor::{MEASUREMENT, Monitor, NOW, ORIGIN, Task, base, connect, open, rng};
use crate::versions::believing;

/// Passes bytes on.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    cut: watch::Sender<bool>,
    _task: Task,
}

impl Relay {
    pub(crate) async fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (cut, wire) = watch::channel(false);
        let task = tokio::spawn(async move {
            loop {
                let (mut front, _) = listener.accept().await.unwrap();
                let mut back = TcpStream::connect(to).await.unwrap();
                let mut wire = wire.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        ended = copy_bidirectional(&mut front, &mut back) => drop(ended),
                        cut = wire.changed() => drop(cut),
                    }
                });
            }
        });
        Self { address, cut, _task: Task(task) }
    }

    /// Drops every connection.
    pub(crate) fn cut(&self) {
        self.cut.send(true).unwrap();
    }
}

/// Terminates TLS on both sides and passes the plain bytes on.
struct Proxy {
    address: SocketAddr,
    _task: Task,
}

impl Proxy {
    async fn start(to: SocketAddr, config: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            loop {
                let (front, _) = listener.accept().await.unwrap();
                let config = Arc::clone(&config);
                tokio::spawn(async move {
                    let Ok(mut front) = TlsAcceptor::from(config).accept(front).await else {
                        return;
                    };
                    let mut back = dial(to).await;
                    drop(copy_bidirectional(&mut front, &mut back).await);
                });
            }
        });
        Self { address, _task: Task(task) }
    }
}

/// A session with whatever listens there.
async fn dial(to: SocketAddr) -> TlsStream<TcpStream> {
    let mut config = believing(&[&rustls::version::TLS13]);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(to).await.unwrap();
    let name = ServerName::try_from("monitor.example").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

/// The evidence that a monitor's certificate carries.
async fn certificate_evidence(of: SocketAddr) -> Conceptual {
    let session = dial(of).await;
    let chain = session.get_ref().1.peer_certificates().unwrap();
    Leaf::parse(&chain[0]).unwrap().evidence
}

fn with_evidence(make: impl FnOnce([u8; 32]) -> Conceptual) -> Arc<ServerConfig> {
    ServerIdentity::generate(ORIGIN, NOW, |spki| Some(make(spki))).unwrap().server_config()
}

#[tokio::test]
async fn a_relay_of_bytes_is_harmless() {
    let monitor = Monitor::honest().await;
    let relay = Relay::start(monitor.address).await;
    assert!(open(relay.address).await.is_ok());
}

#[tokio::test]
async fn refuses_a_proxy_with_a_certificate_of_its_own() {
    let monitor = Monitor::honest().await;
    let proxy = Proxy::start(monitor.address, plain(|_| ())).await;
    let refused = connect(proxy.address).await.err().unwrap();
    assert_eq!(refused, ChannelError::Certificate(CertificateFault::EvidenceMissing));
    assert_eq!(refused.code(), "certificate-evidence-missing");
}

#[tokio::test]
async fn refuses_a_proxy_that_copies_the_evidence_into_its_certificate() {
    let monitor = Monitor::honest().await;
    let copied = certificate_evidence(monitor.address).await;
    let proxy = Proxy::start(monitor.address, with_evidence(|_| copied)).await;
    let refused = connect(proxy.address).await.err().unwrap();
    assert_eq!(refused, ChannelError::CertificateEvidence(Refusal::WrongSpki));
    assert_eq!(refused.code(), "evidence-wrong-spki");
}

#[tokio::test]
async fn refuses_a_proxy_whose_key_the_machine_vouches_for() {
    // The worst case: a key for which genuine evidence exists has left the monitor.
    let monitor = Monitor::honest().await;
    let config = with_evidence(|spki| attest(&base().for_certificate(spki), MEASUREMENT));
    let proxy = Proxy::start(monitor.address, config).await;
    let connected = connect(proxy.address).await.unwrap();
    let refused = connected.attest(NOW, &mut rng(1)).await.err().unwrap();
    assert_eq!(refused, ChannelError::Evidence(Refusal::WrongChannel));
    assert_eq!(refused.code(), "evidence-wrong-channel");
    assert_eq!(monitor.shown.lock().unwrap().len(), 1, "the challenge did reach the monitor");
}
