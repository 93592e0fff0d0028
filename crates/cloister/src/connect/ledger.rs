//! The one thread that owns the sessions and their outbox. Jobs run in turn, many share one sync,
//! and none is answered before what it wrote, or what it saw written, is durable.

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::anchors::now;
use crate::connect::book::Book;
use crate::connect::outbox::Outbox;
use crate::connect::record::Record;
use crate::fault::Fault;

/// A handle to the thread; it ends with its last handle.
#[derive(Clone)]
pub(crate) struct Ledger {
    jobs: mpsc::Sender<Job>,
}

type Job = Box<dyn FnOnce(&mut Pen) -> Answer + Send>;
type Answer = Box<dyn FnOnce(bool) + Send>;

/// What a job works with.
pub(crate) struct Pen {
    book: Book,
    outbox: Outbox,
    /// Written and not synced.
    loose: bool,
    /// Somebody waits for a sync.
    due: bool,
}

impl Ledger {
    /// Starts the thread. `fatal` is cancelled when what is on disk is unknown.
    pub(crate) fn start(book: Book, outbox: Outbox, fatal: CancellationToken) -> Self {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        // Ends when the last handle is dropped; what it holds is durable or was never answered.
        drop(std::thread::spawn(move || {
            let mut pen = Pen { book, outbox, loose: false, due: false };
            let mut rewritten = pen.outbox.length();
            while let Some(first) = queue.blocking_recv() {
                let mut answers = vec![first(&mut pen)];
                while answers.len() < GROUP
                    && let Ok(job) = queue.try_recv()
                {
                    answers.push(job(&mut pen));
                }
                let durable = pen.sync();
                answers.into_iter().for_each(|answer| answer(durable));
                if !durable {
                    fatal.cancel();
                    return;
                }
                if pen.outbox.length() > rewritten.saturating_mul(2).saturating_add(SLACK) {
                    pen.compact();
                    rewritten = pen.outbox.length();
                }
            }
        }));
        Self { jobs }
    }

    /// Runs `job` on the thread. Its answer comes when everything that it saw is durable.
    ///
    /// # Errors
    /// A fault when the outbox failed: nothing is known of what was written.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Pen) -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |pen| {
            let value = job(pen);
            Box::new(move |durable| {
                // Whoever asked may be gone; what was written stays.
                let _gone: Result<(), Option<T>> = answer.send(durable.then_some(value));
            })
        });
        self.jobs.send(job).await.map_err(|_| stopped())?;
        answered.await.ok().flatten().ok_or_else(stopped)
    }
}

impl Pen {
    /// The sessions.
    pub(crate) const fn book(&self) -> &Book {
        &self.book
    }

    /// The monitor confirmed a session: see [`Book::settle`].
    pub(crate) fn settle(&mut self, session: &messages::ids::SessionId) {
        self.book.settle(session);
    }

    /// Writes and applies records; they are durable when the job is answered.
    ///
    /// # Errors
    /// A fault when they cannot be written; then nothing was applied.
    pub(crate) fn write(&mut self, records: &[Record]) -> Result<(), Fault> {
        self.note(records)?;
        self.due = true;
        Ok(())
    }

    /// The same for records that a crash may lose: the next sync takes them along.
    ///
    /// # Errors
    /// As [`Pen::write`].
    pub(crate) fn note(&mut self, records: &[Record]) -> Result<(), Fault> {
        self.outbox.append(records)?;
        records.iter().for_each(|record| self.book.apply(record));
        self.loose |= !records.is_empty();
        Ok(())
    }

    /// Demands that all notes so far are durable when the job is answered.
    pub(crate) const fn settle_notes(&mut self) {
        self.due |= self.loose;
    }

    fn sync(&mut self) -> bool {
        if !self.due {
            return true;
        }
        (self.due, self.loose) = (false, false);
        self.outbox.sync().is_ok()
    }

    fn compact(&mut self) {
        let now = now();
        self.book.expire(now);
        let snapshot = self.book.snapshot(now);
        // The old file is as good: a failure here is no loss, and the next round tries again.
        drop(self.outbox.rewrite(&snapshot));
    }
}

fn stopped() -> Fault {
    Fault::new(
        "outbox-stopped",
        "the connector can no longer write its outbox",
        "free space on the disk or replace it, then start the connector again",
    )
}

/// Jobs that wait; who has more waits itself.
const QUEUE: usize = 1024;
/// Jobs that share one sync.
const GROUP: usize = 256;
/// An outbox smaller than this is not rewritten.
const SLACK: u64 = 4 * 1024 * 1024;
