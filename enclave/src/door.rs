//! The local door: frames of `u32` big-endian length and CBOR, requests in and replies out.
//! One pipeline thread takes all requests in turn; connections only carry bytes.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use messages::codec::Wire;
use messages::reply::{Reply, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::audit;
use crate::pipeline::{Pipeline, refusal};

type Asked = (Vec<u8>, oneshot::Sender<Reply>);

/// Serves until the process is asked to end.
pub(crate) fn serve(path: &Path, mut pipeline: Pipeline) -> anyhow::Result<()> {
    let (ask, mut asked) = mpsc::channel::<Asked>(QUEUE);
    let worker = std::thread::spawn(move || {
        while let Some((bytes, answer)) = asked.blocking_recv() {
            let reply = match Request::from_cbor(&bytes) {
                Ok(request) => pipeline.take(request),
                Err(_) => refusal("request-malformed"),
            };
            // A caller that went away keeps what is on record; it asks again.
            if answer.send(reply).is_err() {
                audit::line(audit::Line::Refused);
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(listen(path, ask))?;
    worker.join().map_err(|_| anyhow::anyhow!("the pipeline stopped by a fault"))?;
    audit::line(audit::Line::Stopped);
    Ok(())
}

async fn listen(path: &Path, ask: mpsc::Sender<Asked>) -> anyhow::Result<()> {
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    audit::line(audit::Line::Listening);
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut end = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            _ = end.recv() => break,
            _ = tokio::signal::ctrl_c() => break,
        };
        let Ok(slot) = slots.clone().try_acquire_owned() else { continue };
        let ask = ask.clone();
        tokio::spawn(async move {
            // Whatever ends a connection (its peer, its bounds, its time) ends it silently.
            let _end: std::io::Result<()> = converse(stream, ask).await;
            drop(slot);
        });
    }
    std::fs::remove_file(path)?;
    Ok(())
}

async fn converse(mut stream: UnixStream, ask: mpsc::Sender<Asked>) -> std::io::Result<()> {
    loop {
        let Ok(length) = tokio::time::timeout(IDLE, stream.read_u32()).await else { return Ok(()) };
        let length = usize::try_from(length?).unwrap_or(usize::MAX);
        if length > Request::MAX_BYTES {
            // The rest of the frame cannot be skipped safely: say why, and hang up.
            return send(&mut stream, &refusal("request-too-large")).await;
        }
        let mut bytes = vec![0; length];
        // A caller that announces a frame and does not send it would hold its slot for ever.
        tokio::time::timeout(IDLE, stream.read_exact(&mut bytes)).await??;
        let (answer, answered) = oneshot::channel();
        if ask.send((bytes, answer)).await.is_err() {
            return Ok(());
        }
        let Ok(reply) = answered.await else { return Ok(()) };
        send(&mut stream, &reply).await?;
    }
}

async fn send(stream: &mut UnixStream, reply: &Reply) -> std::io::Result<()> {
    let bytes = reply.to_cbor();
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    tokio::time::timeout(IDLE, stream.write_all(&[&length[..], &bytes].concat())).await?
}

const QUEUE: usize = 256;
const CONNECTIONS: usize = 64;
const IDLE: Duration = Duration::from_secs(120);
