//! Answers on their way back. What was decided goes at once to the thread that waits for it and is
//! signed there while its record becomes durable; it is told when it is. Proofs are made one at a
//! time, on a thread that waits for nothing else.

use std::sync::Arc;

use messages::reply::Reply;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::boot_key::BootKey;
use crate::pipeline::{Decided, Refused, refused};

/// An answer that will come.
#[must_use = "somebody waits for the answer"]
pub(crate) struct Promise {
    decided: oneshot::Receiver<(Decided, Option<Turn>)>,
    durable: oneshot::Receiver<()>,
    key: Arc<BootKey>,
}

/// Leave to have a claim proven. It goes along with the request, also when nobody waits any more,
/// and the next one gets it when the proof is made.
pub(super) type Turn = OwnedSemaphorePermit;

/// The way of one answer to whoever waits for it.
#[must_use = "somebody waits for the answer"]
pub(super) struct Promised {
    decided: oneshot::Sender<(Decided, Option<Turn>)>,
    durable: oneshot::Sender<()>,
    turn: Option<Turn>,
}

/// An answer that was given and not yet told.
#[must_use = "an answer is told when its record is durable"]
pub(super) struct Said(oneshot::Sender<()>);

/// A promise, and the way to keep it. `key` is the boot's, which signs answers; without a `turn` no
/// claim is proven.
pub(super) fn made(key: Arc<BootKey>, turn: Option<Turn>) -> (Promised, Promise) {
    let (decided, deciding) = oneshot::channel();
    let (durable, awaited) = oneshot::channel();
    let promise = Promise { decided: deciding, durable: awaited, key };
    (Promised { decided, durable, turn }, promise)
}

impl Promise {
    /// The answer, signed, once everything behind it is durable. A desk that ends without one has
    /// not taken the request, or does not know whether what it took is durable.
    pub(crate) async fn kept(self) -> Reply {
        let Self { decided, durable, key } = self;
        let stopping = || refused(Refused("monitor-stopping"));
        let Ok((decided, turn)) = decided.await else { return stopping() };
        let reply = finish(decided, key, turn).await;
        match (reply, durable.await) {
            (Some(reply), Ok(())) => reply,
            _ => stopping(),
        }
    }

    /// An answer that rests on nothing that has to become durable.
    pub(crate) fn given(reply: Reply, key: Arc<BootKey>) -> Self {
        let (promised, promise) = made(key, None);
        promised.tell(Decided::Reply(reply));
        promise
    }

    /// An answer that is durable when it is given, and the way to give it.
    #[cfg(test)]
    pub(crate) fn durable() -> (Self, impl FnOnce(Reply)) {
        let (promised, promise) = made(Arc::new(BootKey::from_seed(&[0; 32]).unwrap()), None);
        (promise, move |reply| promised.tell(Decided::Reply(reply)))
    }
}

async fn finish(decided: Decided, key: Arc<BootKey>, turn: Option<Turn>) -> Option<Reply> {
    if !matches!(decided, Decided::Proving(_) | Decided::Handing(_)) {
        return Some(decided.sign(&key));
    }
    let turn = turn?;
    let proof = tokio::task::spawn_blocking(move || {
        let reply = decided.sign(&key);
        // Only now the next proof begins.
        drop(turn);
        reply
    });
    proof.await.ok()
}

impl Promised {
    /// Does nobody wait any more?
    pub(super) fn is_moot(&self) -> bool {
        self.decided.is_closed()
    }

    /// Gives an answer whose record becomes durable with the open group. A caller that went away
    /// keeps what is on record; it asks again.
    pub(super) fn say(self, decided: Decided) -> Said {
        drop(self.decided.send((decided, self.turn)));
        Said(self.durable)
    }

    /// Gives an answer that rests on nothing that is not durable.
    pub(super) fn tell(self, decided: Decided) {
        self.say(decided).let_out();
    }
}

impl Said {
    /// Lets the answer out.
    pub(super) fn let_out(self) {
        // Whoever waited may have gone away.
        self.0.send(()).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promise() -> (Promised, Promise) {
        made(Arc::new(BootKey::from_seed(&[1; 32]).unwrap()), None)
    }

    #[tokio::test]
    async fn nothing_is_told_before_it_is_durable() {
        let (promised, promise) = promise();
        let said = promised.say(Decided::Reply(Reply::Opened));
        let mut kept = tokio::spawn(promise.kept());
        let moment = std::time::Duration::from_millis(20);
        assert!(tokio::time::timeout(moment, &mut kept).await.is_err());
        said.let_out();
        assert_eq!(kept.await.unwrap(), Reply::Opened);
    }

    #[tokio::test]
    async fn what_never_became_durable_is_never_told() {
        let stopping = Reply::Error { code: "monitor-stopping".into() };
        let (promised, one) = promise();
        drop(promised.say(Decided::Reply(Reply::Opened)));
        assert_eq!(one.kept().await, stopping);
        let (promised, other) = promise();
        drop(promised);
        assert_eq!(other.kept().await, stopping);
    }
}
