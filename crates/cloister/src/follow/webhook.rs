//! Passing notices on: each is kept in a file until the receiver took it (2xx), so a restart of
//! either side loses none. At least once, in the journal's order; the receiver knows one again by
//! its number.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use messages::codec::Wire;
use messages::receipt::Notice;

use crate::fault::{Fault, durable};
use crate::follow::kind;
use crate::outbound::Target;
use crate::output;

/// A receiver and what it has not taken yet.
pub(crate) struct Webhook {
    folder: PathBuf,
    wake: Option<SyncSender<()>>,
    deliverer: Option<std::thread::JoinHandle<()>>,
}

impl Webhook {
    /// Starts to deliver what is left in `folder` to `url`.
    pub(crate) fn open(url: &str, folder: &Path) -> Result<Self, Fault> {
        let target = target(url)?;
        fs::create_dir_all(folder).map_err(|e| Fault::unwritable(folder, &e))?;
        let (wake, woken) = sync_channel(1);
        let kept = folder.to_owned();
        let deliverer = std::thread::spawn(move || deliver(&target, &kept, &woken));
        Ok(Self { folder: folder.to_owned(), wake: Some(wake), deliverer: Some(deliverer) })
    }

    /// Keeps a notice until it is taken.
    pub(crate) fn send(&self, notice: &Notice) -> Result<(), Fault> {
        if queued(&self.folder).len() >= MAX_QUEUED {
            return Err(Fault::new(
                "webhook-behind",
                format!("{MAX_QUEUED} notices wait for the webhook"),
                "see why it does not answer 2xx, then follow again",
            ));
        }
        let name = format!("{:020}.{}", notice.journal.seq, &hex::encode(notice.to_cbor_digest()));
        let path = self.folder.join(name).with_extension("notice");
        durable(&path, &notice.to_cbor()).map_err(|e| Fault::unwritable(&path, &e))?;
        match self.wake.as_ref().map(|wake| wake.try_send(())) {
            Some(Ok(()) | Err(TrySendError::Full(()))) | None => Ok(()),
            Some(Err(TrySendError::Disconnected(()))) => Err(Fault::new(
                "webhook-stopped",
                "the delivery stopped by a fault",
                "start the command again: nothing is lost",
            )),
        }
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        drop(self.wake.take());
        if let Some(deliverer) = self.deliverer.take() {
            // What it leaves behind is in the folder.
            drop(deliverer.join());
        }
    }
}

trait Named {
    fn to_cbor_digest(&self) -> [u8; 8];
}

impl Named for Notice {
    /// Two notices may be about one record.
    fn to_cbor_digest(&self) -> [u8; 8] {
        let head = self.signature.0.first_chunk::<8>();
        head.copied().unwrap_or_default()
    }
}

/// `https`, or `http` to this machine.
fn target(url: &str) -> Result<Target, Fault> {
    Target::read(url).ok_or_else(|| {
        Fault::new(
            "webhook-address",
            "the webhook is neither https:// nor http:// on a loopback address",
            "give https://host/path, or http://127.0.0.1:port/path",
        )
    })
}

/// Delivers until the other end is dropped and nothing is left, or nobody takes it any more.
fn deliver(target: &Target, folder: &Path, woken: &Receiver<()>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return;
    };
    let (mut pause, mut ending) = (SHORTEST, false);
    loop {
        let mut taken = true;
        for path in queued(folder) {
            taken = runtime.block_on(pass_on(target, &path));
            if !taken {
                break;
            }
        }
        if ending {
            return;
        }
        if taken {
            pause = SHORTEST;
        } else {
            output::event("trouble", &[("code", "webhook-unanswered")]);
            pause = pause.saturating_mul(2).min(LONGEST);
        }
        let patience = if taken { LONGEST } else { pause };
        // A new notice does not shorten the pause of a receiver that is down.
        match woken.recv_timeout(patience) {
            Ok(()) if taken => {}
            Ok(()) => std::thread::sleep(pause),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => ending = true,
        }
    }
}

/// Whether the receiver took it; then its file is gone.
async fn pass_on(target: &Target, path: &Path) -> bool {
    let Some(notice) = fs::read(path).ok().and_then(|b| Notice::from_cbor(&b).ok()) else {
        // Not one of ours, or unreadable: it stays, and others go on.
        return true;
    };
    let body = serde_json::json!({
        "seq": notice.journal.seq,
        "kind": kind(notice.kind),
        "notice": STANDARD.encode(notice.to_cbor()),
    });
    let body = Bytes::from(body.to_string());
    let posted = tokio::time::timeout(PATIENCE, target.post("application/json", body)).await;
    let taken = matches!(posted, Ok(Ok(answer)) if (200..300).contains(&answer.status));
    taken && fs::remove_file(path).is_ok()
}

/// What waits, oldest first.
fn queued(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "notice"))
        .collect();
    paths.sort_unstable();
    paths
}

const MAX_QUEUED: usize = 10_000;
const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use messages::ids::{BootId, PactHash};
    use messages::receipt::{JournalHead, NoticeKind};
    use messages::reply::Action;
    use messages::signature::{Signature, SigningKey};
    use messages::time::UnixMillis;

    use super::*;

    fn notice(seq: u64) -> Notice {
        Notice {
            kind: NoticeKind::Alert,
            pact: PactHash::default(),
            session: None,
            event: None,
            action: Action::Alert,
            rule: "r".into(),
            at: UnixMillis(0),
            due: None,
            journal: JournalHead { seq, ..JournalHead::default() },
            boot: BootId::default(),
            signature: Signature([0; 64]),
        }
        .sign(&SigningKey::from_seed(&[1; 32]))
    }

    /// Answers so many requests with these statuses, and returns their bodies.
    fn receiver(statuses: &'static [u16]) -> (String, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/alerts", listener.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            let mut bodies = Vec::new();
            for status in statuses {
                let (mut stream, _) = listener.accept().unwrap();
                let mut text = String::new();
                while !text.ends_with('}') {
                    let mut bytes = [0; 4096];
                    let n = stream.read(&mut bytes).unwrap();
                    text.push_str(core::str::from_utf8(&bytes[..n]).unwrap());
                }
                bodies.push(text.split("\r\n\r\n").nth(1).unwrap().to_owned());
                let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).unwrap();
            }
            bodies
        });
        (url, served)
    }

    #[test]
    fn a_notice_is_passed_on_until_it_is_taken_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let (url, served) = receiver(&[503, 204, 200]);
        let webhook = Webhook::open(&url, folder.path()).unwrap();
        webhook.send(&notice(7)).unwrap();
        webhook.send(&notice(8)).unwrap();
        let bodies = served.join().unwrap();
        drop(webhook);
        let seq =
            |body: &String| serde_json::from_str::<serde_json::Value>(body).unwrap()["seq"].clone();
        assert_eq!(bodies.iter().map(seq).collect::<Vec<_>>(), [7, 7, 8]);
        assert_eq!(queued(folder.path()), [] as [PathBuf; 0]);
    }

    #[test]
    fn what_nobody_takes_is_there_after_a_start() {
        let folder = tempfile::tempdir().unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let webhook = Webhook::open(&format!("http://{closed}"), folder.path()).unwrap();
        webhook.send(&notice(1)).unwrap();
        drop(webhook);
        assert_eq!(queued(folder.path()).len(), 1);
        let (url, served) = receiver(&[200]);
        let webhook = Webhook::open(&url, folder.path()).unwrap();
        assert_eq!(served.join().unwrap().len(), 1);
        drop(webhook);
        assert_eq!(queued(folder.path()), [] as [PathBuf; 0]);
    }

    #[test]
    fn notices_go_over_tls_or_nowhere_far() {
        for good in ["https://hooks.example/x", "http://127.0.0.1:9/x", "http://[::1]:9"] {
            assert!(Target::read(good).is_some(), "{good}");
        }
        for bad in ["http://hooks.example/", "http://localhost/", "ftp://x", "/x", "https://u@h/"] {
            assert!(Target::read(bad).is_none(), "{bad}");
        }
    }
}
