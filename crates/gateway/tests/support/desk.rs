//! A desk that remembers what it was given and answers as told; and servers before it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloister_gateway as gateway;
use gateway::{
    Decision, Desk, DeskError, Intended, ListenError, Loopback, Observation, Redemption,
};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Answers each question with the next prepared answer, and then with the mildest.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Book>>);

#[derive(Default)]
pub(crate) struct Book {
    pub(crate) seen: Vec<Observation>,
    pub(crate) asked: Vec<Intended>,
    pub(crate) redeemed: Vec<(String, Intended)>,
    pub(crate) refusals: Vec<DeskError>,
    pub(crate) decisions: Vec<Result<Decision, DeskError>>,
}

impl Recorder {
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Book) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }
}

impl Desk for Recorder {
    async fn observe(&self, seen: Observation) -> Result<(), DeskError> {
        tokio::task::yield_now().await;
        self.with(|book| match book.refusals.pop() {
            Some(error) => Err(error),
            None => {
                book.seen.push(seen);
                Ok(())
            }
        })
    }

    async fn decide(&self, call: Intended) -> Result<Decision, DeskError> {
        self.with(|book| {
            let ticket = format!("ticket of {}", call.call);
            book.asked.push(call);
            book.decisions.pop().unwrap_or(Ok(Decision::Allow { ticket: Some(ticket) }))
        })
    }

    async fn redeem(&self, ticket: String, call: Intended) -> Result<Redemption, DeskError> {
        self.with(|book| {
            let good = ticket == format!("ticket of {}", call.call)
                && !book.redeemed.iter().any(|(used, _)| *used == ticket);
            book.redeemed.push((ticket, call));
            Ok(if good { Redemption::Redeemed } else { Redemption::Refused })
        })
    }
}

/// A server at work, ended by its own handle.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<Result<(), ListenError>>,
}

impl Served {
    /// Binds a free loopback port and runs what `serve` makes of it.
    pub(crate) async fn start<F>(serve: impl FnOnce(Loopback, CancellationToken) -> F) -> Self
    where
        F: Future<Output = Result<(), ListenError>> + Send + 'static,
    {
        let listener = Loopback::new(TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(listener, stop.clone()));
        Self { address, stop, task }
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(20), self.task).await.unwrap().unwrap().unwrap();
    }
}
