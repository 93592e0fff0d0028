//! Keeps one attested connection to the monitor: connects, appraises, registers the pact, logs in,
//! follows the notices, and starts again when it breaks.

use std::sync::Arc;
use std::time::Duration;

use attestations::Policy;
use channel::forms::Decision;
use messages::receipt::NoticeKind;
use messages::reply::{Reply, Request};
use messages::signature::SigningKey;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::connect::courier::Peer;
use crate::connect::link::{Asking, Carrier, Link};
use crate::connect::post::Post;
use crate::fault::Fault;
use crate::line::{Line, Notices, PATIENCE};
use crate::output;

/// Where the monitor is and what it must be.
pub(crate) struct Way {
    /// `https://host:port`.
    pub(crate) url: String,
    /// What its evidence must show.
    pub(crate) policy: Policy,
    /// The signed pact.
    pub(crate) pact: Vec<u8>,
}

impl Way {
    /// Connects over and over, and tells `set`, until `stop`.
    pub(crate) async fn keep(
        self,
        post: Arc<Post>,
        set: watch::Sender<Option<Arc<Link>>>,
        stop: CancellationToken,
    ) {
        let (mut pause, mut number) = (SHORTEST, 0u64);
        let mut told = None;
        let connecting = async {
            loop {
                number = number.saturating_add(1);
                match self.connect(post.key(), number).await {
                    Ok((link, notices, line)) => {
                        (pause, told) = (SHORTEST, None);
                        output::event("attested", &[("monitor", &self.url)]);
                        let broken = link.broken.clone();
                        set.send_replace(Some(Arc::new(link)));
                        let followed = follow(&post, notices, &line);
                        let ended = broken.run_until_cancelled(followed).await;
                        broken.cancel();
                        let code = ended.map_or("channel-ended", |_| "alerts-ended");
                        output::event("disconnected", &[("code", code)]);
                    }
                    Err(fault) => {
                        // The same fault is told once, not at every attempt.
                        if told.as_ref() != Some(&fault.code) {
                            output::fault(&fault);
                            told = Some(fault.code);
                        }
                    }
                }
                sleep(pause).await;
                pause = pause.saturating_mul(2).min(LONGEST);
            }
        };
        stop.run_until_cancelled(Box::pin(connecting)).await;
    }

    async fn connect(
        &self,
        key: &SigningKey,
        number: u64,
    ) -> Result<(Link, Notices, Arc<Line>), Fault> {
        let mut line = Line::connect(&self.url, &self.policy, PATIENCE).await?;
        let certificate = line.certificate().await?;
        let boot = line.appraised().claims().boot;
        match line.ask(&Request::Register { pact: self.pact.clone() }).await? {
            Reply::Error { code } if code != "pact-known" => return Err(Fault::refused(&code)),
            _ => {}
        }
        // Keys of pacts under monitoring may log in.
        line.login(key).await?;
        let notices = line.notices().await?;
        let line = Arc::new(line);
        let carrier = Box::new(Attested(Arc::clone(&line)));
        Ok((Link::new(number, Peer { boot, certificate }, carrier), notices, line))
    }
}

/// Acts on notices until the stream ends. Who follows late has missed nothing for good: what ended
/// a session is answered to the next event of it, too.
async fn follow(post: &Arc<Post>, mut notices: Notices, line: &Line) {
    loop {
        match notices.next(line).await {
            Ok(Some(notice)) => match (notice.kind, notice.session) {
                (NoticeKind::Terminated, Some(session)) => post.terminated(session).await,
                (NoticeKind::Rollback, session) => {
                    output::trouble("monitor-rollback", &session.unwrap_or_default());
                }
                (NoticeKind::Revised, _) => output::event(
                    "notice",
                    &[
                        ("code", "pact-replaced"),
                        ("pact", &notice.rule),
                        ("try", "read it with `cloister log pacts`, and configure it here"),
                    ],
                ),
                (NoticeKind::Clock, _) => output::event("notice", &[("code", "monitor-clock")]),
                (
                    NoticeKind::Alert
                    | NoticeKind::Paused
                    | NoticeKind::Decided
                    | NoticeKind::Duty
                    | NoticeKind::Terminated,
                    _,
                ) => {}
            },
            Ok(None) => return,
            Err(fault) => return output::fault(&fault),
        }
    }
}

struct Attested(Arc<Line>);

impl Carrier for Attested {
    fn ask<'a>(&'a self, request: &'a Request, wait: Option<Duration>) -> Asking<'a> {
        Box::pin(async move {
            let (Some(wait), Request::Event { event }) = (wait, request) else {
                return self.0.ask(request).await;
            };
            match self.0.decide(event, wait).await? {
                Decision::Answered(reply) => Ok(*reply),
                // The event may be on record or not: it is sent again, as an event. Who waited
                // is answered by the same clause of the pact, here.
                Decision::DeadlineClosed | Decision::DeadlineOpen => {
                    Ok(Reply::Error { code: "decision-deadline".into() })
                }
            }
        })
    }
}

const SHORTEST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);
