//! Notices, followed over the door.

use channel::forms::{HttpRequest, NoticeReader, Operation};
use http::HeaderMap;
use messages::ids::SessionId;
use messages::reply::{Action, Reply, Request};
use messages::signature::SigningKey;

use crate::parties::{ASK, Parties, Talk, call};
use crate::support::Home;

#[test]
fn a_follower_is_told_after_which_place_nothing_is_left_out() {
    let (home, parties) = (Home::new(), Parties::new());
    let daemon = home.start();
    let client = daemon.connect();
    assert!(matches!(client.ask(&parties.register()), Reply::Registered { .. }));
    let session = SessionId([1; 32]);
    assert_eq!(client.ask(&parties.open(session, client.boot())), Reply::Opened);
    let mut talk = Talk::new(session);
    // The place of a denial, of which the overseer is told.
    let mut denied = || {
        let event = talk.say(&parties, ASK, call("c", "rob_the_bank"));
        match client.ask(&Request::Event { event }) {
            Reply::Verdict { action: Action::Deny, receipt, .. } => receipt.journal.seq,
            other => panic!("{other:?}"),
        }
    };

    // Nothing concerns a stranger, and none takes a place from those whom it does.
    let stranger = SigningKey::from_seed(&[99; 32]);
    let mut strange = daemon.connect();
    strange.login(&stranger).unwrap();
    let operation = Operation::Follow;
    let (method, target) = (operation.method(), operation.template().to_owned());
    let follow = HttpRequest { operation, method, target, content_type: None, body: Vec::new() };
    assert_eq!(strange.send(follow, HeaderMap::new()).unwrap().status, 403);

    let missed = denied();
    let mut overseer = daemon.connect();
    overseer.login(&parties.overseer).unwrap();
    let mut notices = overseer.follow();
    let begin = String::from_utf8(notices.piece()).unwrap();
    let from = begin.strip_prefix(": from ").and_then(|rest| rest.strip_suffix("\n\n"));
    let from: u64 = from.unwrap_or_else(|| panic!("{begin}")).parse().unwrap();
    assert!(missed <= from, "{missed} {from}");

    let sent = [denied(), denied()];
    assert!(sent[0] > from);
    let (mut reader, mut read) = (NoticeReader::default(), Vec::new());
    while read.len() < sent.len() {
        read.extend(reader.push(&notices.piece()).unwrap());
    }
    // None that was told before, and none left out.
    assert_eq!(read.iter().map(|notice| notice.journal.seq).collect::<Vec<_>>(), sent);
}
