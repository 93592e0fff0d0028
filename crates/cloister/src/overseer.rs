//! `cloister inbox`, `approve`, `deny`, `reinstate`: what an overseer decides.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use messages::codec::Wire;
use messages::did::Did;
use messages::domain;
use messages::event::{Body, SignedEvent};
use messages::ids::PactHash;
use messages::reply::{Action, Approval, Reinstatement, Reply, Request, WaitingCall};
use messages::signature::SigningKey;
use messages::time::UnixMillis;

use crate::client::{Client, Reach, strange};
use crate::fault::Fault;
use crate::{anchors, key, output};

/// Which monitor, and who asks.
#[derive(Args)]
pub(crate) struct Access {
    #[command(flatten)]
    reach: Reach,
    /// Your key: of a DID that the pact names.
    #[arg(long)]
    key: PathBuf,
}

impl Access {
    /// Connects, appraises, logs in.
    pub(crate) fn open(&self) -> Result<(Client, SigningKey), Fault> {
        let key = key::load(&self.key)?;
        let mut client = self.reach.connect(&self.reach.file()?)?;
        client.login(&key)?;
        Ok((client, key))
    }

    /// The URL, for people.
    pub(crate) fn monitor(&self) -> &str {
        &self.reach.monitor
    }
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  cloister inbox --monitor https://127.0.0.1:8443 --anchors anchors.toml --key overseer.key"
)]
pub(crate) struct InboxArguments {
    #[command(flatten)]
    access: Access,
    /// Print one JSON document a call.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[command(
    after_help = "Examples:\n  cloister approve 3f9a2c17 --monitor https://127.0.0.1:8443 --anchors anchors.toml --key overseer.key\n  cloister deny 3f9a2c17 --monitor https://127.0.0.1:8443 --anchors anchors.toml --key overseer.key"
)]
pub(crate) struct DecisionArguments {
    /// The call, as `cloister inbox` shows it; its first 8 digits are enough.
    call: String,
    #[command(flatten)]
    access: Access,
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  cloister reinstate sha256:... --monitor https://127.0.0.1:8443 --anchors anchors.toml --key overseer.key"
)]
pub(crate) struct ReinstateArguments {
    /// Hash of the pact that a rolled back monitor stopped.
    pact: String,
    #[command(flatten)]
    access: Access,
}

/// Lists what waits.
pub(crate) fn inbox(arguments: &InboxArguments) -> Result<ExitCode, Fault> {
    let (mut client, _) = arguments.access.open()?;
    let calls = waiting(&mut client)?;
    if arguments.json {
        calls.iter().for_each(|call| output::line(document(call).to_string()));
        return Ok(ExitCode::SUCCESS);
    }
    if calls.is_empty() {
        output::line("nothing waits");
        return Ok(ExitCode::SUCCESS);
    }
    let now = anchors::now();
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header(["call", "session", "what", "rule", "left"]);
    for call in &calls {
        table.add_row([
            short(&call.call.0),
            short(&call.session.0),
            what(call),
            call.rule.clone(),
            left(call.until, now),
        ]);
    }
    output::line(table.to_string());
    output::line("\nDecide with `cloister approve CALL` or `cloister deny CALL`.");
    Ok(ExitCode::SUCCESS)
}

/// Signs a decision on one waiting call.
pub(crate) fn decide(arguments: &DecisionArguments, granted: bool) -> Result<ExitCode, Fault> {
    let (mut client, key) = arguments.access.open()?;
    let calls = waiting(&mut client)?;
    let call = find(&calls, &arguments.call)?;
    let overseer = Did::from_key(&key.public());
    let approval = Approval { session: call.session, call: call.call, overseer, granted };
    let signature = key.sign(domain::APPROVAL, &approval.to_cbor());
    let (action, rule) = match client.ask(&Request::Approve { approval, signature })? {
        Reply::Verdict { action, rule, .. } => (action, rule.unwrap_or_default()),
        Reply::Alert { action, rule, .. } => (action, rule),
        Reply::Receipt(_) => (Action::Allow, String::new()),
        _ => return Err(strange()),
    };
    let (colour, text) = match action {
        Action::Allow | Action::Alert => (output::GREEN, "the call runs".to_owned()),
        Action::Pause => (output::YELLOW, format!("the call still waits: {rule}")),
        Action::Deny => (output::RED, format!("the call does not run: {rule}")),
        Action::Terminate => (output::RED, format!("the session is over: {rule}")),
    };
    output::line(output::paint(colour, &text));
    Ok(ExitCode::SUCCESS)
}

/// Lets a pact go on after a rollback.
pub(crate) fn reinstate(arguments: &ReinstateArguments) -> Result<ExitCode, Fault> {
    let pact = PactHash::parse(&arguments.pact).ok_or_else(|| {
        Fault::new(
            "pact-hash-malformed",
            "the pact is not sha256: and 64 hexadecimal digits",
            "give what `cloister pact hash` prints",
        )
    })?;
    let (mut client, key) = arguments.access.open()?;
    let (boot, overseer) = (client.boot(), Did::from_key(&key.public()));
    let reinstatement = Reinstatement { pact, boot, overseer };
    let signature = key.sign(domain::REINSTATEMENT, &reinstatement.to_cbor());
    match client.ask(&Request::Reinstate { reinstatement, signature })? {
        Reply::Reinstated => {
            output::line("the pact goes on; the rollback stays on record");
            Ok(ExitCode::SUCCESS)
        }
        _ => Err(strange()),
    }
}

fn waiting(client: &mut Client) -> Result<Vec<WaitingCall>, Fault> {
    match client.ask(&Request::Inbox)? {
        Reply::Waiting { calls } => Ok(calls),
        _ => Err(strange()),
    }
}

/// The one call whose hash begins with these digits.
fn find<'c>(calls: &'c [WaitingCall], text: &str) -> Result<&'c WaitingCall, Fault> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text).to_ascii_lowercase();
    let long = digits.len() >= SHORT;
    let mut found = calls.iter().filter(|call| hex::encode(call.call.0).starts_with(&digits));
    match (found.next().filter(|_| long), found.next()) {
        (Some(call), None) => Ok(call),
        (Some(_), Some(_)) => Err(Fault::new(
            "call-ambiguous",
            "more than one waiting call begins with these digits",
            "give more digits of the call",
        )),
        (None, _) => Err(Fault::new(
            "call-unknown",
            "no such call waits for this overseer",
            "look it up with `cloister inbox`; its time may have run out",
        )),
    }
}

/// What the call is, from its own event. The event is the initiator's word, shown as it is.
fn what(call: &WaitingCall) -> String {
    let event = SignedEvent::parse(&call.event).ok();
    match event.as_ref().map(|event| &event.unverified().body) {
        Some(Body::Call { name, args, via, .. }) => {
            let args: Vec<String> = args.iter().map(|(k, v)| format!("{k}={v}")).collect();
            let by = via.as_ref().map(|did| format!(" by {did}")).unwrap_or_default();
            printable(&format!("{name}({}){by}", args.join(", ")))
        }
        Some(Body::Message { text }) => printable(text),
        Some(Body::Delegation { .. } | Body::Result { .. }) | None => "?".into(),
    }
}

/// Text of others on one's own terminal: no control characters, and not without end.
fn printable(text: &str) -> String {
    let plain = |c: char| if c.is_control() || is_format(c) { '\u{fffd}' } else { c };
    let mut shown: String = text.chars().take(WIDEST).map(plain).collect();
    if text.chars().nth(WIDEST).is_some() {
        shown.push('…');
    }
    shown
}

/// Characters that change how others are shown: a name could look like another.
const fn is_format(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn document(call: &WaitingCall) -> serde_json::Value {
    serde_json::json!({
        "call": call.call.to_string(),
        "pact": call.pact.to_string(),
        "session": call.session.to_string(),
        "rule": call.rule,
        "until_ms": call.until.0,
        "event": serde_json::from_slice::<serde_json::Value>(&call.event).ok(),
    })
}

fn left(until: UnixMillis, now: UnixMillis) -> String {
    let seconds = until.0.saturating_sub(now.0).checked_div(1000).unwrap_or(0);
    match (seconds.checked_div(60), seconds.checked_rem(60)) {
        (Some(minutes), Some(rest)) if minutes > 0 => format!("{minutes} min {rest} s"),
        _ => format!("{seconds} s"),
    }
}

/// The first digits of a digest.
pub(crate) fn short(digest: &[u8; 32]) -> String {
    hex::encode(digest).chars().take(SHORT).collect()
}

const SHORT: usize = 8;
const WIDEST: usize = 120;

#[cfg(test)]
mod tests {
    use messages::ids::{EventHash, SessionId};

    use super::*;

    fn call(first: u8, last: u8) -> WaitingCall {
        let mut hash = [first; 32];
        hash[31] = last;
        WaitingCall {
            pact: PactHash::default(),
            session: SessionId::default(),
            call: EventHash(hash),
            rule: "r".into(),
            until: UnixMillis(61_000),
            event: Vec::new(),
        }
    }

    #[test]
    fn a_call_is_found_by_enough_of_its_digits() {
        let calls = [call(1, 1), call(2, 1), call(2, 2)];
        assert_eq!(find(&calls, "01010101").unwrap().call, calls[0].call);
        assert_eq!(find(&calls, &calls[2].call.to_string()).unwrap().call, calls[2].call);
        assert_eq!(find(&calls, "02020202").unwrap_err().code, "call-ambiguous");
        for unknown in ["", "0101", "03030303", "sha256:"] {
            assert_eq!(find(&calls, unknown).unwrap_err().code, "call-unknown");
        }
    }

    #[test]
    fn text_of_others_cannot_drive_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\u{202e}c\n"), "a\u{fffd}[31mb\u{fffd}c\u{fffd}");
        assert_eq!(printable(&"x".repeat(500)).chars().count(), 121);
        assert_eq!(left(UnixMillis(61_000), UnixMillis(0)), "1 min 1 s");
        assert_eq!(left(UnixMillis(0), UnixMillis(5)), "0 s");
    }
}
