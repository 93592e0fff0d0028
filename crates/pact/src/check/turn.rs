//! Yes and no in the principal's words.

use minicbor::{Decode, Encode};

use crate::tokens::chunks;

/// What the principal's words answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum TurnSaid {
    #[n(0)]
    No,
    #[n(1)]
    Yes,
}

/// Whether the principal's words are a yes: the first word of either kind decides.
pub(crate) fn yes_or_no(text: &str) -> TurnSaid {
    for chunk in chunks(text) {
        let word = chunk.to_lowercase();
        if NO.contains(&word.as_str()) {
            return TurnSaid::No;
        }
        if YES.contains(&word.as_str()) {
            return TurnSaid::Yes;
        }
    }
    TurnSaid::No
}

const NO: &[&str] = &["no", "not", "don't", "dont", "stop", "wait", "never", "nope", "hold"];
const YES: &[&str] = &[
    "yes",
    "yeah",
    "yep",
    "yup",
    "ok",
    "okay",
    "sure",
    "confirm",
    "confirmed",
    "proceed",
    "agree",
    "agreed",
    "approve",
    "approved",
    "correct",
    "absolutely",
    "definitely",
    "go",
];
