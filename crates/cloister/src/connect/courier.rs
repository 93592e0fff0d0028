//! What is sent to the monitor next for a session, and what its answer means. Sans-IO: the caller
//! asks for a [`Step`], sends it, and brings the reply.

use messages::codec::Wire;
use messages::domain;
use messages::event::{Counts, Party};
use messages::ids::{BootId, EventHash, SessionId};
use messages::receipt::{BootCertificate, Receipt, Resumption, Ticket};
use messages::reply::{Action, Open, Reply, Request};
use messages::signature::SigningKey;

use crate::connect::book::Book;
use crate::connect::record::{Ending, Record};
use crate::connect::session::SessionError;

/// The monitor at the other end of one connection, as its evidence showed it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// The boot, and the key that signs receipts and tickets in it.
    pub(crate) boot: BootId,
    /// The log key's word for that key: what the evidence says of both, in a form that keeps.
    pub(crate) certificate: BootCertificate,
}

/// What was done for a session over one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// The monitor said over this connection what it holds, or cannot be asked.
    pub(crate) resumed: bool,
    /// An opening may have reached the monitor before.
    pub(crate) tried: bool,
    /// Running counts are due.
    pub(crate) due: bool,
}

impl Progress {
    /// After an answer to `step`.
    pub(crate) const fn after(mut self, step: &Step, meaning: &Meaning) -> Self {
        // A receipt over this connection says as much as an answer to an older one.
        let heard = matches!(step, Step::Resume(_) | Step::Send { .. });
        self.resumed = (self.resumed || (heard && !meaning.again)) && !meaning.unresumed;
        self.due = self.due && (meaning.again || !matches!(step, Step::Count(_)));
        self
    }
}

/// What to send next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The session's opening.
    Open(Open),
    /// The last receipt.
    Resume(Resumption),
    /// An event, byte for byte.
    Send { seq: u64, hash: EventHash, bytes: Vec<u8> },
    /// Running or closing counts.
    Count(Counts),
    /// Nothing now.
    Wait,
    /// Nothing ever.
    Done,
}

/// What an answer means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Meaning {
    /// To be written and applied.
    pub(crate) records: Vec<Record>,
    /// The monitor confirmed what it holds: see [`Book::settle`].
    pub(crate) settled: bool,
    /// The monitor's judgement of the event.
    pub(crate) judged: Option<Judged>,
    /// Ask again, later.
    pub(crate) again: bool,
    /// Ask what the monitor holds before anything else is sent.
    pub(crate) unresumed: bool,
    /// Something that a person should know.
    pub(crate) trouble: Option<String>,
}

/// The monitor's judgement of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) event: EventHash,
    pub(crate) action: Action,
    /// Empty when no rule was broken.
    pub(crate) rule: String,
    pub(crate) ticket: Option<Ticket>,
    /// The mode lets the verdict stop something.
    pub(crate) enforced: bool,
}

/// What to send next for a session.
pub(crate) fn step(book: &Book, id: &SessionId, peer: &Peer, progress: Progress) -> Step {
    let Ok(session) = book.session(id) else { return Step::Done };
    let standing = session.standing();
    if standing.closed {
        return Step::Done;
    }
    if !standing.opened
        && book.party == Party::Initiator
        && let Some(principal) = session.principal()
    {
        if standing.closing.is_some() && session.next() == 0 {
            return Step::Done;
        }
        let (pact, principal) = (session.pact(), principal.clone());
        return Step::Open(Open { session: *id, pact, principal, boot: peer.boot });
    }
    if !progress.resumed
        && let Some(resumption) = book.resumption(id)
    {
        return Step::Resume(resumption);
    }
    let reporting = matches!(standing.closing, None | Some(Ending::Silent));
    if reporting && let Some(event) = session.first_pending() {
        let (seq, hash, bytes) = (event.seq, event.hash, event.bytes.clone());
        return Step::Send { seq, hash, bytes };
    }
    if (standing.closing.is_some() || progress.due)
        && let Ok(mut counts) = book.counts(*id, standing.closing.is_some())
    {
        // A receipt of another boot is shown when resuming, where its certificate goes with it.
        counts.receipt = counts.receipt.filter(|receipt| receipt.boot == peer.boot);
        return Step::Count(counts);
    }
    Step::Wait
}

impl Step {
    /// The request, signed by the party; none when nothing is to be sent.
    pub(crate) fn request(&self, key: &SigningKey) -> Option<Request> {
        Some(match self {
            Self::Open(open) => {
                let signature = key.sign(domain::OPEN, &open.to_cbor());
                Request::Open { open: open.clone(), signature }
            }
            Self::Resume(resumption) => {
                let signature = key.sign(domain::RESUMPTION, &resumption.to_cbor());
                Request::Resume { resumption: resumption.clone(), signature }
            }
            Self::Send { bytes, .. } => Request::Event { event: bytes.clone() },
            Self::Count(counts) => {
                let signature = key.sign(domain::COUNTS, &counts.to_cbor());
                Request::Count { counts: counts.clone(), signature }
            }
            Self::Wait | Self::Done => return None,
        })
    }
}

/// What `reply` to `step` means.
pub(crate) fn meaning(
    book: &Book,
    id: &SessionId,
    (step, progress): (&Step, Progress),
    reply: &Reply,
    peer: &Peer,
) -> Meaning {
    let asked = Asked { book, id: *id, peer };
    match (step, reply) {
        (Step::Open(_), Reply::Opened) => records([Record::Opened { session: *id }]),
        (Step::Open(_), Reply::Error { code }) => asked.not_opened(code, progress),
        (Step::Resume(_), Reply::Resumed { count, head, rolled_back }) => {
            asked.resumed(*count, *head, *rolled_back)
        }
        (Step::Resume(_), Reply::Error { code }) => asked.not_resumed(code),
        (
            Step::Send { hash, .. },
            Reply::Receipt(receipt) | Reply::Verdict { receipt, .. } | Reply::Alert { receipt, .. },
        ) => asked.receipted(*hash, receipt, reply),
        (Step::Send { .. }, Reply::Error { code }) => asked.not_taken(code),
        (Step::Count(counts), Reply::Counted { .. }) if counts.closing => {
            records([Record::Closed { session: *id }])
        }
        (Step::Count(_), Reply::Counted { .. }) => Meaning::default(),
        (Step::Count(counts), Reply::Error { code }) => asked.not_counted(counts, code),
        _ => again("monitor-strange-answer"),
    }
}

struct Asked<'a> {
    book: &'a Book,
    id: SessionId,
    peer: &'a Peer,
}

impl Asked<'_> {
    fn receipted(&self, event: EventHash, receipt: &Receipt, reply: &Reply) -> Meaning {
        let genuine = receipt.session == self.id
            && receipt.boot == self.peer.boot
            && receipt.verify(&self.peer.certificate.key).is_ok();
        if !genuine {
            return again("receipt-forged");
        }
        let mut meaning = match self.book.receipted(receipt, &self.peer.certificate) {
            Ok(record) => records([record]),
            Err(error) => self.over(Ending::Disputed, error.code()),
        };
        let (action, rule, ticket, enforced) = match reply {
            Reply::Verdict { action, rule, ticket, .. } => {
                (*action, rule.clone().unwrap_or_default(), ticket.clone(), true)
            }
            Reply::Alert { action, rule, .. } => (*action, rule.clone(), None, false),
            _ => (Action::Allow, String::new(), None, false),
        };
        if enforced && action == Action::Terminate {
            meaning.records.push(self.closing(Ending::Terminated));
        }
        meaning.judged = Some(Judged { event, action, rule, ticket, enforced });
        meaning
    }

    fn not_taken(&self, code: &str) -> Meaning {
        match code {
            // Ours and taken before is receipted anew; so the monitor holds something else here,
            // or says no more than that, and its answer to the receipt tells which.
            "event-duplicate" if self.book.resumption(&self.id).is_some() => {
                Meaning { unresumed: true, ..again(code) }
            }
            "session-terminated" => records([self.closing(Ending::Terminated)]),
            "session-closed" => self.over(Ending::Gone, code),
            "session-unknown" if self.book.party == Party::Provider => again(code),
            "session-unknown" => self.over(Ending::Gone, code),
            _ if code.starts_with("event-") => self.over(Ending::Disputed, code),
            _ => again(code),
        }
    }

    fn not_opened(&self, code: &str, progress: Progress) -> Meaning {
        let session = self.id;
        match code {
            // The answer to our own opening was lost, unless there was none.
            "session-used" if progress.tried => records([Record::Opened { session }]),
            // A revision took the place of the pact before the session opened: the conversation goes
            // on in a new one, under the pact that the operator configures.
            "session-used" | "pact-replaced" => {
                let mut meaning = self.over(Ending::Gone, code);
                meaning.records.push(Record::Closed { session });
                meaning
            }
            _ => again(code),
        }
    }

    fn resumed(&self, count: u64, head: EventHash, rolled_back: bool) -> Meaning {
        if rolled_back {
            return self.over(Ending::Disputed, SessionError::RolledBack.code());
        }
        match self.book.resumed(self.id, count, head) {
            Ok(record) => Meaning { settled: true, ..records([record]) },
            Err(error) => self.over(Ending::Disputed, error.code()),
        }
    }

    fn not_resumed(&self, code: &str) -> Meaning {
        let session = self.id;
        match code {
            "resume-session-closed" => {
                records([self.closing(Ending::Gone), Record::Closed { session }])
            }
            // Past the retention there is nothing to go on with, and whether it was all on record
            // nobody can say any more.
            "resume-forgotten" => {
                let mut meaning = self.over(Ending::Gone, code);
                meaning.records.push(Record::Closed { session });
                meaning
            }
            _ if code.starts_with("resume-") => self.over(Ending::Disputed, code),
            _ => again(code),
        }
    }

    fn not_counted(&self, counts: &Counts, code: &str) -> Meaning {
        let session = self.id;
        let provider = self.book.party == Party::Provider;
        match code {
            // Taken before: its answer was lost.
            "counts-falling" if counts.closing => records([Record::Closed { session }]),
            "counts-falling" => Meaning::default(),
            // Joined, and not opened yet.
            "counts-session-unknown" if provider && !counts.closing => again(code),
            _ if code.starts_with("counts-") => {
                let mut meaning = Meaning { trouble: Some(code.into()), ..Meaning::default() };
                if counts.closing {
                    meaning.records.push(Record::Closed { session });
                }
                meaning
            }
            _ => again(code),
        }
    }

    const fn closing(&self, reason: Ending) -> Record {
        Record::Closing { session: self.id, reason }
    }

    fn over(&self, reason: Ending, trouble: &str) -> Meaning {
        Meaning { trouble: Some(trouble.into()), ..records([self.closing(reason)]) }
    }
}

fn records<const N: usize>(records: [Record; N]) -> Meaning {
    Meaning { records: records.into(), ..Meaning::default() }
}

fn again(code: &str) -> Meaning {
    Meaning { again: true, trouble: Some(code.into()), ..Meaning::default() }
}
