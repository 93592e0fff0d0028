//! The door: TLS 1.3 for parties, and a plain loopback door for the operator's own machine, which
//! shows health and metrics and nothing else. Each session's binding goes with its requests.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use channel::binding::Binding;
use channel::server::{Rotation, ServeError, ServerIdentity};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use rand_core::{OsRng, RngCore};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tower::ServiceExt;
use zeroize::Zeroizing;

use crate::api::{self, Api, Limits};
use crate::audit;
use crate::clock::wall;
use crate::desk::Desk;
use crate::metrics::{self, Metrics};
use crate::pipeline::Pipeline;

/// Where to listen.
#[derive(Clone, Copy)]
pub(crate) struct Addresses {
    /// Parties.
    pub(crate) parties: SocketAddr,
    /// The operator's own machine.
    pub(crate) operator: Option<SocketAddr>,
}

/// Who is behind the door.
pub(crate) trait Host: api::Desk {
    /// A fresh TLS key whose certificate carries evidence of this boot.
    fn identity(&self) -> impl Future<Output = anyhow::Result<ServerIdentity>> + Send;

    /// Time has passed. False once the door is to be closed.
    fn tick(&self) -> bool;
}

/// Serves until the process is asked to end; then everything that was taken is durable.
pub(crate) fn serve(addresses: Addresses, pipeline: Pipeline) -> anyhow::Result<()> {
    let (metrics, limits) = (Metrics::new(), pipeline.values.limits());
    let (desk, thread) = Desk::open(pipeline, metrics.clone());
    let served = opened(addresses, limits, desk, metrics);
    thread.join().map_err(|_| anyhow::anyhow!("the pipeline stopped by a fault"))??;
    served?;
    audit::line(audit::Line::Stopped);
    Ok(())
}

/// Serves a host until it closes the door, or the process is asked to end.
pub(crate) fn open(addresses: Addresses, limits: Limits, host: impl Host) -> anyhow::Result<()> {
    opened(addresses, limits, host, Metrics::new())
}

fn opened(
    addresses: Addresses,
    limits: Limits,
    host: impl Host,
    metrics: Metrics,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(listen(addresses, limits, host, metrics));
    // Connections end with the runtime, and with the last of them whoever is behind the door.
    runtime.shutdown_timeout(GRACE);
    served
}

async fn listen(
    addresses: Addresses,
    limits: Limits,
    desk: impl Host,
    metrics: Metrics,
) -> anyhow::Result<()> {
    let identity = desk.identity().await?;
    let rotation = Arc::new(Rotation::new(identity));
    let listener = TcpListener::bind(addresses.parties).await?;
    if let Some(address) = addresses.operator {
        let operator = TcpListener::bind(address).await?;
        let at = operator.local_addr()?;
        let asked = desk.clone();
        let router = metrics::operator(metrics.clone(), move || api::Desk::ready(&asked));
        tokio::spawn(async move { axum::serve(operator, router).await });
        audit::line(audit::Line::OperatorListening(at));
    }
    let mut key = Zeroizing::new([0; 32]);
    OsRng.fill_bytes(&mut *key);
    let api = Api::new(desk.clone(), limits, metrics.clone(), &key)
        .ok_or_else(|| anyhow::anyhow!("the interface has no document"))?;
    let router = api::router(api);
    audit::line(audit::Line::Listening(listener.local_addr()?));

    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut end = signal(SignalKind::terminate())?;
    let mut ticks = tokio::time::interval(TICK);
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // Too many open files, or a peer that left: the door stays open.
                Err(_) => { tokio::time::sleep(A_MOMENT).await; continue }
            },
            _ = ticks.tick() => {
                if !desk.tick() { break }
                if rotation.current().is_due(wall()) {
                    // In its own time: the old key serves until the new one is there.
                    renew(&desk, &rotation);
                }
                continue;
            }
            _ = end.recv() => break,
            _ = tokio::signal::ctrl_c() => break,
        };
        let Ok(slot) = slots.clone().try_acquire_owned() else { continue };
        let (identity, router, watcher) = (rotation.current(), router.clone(), graceful.watcher());
        let metrics = metrics.clone();
        tokio::spawn(async move {
            // Whatever ends a connection (its peer, its bounds, its time) ends it silently.
            if let Ok((session, binding)) = accept(&identity, stream).await {
                metrics.connected();
                let service = hyper::service::service_fn(move |request| {
                    bound(router.clone(), binding, request)
                });
                let mut builder = auto::Builder::new(TokioExecutor::new());
                builder
                    .http2()
                    .timer(TokioTimer::new())
                    .max_concurrent_streams(STREAMS)
                    .keep_alive_interval(Some(KEEP_ALIVE))
                    .keep_alive_timeout(KEEP_ALIVE);
                builder.http1().timer(TokioTimer::new()).header_read_timeout(Some(HEADERS));
                let connection = builder.serve_connection(TokioIo::new(session), service);
                drop(watcher.watch(connection.into_owned()).await);
                metrics.disconnected();
            }
            drop(slot);
        });
    }
    audit::line(audit::Line::Draining);
    drop(listener);
    // Who is being answered gets the answer; who stays longer is cut off, and asks again.
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(GRACE) => {}
    }
    Ok(())
}

async fn accept(
    identity: &ServerIdentity,
    stream: TcpStream,
) -> Result<(tokio_rustls::server::TlsStream<TcpStream>, Binding), ServeError> {
    // Small frames are verdicts that somebody waits for.
    drop(stream.set_nodelay(true));
    identity.accept(stream).await
}

/// Hands a request on together with the session that it came in.
async fn bound(
    router: Router,
    binding: Binding,
    mut request: hyper::Request<Incoming>,
) -> Result<axum::response::Response, Infallible> {
    request.extensions_mut().insert(binding);
    router.oneshot(request.map(Body::new)).await
}

/// Replaces the TLS key beside the accept loop; what fails is tried again at the next tick.
fn renew(desk: &impl Host, rotation: &Arc<Rotation>) {
    let (desk, rotation) = (desk.clone(), Arc::clone(rotation));
    tokio::spawn(async move {
        if let Ok(next) = desk.identity().await {
            rotation.replace(next);
        }
    });
}

impl Host for Desk {
    async fn identity(&self) -> anyhow::Result<ServerIdentity> {
        let made = self.look(|pipeline| {
            let Pipeline { identity, values, .. } = pipeline;
            let claims = pipeline.claims();
            ServerIdentity::generate(&values.origin, wall(), |spki| {
                identity.tee.attest(&claims.for_certificate(spki)).ok()
            })
        });
        let made = made.await.ok_or_else(|| anyhow::anyhow!("the pipeline does not answer"))?;
        Ok(made?)
    }

    fn tick(&self) -> bool {
        Self::tick(self)
    }
}

const CONNECTIONS: usize = 4096;
const STREAMS: u32 = 256;
const TICK: Duration = Duration::from_millis(100);
const GRACE: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const HEADERS: Duration = Duration::from_secs(10);
const A_MOMENT: Duration = Duration::from_millis(50);
