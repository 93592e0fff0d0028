//! Whom a text speaks of: words that are written like names, and parts of addresses.

use super::forms::chunks;
use super::{Form, TokenKey};

impl TokenKey {
    /// Words that are written like names: with a capital letter.
    pub(crate) fn names(&self, text: &str) -> impl Iterator<Item = u64> {
        let capital = |chunk: &&str| chunk.starts_with(char::is_uppercase);
        let lower = chunks(text).filter(capital).map(str::to_lowercase);
        lower.filter(|c| !OPENERS.contains(&c.as_str())).map(|c| self.token(Form::Name, &c))
    }

    /// Parts of an address or a name by which somebody is spoken of.
    pub(crate) fn who(&self, text: &str) -> Vec<u64> {
        // Whoever writes an address may put any name beside it.
        let address = chunks(text).find(|chunk| chunk.contains('@'));
        let local = address.and_then(|a| a.split_once('@')).map_or(text, |(local, _)| local);
        let parts = local.split(|c: char| !c.is_alphanumeric());
        parts
            .filter(|part| part.chars().count() >= 3)
            .map(str::to_lowercase)
            .filter(|part| !NOBODY.contains(&part.as_str()))
            .map(|part| self.token(Form::Name, &part))
            .collect()
    }
}

/// Parts of addresses that name nobody.
const NOBODY: &[&str] = &[
    "account",
    "admin",
    "alert",
    "alerts",
    "bot",
    "contact",
    "donotreply",
    "email",
    "hello",
    "help",
    "info",
    "mail",
    "mailer",
    "news",
    "newsletter",
    "noreply",
    "notification",
    "notifications",
    "notify",
    "office",
    "reply",
    "security",
    "service",
    "services",
    "support",
    "system",
    "team",
    "the",
    "update",
    "updates",
    "user",
];
/// Words that begin sentences and are nobody's names.
const OPENERS: &[&str] = &[
    "a",
    "add",
    "after",
    "all",
    "also",
    "an",
    "and",
    "are",
    "as",
    "ask",
    "at",
    "before",
    "book",
    "buy",
    "can",
    "cancel",
    "change",
    "check",
    "could",
    "create",
    "dear",
    "delete",
    "did",
    "do",
    "does",
    "download",
    "find",
    "first",
    "for",
    "forward",
    "from",
    "get",
    "give",
    "go",
    "has",
    "have",
    "hello",
    "help",
    "hey",
    "hi",
    "how",
    "i",
    "if",
    "in",
    "invite",
    "is",
    "it",
    "let",
    "look",
    "make",
    "move",
    "my",
    "need",
    "no",
    "now",
    "ok",
    "on",
    "open",
    "order",
    "our",
    "pay",
    "perform",
    "please",
    "post",
    "read",
    "remove",
    "reply",
    "save",
    "schedule",
    "search",
    "see",
    "send",
    "set",
    "share",
    "show",
    "summarize",
    "take",
    "tell",
    "thank",
    "thanks",
    "that",
    "the",
    "then",
    "there",
    "they",
    "this",
    "to",
    "transfer",
    "update",
    "use",
    "visit",
    "want",
    "was",
    "we",
    "what",
    "when",
    "where",
    "which",
    "who",
    "why",
    "will",
    "with",
    "would",
    "write",
    "yes",
    "you",
    "your",
];
