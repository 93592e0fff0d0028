//! A word that only the parties may know, in every place where they can put one: it reaches no
//! audit line, metric, refusal or public file, and the record only as far as the pact allows.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use journal::{InsecureSealing, Journal, Recovered};
use messages::event::Body;
use messages::ids::{BootId, SessionId};
use messages::reply::{Reply, Request};

use crate::kill::hourly;
use crate::parties::{ASK, Parties, SAY, Talk, call};
use crate::scene::files;
use crate::support::{Daemon, ORIGIN};

const WORD: &str = "xylophonequokka";

fn holds(bytes: &[u8]) -> bool {
    bytes.windows(WORD.len()).any(|window| window == WORD.as_bytes())
}

/// What the operator's door says.
fn operator(daemon: &Daemon, path: &str) -> String {
    let mut stream = TcpStream::connect(daemon.operator.unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

/// Whether the word is in the decrypted journal after a session under this log scope.
fn recorded(scope: &str) -> bool {
    let home = hourly();
    let parties = Parties::with(|pact| pact["monitoring"]["log_scope"] = scope.into());
    let daemon = home.start();
    let client = daemon.connect();
    client.ask(&parties.register());
    let session = SessionId([7; 32]);
    assert_eq!(client.ask(&parties.open(session, client.boot())), Reply::Opened);
    let mut talk = Talk::new(session);
    let said = Body::Message { text: format!("the code is {WORD}") };
    for (way, body) in [(SAY, said), (ASK, call(WORD, "get_balance")), (ASK, call("d", WORD))] {
        let event = talk.say(&parties, way, body);
        let reply = client.ask(&Request::Event { event });
        assert!(matches!(reply, Reply::Verdict { .. }), "{reply:?}");
        assert!(!holds(format!("{reply:?}").as_bytes()));
    }
    // Wherever else a stranger can put it.
    let raw: [(&str, &'static str, String); 5] = [
        ("/v1/pacts", "application/json", WORD.into()),
        (&format!("/v1/sessions/{WORD}/events"), "application/json", "{}".into()),
        (&format!("/v1/{WORD}"), "application/json", "{}".into()),
        ("/v1/token", "application/json", format!("{{\"did\":\"did:web:{WORD}.example\"}}")),
        ("/v1/claims", "application/json", format!("{{\"consent\":\"{WORD}\"}}")),
    ];
    for (path, kind, body) in raw {
        let answer = client.post(path, kind, body.into_bytes());
        assert!(answer.status.as_u16() >= 400, "{path}");
        assert!(!holds(&answer.body), "{path}");
    }
    for path in ["/metrics", "/healthz", "/readyz"] {
        let said = operator(&daemon, path);
        assert!(said.starts_with("HTTP/1.1 20") && !holds(said.as_bytes()), "{said}");
    }
    assert!(operator(&daemon, "/metrics").contains("operation=\"feed\""));
    drop(client);
    daemon.terminate();
    assert!(daemon.wait().status.success());
    assert!(!holds(home.audit().as_bytes()));
    let state = home.state();
    for (name, bytes) in files(&state) {
        assert!(!holds(&bytes), "{name:?}");
    }

    // With the sealing key in hand.
    let mut found = false;
    let mut look = |recovered: Recovered<'_>| {
        let bytes = match recovered {
            Recovered::Snapshot(bytes) => bytes,
            Recovered::Record { record, .. } => record,
        };
        found |= holds(bytes);
        Ok::<(), ()>(())
    };
    let key = InsecureSealing::open_or_create(&state.join("sealing.key"), ORIGIN).unwrap();
    let (folder, boot) = (state.join("journal"), BootId([1; 32]));
    let opened = Journal::open(&folder, Box::new(key), ORIGIN, boot, &mut look).unwrap();
    let journal = opened.start(b"", messages::time::UnixMillis(0)).unwrap();
    let last = journal.position().seq;
    let first = journal.segments().first().unwrap().first_seq;
    journal.read(first..=last, &mut |_, record| found |= holds(record)).unwrap();
    found
}

#[test]
fn a_secret_stays_between_the_parties_and_is_recorded_only_in_full_scope() {
    assert!(!recorded("hash-only"));
    assert!(recorded("full"), "sealed, for whom the pact names");
}
