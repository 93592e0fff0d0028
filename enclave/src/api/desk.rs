//! What the interface asks of whoever decides.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use messages::did::Did;
use messages::ids::{EventHash, SessionId};
use messages::receipt::Notice;
use messages::reply::{Reply, Request};
use messages::signature::PublicKey;
use pact::OnDeadline;
use tokio::sync::mpsc;

use crate::desk::{Caller, Promise};

/// The monitor, as its HTTP interface sees it.
pub(crate) trait Desk: Clone + Send + Sync + 'static {
    /// Puts a request in the queue, and returns where its answer will come: when everything behind
    /// it is durable. Requests are taken in the order in which these futures complete, so who
    /// needs an order awaits one before it makes the next.
    ///
    /// The queue is bounded: when it stays full the answer is the refusal `monitor-busy`, and the
    /// request has left no trace. A request that is still queued at `deadline` is not taken, and
    /// its answer is `decision-late`.
    fn submit(
        &self,
        request: Request,
        caller: Caller,
        deadline: Option<Instant>,
    ) -> impl Future<Output = Promise> + Send;

    /// Asks, and waits for the answer.
    fn ask(
        &self,
        request: Request,
        caller: Caller,
        deadline: Option<Instant>,
    ) -> impl Future<Output = Reply> + Send {
        async move { self.submit(request, caller, deadline).await.kept().await }
    }

    /// Waits until a paused call is decided, by an overseer or by its time-out, and says what the
    /// party is told; at once when it was decided already. None when no such call waits.
    fn decided(
        &self,
        session: SessionId,
        call: EventHash,
    ) -> impl Future<Output = Option<Reply>> + Send;

    /// How long a decision in this session may take and what follows after that; none when there
    /// is no such session. Must not wait in the queue whose length it guards against.
    fn deadline(
        &self,
        session: SessionId,
    ) -> impl Future<Output = Option<(Duration, OnDeadline)>> + Send;

    /// Notices for `reader` from now on.
    ///
    /// # Errors
    /// The code of a refusal: no pact tells the reader anything, or there are too many readers or
    /// requests.
    fn follow(&self, reader: Did) -> impl Future<Output = Result<Following, &'static str>> + Send;

    /// The key of a DID, if the monitor knows it.
    fn key(&self, did: &Did) -> Option<PublicKey>;

    /// Is this a party of some pact? Anybody can draw a DID of its own.
    fn names(&self, did: &Did) -> bool;

    /// A tile of the log by its path, without the slash before `tile/` (C2SP tlog-tiles).
    fn tile(&self, path: &str) -> impl Future<Output = Option<Vec<u8>>> + Send;

    /// Are requests taken?
    fn ready(&self) -> bool;
}

/// Notices as they come.
pub(crate) struct Following {
    /// Place in the journal after which not one is left out.
    pub(crate) from: u64,
    /// Ends when the reader is too slow.
    pub(crate) notices: mpsc::Receiver<Arc<Notice>>,
}
