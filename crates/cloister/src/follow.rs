//! `cloister follow`: a monitor's signed notices, checked, live: on a terminal, or passed on to a
//! webhook.

mod webhook;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use messages::receipt::{Notice, NoticeKind};
use messages::reply::Action;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::follow::webhook::Webhook;
use crate::line::ended;
use crate::log::action;
use crate::output;
use crate::overseer::{Access, short};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  cloister follow --monitor https://127.0.0.1:8443 --anchors anchors.toml --key overseer.key\n  cloister follow ... --webhook http://127.0.0.1:9000/alerts --state follow\n\nA webhook gets JSON {\"seq\", \"kind\", \"notice\"}, where notice is base64 of the signed CBOR; it is asked\nagain until it answers 2xx, and what it took is remembered in --state."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    access: Access,
    /// Print one JSON document a notice.
    #[arg(long)]
    json: bool,
    /// End after so many notices.
    #[arg(long)]
    count: Option<u64>,
    /// Pass each notice on to this address: http on loopback, or https.
    #[arg(long, requires = "state")]
    webhook: Option<String>,
    /// Where the webhook's queue is kept.
    #[arg(long)]
    state: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let mut webhook = match (&arguments.webhook, &arguments.state) {
        (Some(url), Some(state)) => Some(Webhook::open(url, state)?),
        _ => None,
    };
    let mut progress = Progress { left: arguments.count, pause: SHORTEST, heard: None };
    loop {
        match stream(arguments, webhook.as_mut(), &mut progress) {
            Ok(()) => return Ok(ExitCode::SUCCESS),
            // Evidence that is refused will be refused again; a lost connection comes back.
            Err(fault) if !fault.code.starts_with("channel-") => return Err(fault),
            Err(fault) => output::fault(&fault),
        }
        std::thread::sleep(progress.pause);
        progress.pause = progress.pause.saturating_mul(2).min(LONGEST);
    }
}

/// How far the following is, over all its connections.
struct Progress {
    /// Notices still to come before the end; none has no end.
    left: Option<u64>,
    /// How long the next pause is.
    pause: Duration,
    /// The place in the journal up to which nothing was missed.
    heard: Option<u64>,
}

/// Follows one connection to its end.
fn stream(
    arguments: &Arguments,
    mut webhook: Option<&mut Webhook>,
    progress: &mut Progress,
) -> Result<(), Fault> {
    let (mut client, _) = arguments.access.open()?;
    let (mut notices, from) = client.notices()?;
    if let Some(heard) = progress.heard.filter(|heard| from < *heard) {
        let (held, now) = (heard.to_string(), from.to_string());
        let remedy =
            "the monitor's journal is shorter than it was: ask its operator who rolled it back";
        output::event("journal-shorter", &[("was", &held), ("is", &now), ("remedy", remedy)]);
    }
    if let Some(heard) = progress.heard.filter(|heard| *heard < from) {
        // Notices are not kept; what they were about is on record.
        let (after, until) = (heard.to_string(), from.to_string());
        let remedy = "see cloister inbox for what waits, and cloister log read for what happened";
        output::event("unheard", &[("after", &after), ("until", &until), ("remedy", remedy)]);
    }
    let place = from.to_string();
    output::event("following", &[("monitor", arguments.access.monitor()), ("from", &place)]);
    (progress.pause, progress.heard) = (SHORTEST, Some(from));
    while progress.left != Some(0) {
        let Some(notice) = client.next(&mut notices)? else {
            return Err(ended());
        };
        if arguments.json {
            output::line(document(&notice).to_string());
        } else {
            output::line(words(&notice));
        }
        if let Some(webhook) = webhook.as_deref_mut() {
            webhook.send(&notice)?;
        }
        progress.heard = progress.heard.max(Some(notice.journal.seq));
        progress.left = progress.left.map(|left| left.saturating_sub(1));
    }
    Ok(())
}

fn kind(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Alert => "alert",
        NoticeKind::Paused => "paused",
        NoticeKind::Decided => "decided",
        NoticeKind::Terminated => "terminated",
        NoticeKind::Rollback => "rollback",
        NoticeKind::Clock => "clock",
        NoticeKind::Duty => "duty",
        NoticeKind::Revised => "revised",
    }
}

fn document(notice: &Notice) -> Value {
    json!({
        "seq": notice.journal.seq,
        "at_ms": notice.at.0,
        "kind": kind(notice.kind),
        "pact": notice.pact.to_string(),
        "session": notice.session.map(|session| session.to_string()),
        "event": notice.event.map(|event| event.to_string()),
        "action": action(notice.action),
        "rule": notice.rule,
        "due_ms": notice.due.map(|due| due.0),
    })
}

fn words(notice: &Notice) -> String {
    let colour = match notice.action {
        Action::Allow => output::GREEN,
        Action::Alert | Action::Pause => output::YELLOW,
        Action::Deny | Action::Terminate => output::RED,
    };
    let of = |name: &str, digest: Option<&[u8; 32]>| {
        digest.map(|digest| format!("  {name} {}", short(digest))).unwrap_or_default()
    };
    let rule =
        if notice.rule.is_empty() { String::new() } else { format!("  rule {}", notice.rule) };
    let due = notice.due.map(|due| format!("  due {}", output::moment(due))).unwrap_or_default();
    format!(
        "{}  {}{}{}{rule}{due}",
        output::moment(notice.at),
        output::paint(colour, &format!("{:<10} {:<9}", kind(notice.kind), action(notice.action))),
        of("session", notice.session.as_ref().map(|s| &s.0)),
        of("call", notice.event.as_ref().map(|e| &e.0)),
    )
}

const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);
