//! A template's terms around the interactions of a tool list.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{Tools, document, terms};

/// Takes a template's own interactions out, drops what only makes sense with them, and returns
/// the drafted ones.
pub(super) fn refit(pact: &mut Value, tools: &Tools) -> Vec<Value> {
    let drafted: Vec<Value> =
        tools.0.iter().map(|(name, tool)| terms::interaction(name, tool)).collect();
    let fit = Fit { drafted: drafted.iter().map(|i| (text(i, "id"), i)).collect(), tools };
    let mut gone: BTreeSet<String> = BTreeSet::new();
    let mut kept = |term: &Value, fits: bool| {
        if !fits {
            gone.insert(text(term, "id").to_owned());
        }
        fits
    };
    retain(pact, "/interactions", |interaction| {
        let fits = fit.has(text(interaction, "id"));
        kept(interaction, fits);
        false
    });
    retain(pact, "/limits", |limit| {
        let fits = fit.counts(text(limit, "counter"));
        kept(limit, fits)
    });
    retain(pact, "/flows", |flow| {
        let fits = fit.flows(flow);
        kept(flow, fits)
    });
    retain(pact, "/performance", |objective| {
        let left = retain(objective, "/applies_to", |id| fit.names(id));
        if left == Some(0)
            && let Some(fields) = objective.as_object_mut()
        {
            fields.remove("applies_to");
        }
        true
    });
    retain(pact, "/consequences", |consequence| {
        let stays = |name: &mut Value| name.as_str().is_some_and(|name| !gone.contains(name));
        retain(consequence, "/on", stays) != Some(0)
    });
    retain(pact, "/monitoring/disclosure/claims", |claim| fit.claims(claim));
    retain(pact, "/labels/sources", |source| {
        let all = text(source, "tool") == "*";
        if all && let Some(fields) = source.get_mut("fields").and_then(Value::as_array_mut) {
            add_vouched(fields);
        }
        all || fit.has(text(source, "tool"))
    });
    drafted
}

/// What a drafted list has.
struct Fit<'a> {
    drafted: BTreeMap<&'a str, &'a Value>,
    tools: &'a Tools,
}

impl Fit<'_> {
    fn has(&self, id: &str) -> bool {
        self.drafted.contains_key(id)
    }

    /// Whether a counter counts something that is there: an interaction, or an argument that a
    /// tool takes. A sum needs a unit.
    fn counts(&self, counter: &str) -> bool {
        let argument = |rest: &str| {
            let (id, name) = rest.split_once('.')?;
            self.tools
                .0
                .get(id)?
                .parameters
                .contains_key(name)
                .then_some((id.to_owned(), name.to_owned()))
        };
        match counter.split_once(':') {
            Some(("calls", id)) => self.has(id),
            Some(("distinct", rest)) => argument(rest).is_some(),
            Some(("sum", rest)) => argument(rest).is_some_and(|(id, name)| {
                let args = self.drafted.get(id.as_str()).and_then(|i| i.get("args"));
                args.and_then(|a| a.get(name)?.get("unit")).is_some()
            }),
            Some(_) | None => true,
        }
    }

    fn claims(&self, claim: &Value) -> bool {
        let sums = claim.get("sum_of").and_then(Value::as_array).into_iter().flatten();
        let counters = [text(claim, "counter"), text(claim, "ratio_of")];
        counters.into_iter().chain(sums.filter_map(Value::as_str)).all(|c| self.counts(c))
    }

    fn names(&self, id: &Value) -> bool {
        id.as_str().is_some_and(|id| self.has(id))
    }

    /// Leaves of a flow what is there. A flow from sources that are all gone is not one from any.
    fn flows(&self, flow: &mut Value) -> bool {
        let to = retain(flow, "/to/interactions", |id| self.names(id));
        let from = retain(flow, "/from/sources", |tool| self.names(tool));
        to != Some(0) && from != Some(0)
    }
}

/// Keeps of a list what fits, and says how much that is; none where there is no list.
fn retain(value: &mut Value, place: &str, fits: impl FnMut(&mut Value) -> bool) -> Option<usize> {
    let list = value.pointer_mut(place)?.as_array_mut()?;
    list.retain_mut(fits);
    Some(list.len())
}

/// Adds the fields that providers of any kind fill in themselves.
fn add_vouched(fields: &mut Vec<Value>) {
    let known: BTreeSet<String> =
        fields.iter().map(|field| text(field, "path").to_owned()).collect();
    let others = document::fields().into_iter();
    fields.extend(others.filter(|field| !known.contains(text(field, "path"))));
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_names_a_tool_that_is_gone_goes_and_the_rest_stays() {
        let tools = Tools::parse(
            br#"{"pay": {"parameters": {"properties": {"to": {"type": "string"},
                "amount": {"type": "number"}}}}, "look": {}}"#,
        )
        .unwrap();
        let mut pact = json!({
            "interactions": [{"id": "pay"}, {"id": "ship"}],
            "limits": [
                {"id": "a", "counter": "calls:pay"}, {"id": "b", "counter": "calls:ship"},
                {"id": "c", "counter": "sum:pay.amount"}, {"id": "d", "counter": "distinct:pay.to"},
                {"id": "e", "counter": "distinct:pay.whom"}, {"id": "f", "counter": "pii:any"},
            ],
            "flows": [
                {"id": "g", "from": {}, "to": {"interactions": ["pay", "ship"]}},
                {"id": "h", "from": {}, "to": {"interactions": ["ship"]}},
                {"id": "i", "from": {"sources": ["read"]}, "to": {"interactions": ["pay"]}},
            ],
            "performance": [
                {"id": "j", "applies_to": ["pay", "ship"]}, {"id": "k", "applies_to": ["ship"]},
            ],
            "consequences": [{"on": ["deny"]}, {"on": ["b", "f", "ship"]}, {"on": ["h"]}],
            "monitoring": {"disclosure": {"claims": [
                {"id": "l", "counter": "calls:ship"}, {"id": "m", "counter": "calls:pay"},
                {"id": "n", "counter": "calls.all", "sum_of": ["calls:ship"]},
            ]}},
            "labels": {"sources": [{"tool": "read"}, {"tool": "look"}, {"tool": "*", "fields": []}]},
        });
        let drafted = refit(&mut pact, &tools);
        assert_eq!(drafted.iter().map(|i| text(i, "id")).collect::<Vec<_>>(), ["look", "pay"]);
        let ids = |place: &str| -> Vec<String> {
            let list = pact.pointer(place).unwrap().as_array().unwrap();
            list.iter().map(|v| text(v, "id").to_owned()).collect()
        };
        assert_eq!(ids("/interactions").len(), 0);
        assert_eq!(ids("/limits"), ["a", "d", "f"]);
        assert_eq!(ids("/flows"), ["g"]);
        assert_eq!(pact["flows"][0]["to"]["interactions"], json!(["pay"]));
        assert_eq!(pact["performance"][0]["applies_to"], json!(["pay"]));
        assert_eq!(pact["performance"][1], json!({"id": "k"}));
        assert_eq!(pact["consequences"], json!([{"on": ["deny"]}, {"on": ["f"]}]));
        assert_eq!(ids("/monitoring/disclosure/claims"), ["m"]);
        let sources = pact["labels"]["sources"].as_array().unwrap();
        assert_eq!(sources.iter().map(|s| text(s, "tool")).collect::<Vec<_>>(), ["look", "*"]);
        assert!(!sources[1]["fields"].as_array().unwrap().is_empty());
    }
}
