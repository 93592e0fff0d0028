//! Terms that loosen when another one tightens: where they stand, no narrowing is certain.
//!
//! A verdict names one term and has one kind. So a stricter term may hide one for which a
//! consequence does more, or lead to a kind for which it does less: a call that was denied after
//! an alert is then only escalated, and an overseer may let it run. A flow asks who is addressed,
//! and who that is follows from arguments and from what was requested.

use super::found::{Found, Place};
use super::{Kind, Taken};
use crate::check::Decision;
use crate::compile::decision;
use crate::document::terms::{Consequence, Document};

/// After all other terms: consequences that turn an alert into more.
pub(super) fn consequences(found: &mut Found, old: &Document) {
    let narrower = found.so_far().iter().any(|d| d.kind == Kind::Narrower);
    if narrower && old.consequences.iter().any(|c| raises(old, c)) {
        let place = Place::new("consequences".to_owned(), Taken::Both);
        found.wider(&place, "they make more of some alerts, which a stricter term may hide");
    }
}

/// A kind above an alert is held or refused whatever follows; a term that is named may only alert.
fn raises(terms: &Document, consequence: &Consequence) -> bool {
    let Consequence { on, actions, after: _, cure: _ } = consequence;
    let more = actions.iter().any(|action| decision(action.action) > Decision::Alert);
    let measured = |id: &str| terms.performance.iter().any(|o| o.id.0 == id);
    more && on.iter().any(|name| match name.0.as_str() {
        "deny" | "escalate" | "terminate" => false,
        // Measured whatever the verdict says.
        id => !measured(id),
    })
}

/// Flows that speak of recipients, into interactions whose arguments or requests differ.
pub(super) fn recipients(found: &mut Found, old: &Document, new: &Document) {
    for interaction in &old.interactions {
        let Some(other) = new.interactions.iter().find(|i| i.id == interaction.id) else {
            continue;
        };
        let mut flows = old.flows.iter().chain(&new.flows);
        let spoken = flows
            .any(|f| f.to.interactions.contains(&interaction.id) && !f.to.recipients.is_empty());
        let same = interaction.args == other.args && interaction.requested == other.requested;
        if spoken && !same {
            let taken = Taken::of(interaction.direction);
            let place = Place::new(format!("interactions.{}", interaction.id.0), taken);
            found.wider(&place, "a flow may speak of other recipients");
        }
    }
}
