//! What the principal's words answer and hand over.

use minicbor::{Decode, Encode};

use crate::tokens::{chunks, stem};

/// What the principal's words answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum TurnSaid {
    #[n(0)]
    No,
    #[n(1)]
    Yes,
}

/// What the principal hands over to what is written somewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Granted {
    /// "Do what it asks": whatever is asked for.
    #[n(0)]
    pub(crate) all: bool,
    /// "According to it": how an act that the principal asked for is to be done.
    #[n(1)]
    pub(crate) manner: bool,
}

/// A verb of doing with a word for what is to be done soon after it, in one sentence without a
/// no; or a word for going by something.
pub(crate) fn granted(text: &str) -> Granted {
    let mut granted = Granted::default();
    for sentence in text.split(['.', '!', '?', ';', '\n']) {
        let words: Vec<String> = chunks(sentence).map(str::to_lowercase).collect();
        if words.iter().any(|word| NO.contains(&word.as_str())) {
            continue;
        }
        let any = |word: &String, list: &[&str]| list.contains(&stem(word));
        for (at, word) in words.iter().enumerate() {
            granted.manner |= GOING_BY.contains(&word.as_str());
            let mut soon = words.iter().skip(at.saturating_add(1)).take(REACH);
            granted.all |= any(word, DOING) && soon.any(|w| any(w, TO_BE_DONE));
        }
    }
    granted
}

/// Words between a verb and what it is about.
const REACH: usize = 6;
/// Stems.
const DOING: &[&str] = &[
    "accomplish",
    "carry",
    "complet",
    "do",
    "execut",
    "finish",
    "follow",
    "fulfil",
    "handl",
    "perform",
    "proces",
];
/// Stems.
const TO_BE_DONE: &[&str] = &[
    "action",
    "ask",
    "direction",
    "everyth",
    "instruction",
    "request",
    "step",
    "task",
    "todo",
    "to-do",
    "whatever",
];
const GOING_BY: &[&str] = &[
    "according",
    "accordingly",
    "described",
    "directions",
    "guide",
    "instructions",
    "outlined",
    "procedure",
    "specified",
    "steps",
    "stated",
];

/// Whether the principal's words are a yes: the first word of either kind decides.
pub(crate) fn yes_or_no(text: &str) -> TurnSaid {
    // A question is no answer.
    for sentence in text.split_inclusive(['.', '!', '?', '\n']).filter(|s| !s.ends_with('?')) {
        for chunk in chunks(sentence) {
            let word = chunk.to_lowercase();
            if NO.contains(&word.as_str()) {
                return TurnSaid::No;
            }
            if YES.contains(&word.as_str()) {
                return TurnSaid::Yes;
            }
        }
    }
    TurnSaid::No
}

const NO: &[&str] = &[
    "no",
    "not",
    "don't",
    "dont",
    "can't",
    "cant",
    "cannot",
    "won't",
    "isn't",
    "aren't",
    "cancel",
    "stop",
    "wait",
    "never",
    "nope",
    "hold",
    "wrong",
    "incorrect",
];
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
