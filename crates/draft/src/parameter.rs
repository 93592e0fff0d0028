//! What an argument is: whom or what it names, or what it says.

use crate::tools::Parameter;
use crate::vocabulary::{AMOUNT, CODE, PLACE, PROSE, SECRET, WEB, WHICH, WHO, any, words};

/// What an argument is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// How much.
    Amount,
    /// A code that completes what was begun before.
    Code,
    /// Nothing that identifies: numbers, switches, days, choices.
    Plain,
    /// A file or folder.
    Place,
    /// Words for people.
    Prose,
    /// What opens a door.
    Secret,
    /// A web address.
    Web,
    /// A thing.
    Which,
    /// A person, an account, a group.
    Who,
}

pub(crate) fn purpose(name: &str, parameter: &Parameter) -> Purpose {
    let named = words(name);
    let described = words(parameter.description.split(['.', '(', '\n']).next().unwrap_or_default());
    let number = parameter.kinds.iter().any(|k| k == "number" || k == "integer");
    let text = parameter.kinds.is_empty() || parameter.kinds.iter().any(|k| k == "string");
    let last = named.last().map(|w| vec![w.clone()]).unwrap_or_default();
    let choice = !parameter.one_of.is_empty();
    match () {
        () if choice
            || parameter.kinds.iter().all(|k| k == "boolean" || k == "null")
                && !parameter.kinds.is_empty() =>
        {
            Purpose::Plain
        }
        () if any(&named, SECRET) => Purpose::Secret,
        () if any(&named, CODE)
            && any(&described, &["password", "code", "otp", "verification", "one"]) =>
        {
            Purpose::Code
        }
        () if any(&named, CODE) => Purpose::Code,
        () if number && !text && any(&named, AMOUNT) => Purpose::Amount,
        () if any(&last, WHICH) && !(number && any(&last, &["number"])) => Purpose::Which,
        () if any(&named, WEB) || matches!(parameter.format.as_str(), "uri" | "url") => {
            Purpose::Web
        }
        () if !text => Purpose::Plain,
        () if parameter.format == "email"
            || any(&described, &["email", "iban"]) && !any(&last, PROSE) =>
        {
            Purpose::Who
        }
        () if any(&last, PROSE) => Purpose::Prose,
        () if any(&named, WHO) => Purpose::Who,
        () if any(&named, PLACE) => Purpose::Place,
        () if any(&named, WHICH) => Purpose::Which,
        () if any(&named, PROSE) => Purpose::Prose,
        () if matches!(parameter.format.as_str(), "date" | "date-time" | "time") => Purpose::Plain,
        () => Purpose::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, kind: &str, description: &str) -> Purpose {
        let parameter = Parameter {
            description: description.into(),
            kinds: vec![kind.into()],
            ..Parameter::default()
        };
        purpose(name, &parameter)
    }

    #[test]
    fn arguments_are_understood_by_name_and_description() {
        assert_eq!(of("recipientEmail", "string", ""), Purpose::Who);
        assert_eq!(of("dest", "string", "IBAN of the payee"), Purpose::Who);
        assert_eq!(of("invoice_id", "string", ""), Purpose::Which);
        assert_eq!(of("webhook_url", "string", ""), Purpose::Web);
        assert_eq!(of("amount", "number", ""), Purpose::Amount);
        assert_eq!(of("body", "string", "The body of the email"), Purpose::Prose);
        assert_eq!(of("new_password", "string", ""), Purpose::Secret);
        assert_eq!(of("otp", "string", "One Time Password received by email"), Purpose::Code);
        assert_eq!(of("limit", "integer", ""), Purpose::Plain);
        assert_eq!(of("target_path", "string", ""), Purpose::Place);
    }
}
