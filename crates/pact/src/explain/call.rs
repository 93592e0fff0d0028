//! One permitted interaction as a sentence.

use super::argument;
use super::words::{count, either, follows, safe, tier};
use crate::document::scalar::Name;
use crate::document::terms::{
    ApprovalTerm, Confirmer, Document, Effect, Interaction, InteractionKind, Requested,
    RequestedWhen, Unlisted,
};

pub(super) fn permit(terms: &Document, interaction: &Interaction) -> String {
    let Interaction {
        id,
        direction: _,
        kind,
        name,
        effect,
        max_tier,
        args,
        unlisted_args: _,
        requested,
        confirmed_by,
        after,
        approval,
        // Limits have sentences of their own.
        limits: _,
        max_bytes,
        idempotency: _,
    } = interaction;
    let mut head = match kind {
        InteractionKind::Call => format!("May call {}", name.0),
        InteractionKind::Message => format!("May send the message {}", name.0),
        InteractionKind::Result => format!("May answer with {} (on record only)", name.0),
        InteractionKind::Stream => format!("May stream {} (on record only)", name.0),
    };
    if id != name {
        head = format!("{head}, here {},", id.0);
    }
    let mut clauses: Vec<String> =
        args.iter().flat_map(|(arg, constraint)| argument::clauses(arg, constraint)).collect();
    if *kind == InteractionKind::Call {
        clauses.extend(others(interaction));
    }
    clauses.extend(requested.as_ref().map(asked));
    clauses.extend(confirmed_by.map(|by| match by {
        Confirmer::Overseer => "an overseer must approve each one".to_owned(),
        Confirmer::Principal => {
            "the principal must have said yes just before, otherwise an overseer decides".to_owned()
        }
    }));
    if !after.is_empty() {
        let before: Vec<String> = after.iter().map(|id| called(terms, id)).collect();
        clauses.push(format!("only after {} succeeded in the session", either(&before, "and")));
    }
    clauses.extend(match approval {
        None | Some(ApprovalTerm::OnElse) => None,
        Some(ApprovalTerm::Always) => Some("an overseer decides on each one".to_owned()),
        Some(ApprovalTerm::Never) => {
            Some("no overseer is asked: what one would decide is refused".to_owned())
        }
    });
    clauses.extend(
        max_bytes.map(|most| format!("its arguments have at most {}", count(most, "byte"))),
    );
    clauses.extend(max_tier.map(|most| format!("it carries at most {} data", tier(most))));
    let head = format!("{head} ({})", changes(*effect));
    if clauses.is_empty() { format!("{head}.") } else { format!("{head}: {}.", clauses.join("; ")) }
}

const fn changes(effect: Effect) -> &'static str {
    match effect {
        Effect::Destructive => "removes something",
        Effect::ExternalSend => "reaches others",
        Effect::Read => "reads",
        Effect::Spend => "spends money",
        Effect::Write => "changes something",
    }
}

/// The name by which an interaction is called.
fn called(terms: &Document, id: &Name) -> String {
    let named = terms.interactions.iter().find(|i| i.id == *id);
    named.map_or(id, |i| &i.name).0.clone()
}

/// As the check takes it: a read without listed arguments is open, all else is closed.
fn others(interaction: &Interaction) -> Option<String> {
    let Interaction { effect, args, unlisted_args, .. } = interaction;
    let word = if args.keys().any(|name| name != "*") { "other arguments" } else { "arguments" };
    let open = match args.get("*") {
        Some(any) if argument::clauses("*", any).is_empty() => true,
        Some(_) => return None,
        None => {
            let usual = *effect == Effect::Read && args.is_empty();
            let usual = if usual { Unlisted::Allow } else { Unlisted::Deny };
            unlisted_args.unwrap_or(usual) == Unlisted::Allow
        }
    };
    Some(format!("{word} {}", if open { "may be anything" } else { "are refused" }))
}

fn asked(requested: &Requested) -> String {
    let Requested { terms, when, otherwise } = requested;
    let words: Vec<String> = terms.iter().map(|term| format!("\"{}\"", safe(term))).collect();
    let when = match when.unwrap_or(RequestedWhen::Always) {
        RequestedWhen::Always => "",
        RequestedWhen::Scrutiny => "under scrutiny ",
    };
    format!(
        "{when}the principal must have said {}, otherwise {}",
        either(&words, "or"),
        follows(*otherwise)
    )
}
