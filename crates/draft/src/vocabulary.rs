//! The words that tools and their arguments are named with, by what they mean.
//!
//! Common English of application programming interfaces, no tool's own name.

/// The words of a name in lower case: `sendMail`, `send_mail` and `mail.send-now` alike.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut lower_before = false;
    for c in name.chars() {
        let starts = c.is_uppercase() && lower_before;
        if (starts || !c.is_alphanumeric()) && !word.is_empty() {
            words.push(core::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        lower_before = c.is_lowercase() || c.is_ascii_digit();
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Without the ending of a plural or of the third person: `sends`, `dishes`, `queries`.
pub(crate) fn singular(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ies").filter(|s| s.len() >= 2) {
        return format!("{stem}y");
    }
    for (ending, keep) in [("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x")] {
        if let Some(stem) = word.strip_suffix(ending) {
            return format!("{stem}{keep}");
        }
    }
    let plural =
        word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us") && word.len() > 3;
    if plural { word.strip_suffix('s').unwrap_or(word).to_owned() } else { word.to_owned() }
}

/// Whether one of `words`, or its singular, is in `list`.
pub(crate) fn any(words: &[String], list: &[&str]) -> bool {
    words.iter().any(|w| list.contains(&w.as_str()) || list.contains(&singular(w).as_str()))
}

/// A verb, what it does, and how people ask for it.
pub(crate) struct Verb {
    pub(crate) word: &'static str,
    pub(crate) act: Act,
}

/// What a verb does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Buy,
    Confirm,
    Create,
    Delete,
    Invite,
    Login,
    Move,
    Pay,
    Post,
    Read,
    Send,
    Submit,
    Update,
}

impl Act {
    /// How people ask for it.
    pub(crate) const fn asked_with(self) -> &'static [&'static str] {
        match self {
            Self::Buy => &[
                "buy",
                "purchase",
                "order",
                "checkout",
                "check out",
                "pay",
                "get",
                "book",
                "reserve",
                "subscribe",
            ],
            Self::Confirm | Self::Login | Self::Read => &[],
            Self::Create => &[
                "create", "make", "add", "new", "set", "schedule", "book", "write", "open", "plan",
                "save", "generate", "organize", "organise", "put", "append", "start", "arrange",
            ],
            Self::Delete => &[
                "delete",
                "remove",
                "erase",
                "clear",
                "cancel",
                "drop",
                "clean",
                "revoke",
                "wipe",
                "rid",
                "unsubscribe",
                "close",
            ],
            Self::Invite => {
                &["invite", "add", "share", "grant", "give", "include", "onboard", "collaborate"]
            }
            Self::Move => &[
                "move",
                "rename",
                "copy",
                "save",
                "put",
                "organize",
                "organise",
                "archive",
                "back up",
                "duplicate",
            ],
            Self::Pay => &[
                "pay",
                "transfer",
                "send",
                "wire",
                "settle",
                "refund",
                "donate",
                "reimburse",
                "payment",
                "transaction",
            ],
            Self::Post => &[
                "post", "publish", "share", "write", "upload", "comment", "announce", "reply",
                "push", "commit", "tweet",
            ],
            Self::Send => &[
                "send", "email", "mail", "write", "reply", "respond", "forward", "message", "tell",
                "notify", "inform", "share", "contact", "text", "let", "answer", "welcome",
            ],
            Self::Submit => &[
                "submit",
                "enter",
                "fill",
                "register",
                "sign",
                "subscribe",
                "join",
                "apply",
                "visit",
                "log in",
                "form",
                "get",
            ],
            Self::Update => &[
                "update",
                "change",
                "modify",
                "edit",
                "set",
                "correct",
                "rename",
                "move",
                "adjust",
                "reset",
                "fix",
                "switch",
                "reschedule",
                "postpone",
                "shift",
                "replace",
                "exchange",
                "return",
                "refund",
                "make",
                "add",
                "upgrade",
                "downgrade",
            ],
        }
    }
}

/// The verb of a name or a description, the first that is known.
pub(crate) fn verb(words: &[String]) -> Option<&'static Verb> {
    words.iter().find_map(|word| {
        let bare = singular(word);
        VERBS.iter().find(|v| v.word == word || v.word == bare)
    })
}

/// What people call a thing that tools name so.
pub(crate) fn called(noun: &str) -> Vec<String> {
    let group = NOUNS.iter().find(|group| group.contains(&noun));
    group.map_or_else(|| vec![noun.to_owned()], |g| g.iter().map(|n| (*n).to_owned()).collect())
}

const NOUNS: &[&[&str]] = &[
    &["event", "meeting", "appointment", "calendar", "call", "slot"],
    &["file", "document", "doc", "folder", "directory", "dir", "node", "pdf", "report", "list"],
    &["email", "mail", "message", "inbox"],
    &["repository", "repo", "project"],
    &["reservation", "booking", "flight", "trip", "ticket", "seat"],
    &["password", "credential", "login"],
    &["order", "purchase", "item", "product"],
    &["user", "account", "profile", "info", "information", "address", "name"],
    &["issue", "bug", "ticket"],
    &["transaction", "payment", "transfer", "subscription", "bill", "money"],
    &["channel", "group"],
];
/// What is sent when money moves.
pub(crate) const MONEY: &[&str] = &[
    "cash",
    "certificate",
    "credit",
    "deposit",
    "fund",
    "gift",
    "invoice",
    "money",
    "payment",
    "payout",
    "transaction",
    "transfer",
    "wire",
];
pub(crate) const SECRET: &[&str] =
    &["credential", "passcode", "passphrase", "password", "passwd", "pwd", "secret", "ssh"];
pub(crate) const CODE: &[&str] = &["captcha", "code", "mfa", "otp", "totp", "verification"];
pub(crate) const WEB: &[&str] =
    &["domain", "endpoint", "host", "href", "link", "site", "uri", "url", "webpage", "website"];
pub(crate) const WHO: &[&str] = &[
    "account",
    "addressee",
    "assignee",
    "attendee",
    "bcc",
    "beneficiary",
    "cc",
    "channel",
    "collaborator",
    "contact",
    "email",
    "group",
    "guest",
    "handle",
    "iban",
    "invitee",
    "mail",
    "member",
    "mobile",
    "owner",
    "participant",
    "payee",
    "phone",
    "receiver",
    "recipient",
    "reviewer",
    "team",
    "to",
    "user",
    "username",
    "wallet",
];
pub(crate) const WHICH: &[&str] = &[
    "branch",
    "card",
    "event",
    "flight",
    "hotel",
    "id",
    "identifier",
    "ids",
    "item",
    "key",
    "number",
    "order",
    "organization",
    "payment",
    "product",
    "project",
    "ref",
    "reference",
    "repo",
    "repository",
    "reservation",
    "restaurant",
    "sku",
    "slug",
    "ticket",
    "uuid",
];
pub(crate) const PLACE: &[&str] =
    &["dest", "destination", "dir", "directory", "file", "filename", "folder", "path", "source"];
pub(crate) const PROSE: &[&str] = &[
    "body",
    "caption",
    "comment",
    "content",
    "description",
    "details",
    "expression",
    "keyword",
    "message",
    "note",
    "prompt",
    "query",
    "reason",
    "review",
    "subject",
    "summary",
    "text",
    "thought",
    "title",
    "topic",
];
pub(crate) const AMOUNT: &[&str] = &["amount", "price", "sum", "total", "value"];

const fn of(word: &'static str, act: Act) -> Verb {
    Verb { word, act }
}

const VERBS: &[Verb] = &[
    of("accept", Act::Update),
    of("activate", Act::Update),
    of("add", Act::Create),
    of("announce", Act::Post),
    of("append", Act::Create),
    of("apply", Act::Update),
    of("approve", Act::Update),
    of("archive", Act::Move),
    of("assign", Act::Update),
    of("authenticate", Act::Login),
    of("ban", Act::Delete),
    of("bid", Act::Buy),
    of("block", Act::Delete),
    of("book", Act::Buy),
    of("browse", Act::Read),
    of("buy", Act::Buy),
    of("calculate", Act::Read),
    of("cancel", Act::Delete),
    of("change", Act::Update),
    of("check", Act::Read),
    of("checkout", Act::Buy),
    of("clear", Act::Delete),
    of("clone", Act::Read),
    of("close", Act::Delete),
    of("comment", Act::Post),
    of("commit", Act::Post),
    of("compare", Act::Read),
    of("compute", Act::Read),
    of("confirm", Act::Confirm),
    of("convert", Act::Read),
    of("copy", Act::Move),
    of("count", Act::Read),
    of("create", Act::Create),
    of("deactivate", Act::Delete),
    of("delete", Act::Delete),
    of("deploy", Act::Post),
    of("describe", Act::Read),
    of("destroy", Act::Delete),
    of("disable", Act::Delete),
    of("donate", Act::Pay),
    of("download", Act::Read),
    of("drop", Act::Delete),
    of("edit", Act::Update),
    of("email", Act::Send),
    of("enable", Act::Update),
    of("erase", Act::Delete),
    of("exchange", Act::Update),
    of("execute", Act::Update),
    of("export", Act::Read),
    of("fetch", Act::Read),
    of("fill", Act::Submit),
    of("find", Act::Read),
    of("follow", Act::Update),
    of("fork", Act::Create),
    of("forward", Act::Send),
    of("get", Act::Read),
    of("give", Act::Invite),
    of("grant", Act::Invite),
    of("input", Act::Submit),
    of("insert", Act::Create),
    of("inspect", Act::Read),
    of("install", Act::Update),
    of("invite", Act::Invite),
    of("join", Act::Update),
    of("kick", Act::Delete),
    of("list", Act::Read),
    of("load", Act::Read),
    of("lock", Act::Update),
    of("login", Act::Login),
    of("lookup", Act::Read),
    of("mail", Act::Send),
    of("make", Act::Create),
    of("mark", Act::Update),
    of("merge", Act::Update),
    of("message", Act::Send),
    of("modify", Act::Update),
    of("move", Act::Move),
    of("notify", Act::Send),
    of("open", Act::Read),
    of("order", Act::Buy),
    of("pay", Act::Pay),
    of("peek", Act::Read),
    of("post", Act::Post),
    of("preview", Act::Read),
    of("publish", Act::Post),
    of("pull", Act::Read),
    of("purchase", Act::Buy),
    of("purge", Act::Delete),
    of("push", Act::Post),
    of("put", Act::Update),
    of("query", Act::Read),
    of("rate", Act::Post),
    of("read", Act::Read),
    of("refund", Act::Update),
    of("register", Act::Submit),
    of("remove", Act::Delete),
    of("rename", Act::Move),
    of("reply", Act::Send),
    of("reschedule", Act::Update),
    of("reserve", Act::Buy),
    of("reset", Act::Update),
    of("retrieve", Act::Read),
    of("return", Act::Update),
    of("revoke", Act::Delete),
    of("run", Act::Update),
    of("save", Act::Create),
    of("schedule", Act::Create),
    of("search", Act::Read),
    of("see", Act::Read),
    of("sell", Act::Buy),
    of("send", Act::Send),
    of("set", Act::Update),
    of("share", Act::Invite),
    of("show", Act::Read),
    of("sign", Act::Submit),
    of("star", Act::Update),
    of("submit", Act::Submit),
    of("subscribe", Act::Buy),
    of("sum", Act::Read),
    of("summarize", Act::Read),
    of("terminate", Act::Delete),
    of("think", Act::Read),
    of("total", Act::Read),
    of("trade", Act::Buy),
    of("transfer", Act::Update),
    of("translate", Act::Read),
    of("trash", Act::Delete),
    of("tweet", Act::Post),
    of("uninstall", Act::Delete),
    of("unlink", Act::Delete),
    of("unlock", Act::Update),
    of("unstar", Act::Update),
    of("unsubscribe", Act::Delete),
    of("update", Act::Update),
    of("upgrade", Act::Update),
    of("upload", Act::Post),
    of("verify", Act::Confirm),
    of("view", Act::Read),
    of("visit", Act::Read),
    of("watch", Act::Update),
    of("wipe", Act::Delete),
    of("wire", Act::Pay),
    of("withdraw", Act::Pay),
    of("write", Act::Create),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fall_into_words() {
        for name in ["sendMail", "send_mail", "send-mail", "Send.Mail"] {
            assert_eq!(words(name), ["send", "mail"], "{name}");
        }
        assert_eq!(singular("queries"), "query");
        assert_eq!(singular("searches"), "search");
        assert_eq!(singular("address"), "address");
    }

    #[test]
    fn verbs_are_in_order_and_once() {
        assert!(VERBS.windows(2).all(|w| w[0].word < w[1].word));
    }
}
