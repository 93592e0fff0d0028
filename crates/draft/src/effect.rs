//! What a tool does, guessed from its name and description.

use crate::tools::Tool;
use crate::vocabulary::{Act, MONEY, any, verb, words};

/// A tool's guessed effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Guess {
    pub(crate) act: Act,
    /// In the pact's words.
    pub(crate) effect: &'static str,
}

/// Guesses from the name, then the description, then annotations; what remains unknown writes.
pub(crate) fn guess(name: &str, tool: &Tool) -> Guess {
    let named = words(name);
    let described = words(tool.description.split(['.', '\n']).next().unwrap_or_default());
    let from = verb(&named).or_else(|| verb(&described)).map(|v| v.act);
    let unknown = if tool.read_only == Some(true) { Act::Read } else { Act::Update };
    let mut act = from.unwrap_or(unknown);
    let money = any(&named, MONEY);
    if money && matches!(act, Act::Create | Act::Send | Act::Update) && !any(&named, &["id"]) {
        act = if any(&named, &["update", "edit", "modify", "change"]) {
            Act::Update
        } else {
            Act::Pay
        };
    }
    let effect = match act {
        Act::Buy | Act::Pay => "spend",
        Act::Delete => "destructive",
        Act::Invite | Act::Post | Act::Send | Act::Submit => "external-send",
        Act::Read if tool.destructive => "destructive",
        Act::Read => "read",
        Act::Confirm | Act::Create | Act::Login | Act::Move | Act::Update if tool.destructive => {
            "destructive"
        }
        Act::Confirm | Act::Create | Act::Login | Act::Move | Act::Update => "write",
    };
    Guess { act, effect }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_that_nobody_here_has_seen_are_understood() {
        for (name, effect) in [
            ("listInvoices", "read"),
            ("wire_funds", "spend"),
            ("makePayment", "spend"),
            ("orders.place_order", "spend"),
            ("drop-table", "destructive"),
            ("dm_customer", "external-send"),
            ("ticket_reply", "external-send"),
            ("rotate_api_key", "write"),
            ("cart_total", "read"),
        ] {
            let description = match name {
                "dm_customer" => "Sends a direct message to a customer.",
                _ => "",
            };
            let tool = Tool { description: description.into(), ..Tool::default() };
            assert_eq!(guess(name, &tool).effect, effect, "{name}");
        }
    }

    #[test]
    fn annotations_only_make_it_more_severe() {
        let hinted = Tool { read_only: Some(true), ..Tool::default() };
        assert_eq!(guess("delete_all", &hinted).effect, "destructive");
        let destructive = Tool { destructive: true, ..Tool::default() };
        assert_eq!(guess("get_item", &destructive).effect, "destructive");
    }
}
