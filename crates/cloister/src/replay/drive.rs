//! One recorded session through the door, open loop: what was stopped is not delivered and its
//! result does not come back; everything else goes on as recorded.

use std::collections::BTreeSet;

use messages::event::Body;
use messages::ids::EventHash;
use messages::reply::{Action, Reply};
use traces::Session;

use crate::client::{Client, strange};
use crate::fault::Fault;
use crate::parties::Conversation;
use crate::replay::report::{First, Line, Outcome};

/// What the driver brings back.
pub(crate) struct Told<'a> {
    /// Still open, unless the monitor terminated it and a side cannot close.
    pub(crate) conversation: Option<Conversation<'a>>,
    pub(crate) line: Line,
}

/// Decides about paused calls: returns the monitor's answer when somebody did.
pub(crate) type Overseer<'o> =
    dyn Fn(&mut Client, &Conversation<'_>, &str, EventHash) -> Result<Option<Reply>, Fault> + 'o;

/// Nobody is there: the pause runs into its time-out and the call never runs.
pub(crate) fn nobody(
    _: &mut Client,
    _: &Conversation<'_>,
    _: &str,
    _: EventHash,
) -> Result<Option<Reply>, Fault> {
    Ok(None)
}

/// Drives one session.
pub(crate) fn session<'a>(
    client: &mut Client,
    mut conversation: Conversation<'a>,
    session: &Session,
    overseer: &Overseer<'_>,
) -> Result<Told<'a>, Fault> {
    let mut line = Line::clean(&session.sid);
    let mut stopped: BTreeSet<&str> = BTreeSet::new();
    for recorded in &session.events {
        if let Body::Result { call, .. } = &recorded.body
            && stopped.contains(call.as_str())
        {
            continue;
        }
        let way = (recorded.from, recorded.to);
        let (reply, hash) = conversation.say(client, way, recorded.body.clone())?;
        let (mut action, rule, enforced) = told(&reply)?;
        line.note(recorded.seq, action, rule);
        if enforced && action == Action::Pause {
            let decided = overseer(client, &conversation, &session.sid, hash)?;
            if let Some(reply) = decided {
                (action, _, _) = told(&reply)?;
            }
        }
        let runs = !enforced || action <= Action::Alert;
        if runs {
            conversation.deliver(recorded.from, recorded.to, hash);
        } else if let Body::Call { call, .. } = &recorded.body {
            stopped.insert(call);
        }
        if enforced && action == Action::Terminate {
            break;
        }
    }
    Ok(Told { conversation: Some(conversation), line })
}

/// Action, rule, and whether the mode enforces it.
fn told(reply: &Reply) -> Result<(Action, Option<&str>, bool), Fault> {
    match reply {
        Reply::Verdict { action, rule, .. } => Ok((*action, rule.as_deref(), true)),
        Reply::Alert { action, rule, .. } => Ok((*action, Some(rule), false)),
        Reply::Receipt(_) => Ok((Action::Allow, None, false)),
        _ => Err(strange()),
    }
}

impl Line {
    fn note(&mut self, seq: u64, action: Action, rule: Option<&str>) {
        let (outcome, name) = match action {
            Action::Allow | Action::Alert => return,
            Action::Pause => (Outcome::Escalated, "pause"),
            Action::Deny => (Outcome::Denied, "deny"),
            Action::Terminate => (Outcome::Terminated, "terminate"),
        };
        self.interventions = self.interventions.saturating_add(1);
        self.outcome = self.outcome.max(outcome);
        if self.first.is_none() {
            self.first = Some(First { seq, rule: rule.unwrap_or("").into(), action: name });
        }
    }
}
