//! The way to the monitor as the couriers see it: one attested connection after the other.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use messages::reply::{Reply, Request};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::connect::courier::Peer;
use crate::fault::Fault;

/// What carries requests over one attested connection.
pub(crate) trait Carrier: Send + Sync {
    /// Asks and waits for the answer. `wait` asks for a decision, and how long a pause may wait
    /// for an overseer.
    fn ask<'a>(&'a self, request: &'a Request, wait: Option<Duration>) -> Asking<'a>;
}

/// An answer on its way.
pub(crate) type Asking<'a> = Pin<Box<dyn Future<Output = Result<Reply, Fault>> + Send + 'a>>;

/// One attested connection.
pub(crate) struct Link {
    /// Differs from every other connection's.
    pub(crate) number: u64,
    /// Who is at the other end.
    pub(crate) peer: Peer,
    /// Cancelled when it broke.
    pub(crate) broken: CancellationToken,
    carrier: Box<dyn Carrier>,
}

impl Link {
    /// A connection to `peer`.
    pub(crate) fn new(number: u64, peer: Peer, carrier: Box<dyn Carrier>) -> Self {
        Self { number, peer, broken: CancellationToken::new(), carrier }
    }

    /// Asks over it; when it breaks, everybody is told.
    ///
    /// # Errors
    /// The fault of the connection; refusals are replies.
    pub(crate) async fn ask(
        &self,
        request: &Request,
        wait: Option<Duration>,
    ) -> Result<Reply, Fault> {
        let answer = self.carrier.ask(request, wait).await;
        if answer.is_err() {
            self.broken.cancel();
        }
        answer
    }
}

/// The newest connection, if there is one.
#[derive(Clone)]
pub(crate) struct Links(watch::Receiver<Option<Arc<Link>>>);

impl Links {
    /// A cell for the newest connection, and its readers' end.
    pub(crate) fn cell() -> (watch::Sender<Option<Arc<Link>>>, Self) {
        let (set, get) = watch::channel(None);
        (set, Self(get))
    }

    /// Waits for a connection that holds; none when there will be no more.
    pub(crate) async fn up(&mut self) -> Option<Arc<Link>> {
        let holds = |link: &Option<Arc<Link>>| {
            link.as_ref().is_some_and(|link| !link.broken.is_cancelled())
        };
        let link = self.0.wait_for(holds).await.ok()?;
        link.clone()
    }

    /// The connection that holds now.
    pub(crate) fn now(&self) -> Option<Arc<Link>> {
        self.last().filter(|link| !link.broken.is_cancelled())
    }

    /// The newest connection, whether or not it holds.
    pub(crate) fn last(&self) -> Option<Arc<Link>> {
        self.0.borrow().clone()
    }
}
