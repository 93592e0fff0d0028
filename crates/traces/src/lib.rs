//! The adapter from recorded agent sessions, schema `trace/1`: NDJSON, one event a line, plain or
//! gzip.
//!
//! A result is recorded as rendered text. What parses whole as a JSON or YAML document becomes
//! fields; nothing else may. Recorded sessions have no times.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use messages::event::{Body, Content, Event, Role, Status};
use messages::ids::{EventHash, PactHash, SessionId};
use serde::Deserialize;
use serde_json::Value;

/// Why a file holds no recorded sessions.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// Cut short, or neither gzip nor text.
    #[error("it is cut short, or neither gzip nor text")]
    Damaged,
    /// No session in it.
    #[error("it holds no session")]
    Empty,
    /// A line of another shape.
    #[error("line {line}: {what}")]
    Malformed {
        /// From 1.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
}

impl TraceError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Damaged => "trace-damaged",
            Self::Empty => "trace-empty",
            Self::Malformed { .. } => "trace-malformed",
            Self::Unreadable(_) => "file-unreadable",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Damaged => "fetch the file again",
            Self::Empty => "check that this is the file you meant",
            Self::Malformed { .. } => {
                "the schema is trace/1: sid, seq, from, to, kind, then call, tool, args, status, content"
            }
            Self::Unreadable(_) => "check its name and who may read it",
        }
    }
}

/// One recorded session.
#[derive(Clone, Debug)]
pub struct Session {
    /// Opaque identifier.
    pub sid: String,
    /// In order.
    pub events: Vec<Recorded>,
}

/// One recorded event.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Running number in the session, from 0.
    pub seq: u64,
    /// Who speaks.
    pub from: Role,
    /// To whom.
    pub to: Role,
    /// What happened.
    pub body: Body,
}

impl Recorded {
    /// As an event of no session, pact and chain, for checks that go by what happened alone.
    #[must_use]
    pub fn event(&self) -> Event {
        let Self { seq, from, to, body } = self;
        let (pact, session) = (PactHash::default(), SessionId::default());
        let prev = EventHash::default();
        Event { pact, session, seq: *seq, prev, from: *from, to: *to, body: body.clone() }
    }
}

impl Session {
    /// Some recorders use a call's name again within a session: each call gets a name of its own,
    /// and a result joins the last call of its recorded name.
    fn distinct(&self, mut recorded: Recorded) -> Recorded {
        let times = |name: &str| {
            let same =
                |e: &&Recorded| matches!(&e.body, Body::Call { call, .. } if base(call) == name);
            self.events.iter().filter(same).count()
        };
        match &mut recorded.body {
            Body::Call { call, .. } => match times(call) {
                0 => {}
                n => *call = format!("{call}{AGAIN}{n}"),
            },
            Body::Result { call, .. } => match times(call).saturating_sub(1) {
                0 => {}
                n => *call = format!("{call}{AGAIN}{n}"),
            },
            Body::Delegation { .. } | Body::Message { .. } => {}
        }
        recorded
    }
}

fn base(call: &str) -> &str {
    call.split_once(AGAIN).map_or(call, |(name, _)| name)
}

/// Reads all sessions of a file.
///
/// # Errors
/// [`TraceError`].
pub fn read(path: &Path) -> Result<Vec<Session>, TraceError> {
    let mut start = [0; 2];
    let mut reader = BufReader::new(std::fs::File::open(path)?);
    for (to, from) in start.iter_mut().zip(reader.fill_buf()?) {
        *to = *from;
    }
    // A compressed file may unfold to anything: what is read of it is bounded.
    if start == GZIP {
        lines(BufReader::new(flate2::read::MultiGzDecoder::new(reader).take(MAX_BYTES)))
    } else {
        lines(reader.take(MAX_BYTES))
    }
}

/// Reads sessions from NDJSON lines.
///
/// # Errors
/// [`TraceError`].
pub fn lines(reader: impl BufRead) -> Result<Vec<Session>, TraceError> {
    let mut sessions: Vec<Session> = Vec::new();
    for (number, line) in reader.lines().enumerate() {
        let line = line.map_err(|error| match error.kind() {
            ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof => {
                TraceError::Damaged
            }
            _ => TraceError::Unreadable(error),
        })?;
        if line.trim().is_empty() {
            continue;
        }
        let wrong = |what| TraceError::Malformed { line: number.saturating_add(1), what };
        if line.len() > MAX_LINE {
            return Err(wrong("the line is too long"));
        }
        let raw: Line = serde_json::from_str(&line).map_err(|_| wrong("not a trace/1 event"))?;
        let sid = raw.sid.clone();
        let recorded = raw.convert().ok_or_else(|| wrong("fields do not fit the kind"))?;
        match sessions.last_mut().filter(|s| s.sid == sid) {
            Some(session) => {
                let recorded = session.distinct(recorded);
                let previous = session.events.last().map(|e| e.seq);
                if previous.is_some_and(|p| recorded.seq <= p) {
                    return Err(wrong("events of a session are in order of seq"));
                }
                session.events.push(recorded);
            }
            None => sessions.push(Session { sid, events: vec![recorded] }),
        }
    }
    if sessions.is_empty() { Err(TraceError::Empty) } else { Ok(sessions) }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    sid: String,
    seq: u64,
    from: RecordedRole,
    to: RecordedRole,
    kind: Kind,
    #[serde(default)]
    call: Option<String>,
    #[serde(default)]
    tool: Option<String>,
    #[serde(default)]
    args: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    status: Option<Status>,
    #[serde(default)]
    content: Option<String>,
    #[serde(default, rename = "bytes")]
    _bytes: Option<u64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RecordedRole {
    Agent,
    Principal,
    Provider,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Call,
    Message,
    Result,
}

impl Line {
    fn convert(self) -> Option<Recorded> {
        let body = match self.kind {
            Kind::Call => {
                Body::Call { call: self.call?, name: self.tool?, args: self.args?, via: None }
            }
            Kind::Message => Body::Message { text: self.content? },
            Kind::Result => Body::Result {
                call: self.call?,
                status: self.status?,
                content: document(self.content?),
                latency_us: None,
            },
        };
        Some(Recorded { seq: self.seq, from: self.from.into(), to: self.to.into(), body })
    }
}

impl From<RecordedRole> for Role {
    fn from(role: RecordedRole) -> Self {
        match role {
            RecordedRole::Agent => Self::Initiator,
            RecordedRole::Principal => Self::Principal,
            RecordedRole::Provider => Self::Provider,
        }
    }
}

/// Rendered text as what it is: a document when it parses whole as an object or a list.
fn document(text: String) -> Content {
    let parsed = serde_json::from_str::<Value>(&text)
        .ok()
        .or_else(|| serde_saphyr::from_str::<Value>(&text).ok());
    match parsed {
        Some(value @ (Value::Object(_) | Value::Array(_))) => Content::Document(value),
        Some(_) | None => Content::Text(text),
    }
}

const AGAIN: &str = "#again-";
const GZIP: [u8; 2] = [0x1f, 0x8b];
const MAX_BYTES: u64 = 1 << 30;
const MAX_LINE: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Session>, TraceError> {
        lines(text.as_bytes())
    }

    #[test]
    fn documents_become_fields_and_prose_does_not() {
        assert!(matches!(document("- sender: a\n  body: 'x: y'\n".into()), Content::Document(_)));
        assert!(matches!(document("{\"a\": 1}".into()), Content::Document(_)));
        for prose in ["Paid 5 EUR.", "17.5", "null", "see: this: that\n- and", "a\n--- \nb: c: d"] {
            assert!(matches!(document(prose.into()), Content::Text(_)), "{prose}");
        }
    }

    #[test]
    fn calls_whose_names_are_used_again_stay_apart() {
        let call = |seq: u64| {
            format!(
                r#"{{"sid":"a","seq":{seq},"from":"agent","to":"provider","kind":"call","call":"c","tool":"t","args":{{}}}}"#
            )
        };
        let result = |seq: u64| {
            format!(
                r#"{{"sid":"a","seq":{seq},"from":"provider","to":"agent","kind":"result","call":"c","tool":"t","status":"ok","content":"x"}}"#
            )
        };
        let text = [call(0), result(1), call(2), result(3)].join("\n");
        let sessions = parse(&text).unwrap();
        let names: Vec<&str> = sessions[0]
            .events
            .iter()
            .map(|e| match &e.body {
                Body::Call { call, .. } | Body::Result { call, .. } => call.as_str(),
                Body::Delegation { .. } | Body::Message { .. } => "",
            })
            .collect();
        assert_eq!(names, ["c", "c", "c#again-1", "c#again-1"]);
    }

    #[test]
    fn refuses_lines_out_of_order_and_of_another_shape() {
        let line = |seq: u64| {
            format!(
                r#"{{"sid":"a","seq":{seq},"from":"principal","to":"agent","kind":"message","content":"x"}}"#
            )
        };
        assert_eq!(parse(&format!("{}\n{}", line(0), line(1))).unwrap()[0].events.len(), 2);
        for bad in [format!("{}\n{}", line(1), line(1)), "{}".into(), "x".into(), String::new()] {
            assert!(parse(&bad).is_err(), "{bad}");
        }
    }
}
