//! A monitor whose state another machine reads once a quorum of custodians has accepted it.

use messages::codec::Wire;
use messages::custody::{Hold, Share, Unlock};
use messages::did::Did;
use messages::domain;
use messages::reply::{Reply, Request};
use messages::signature::SigningKey;

use crate::parties::Parties;
use crate::support::{Client, Daemon, Home, ORIGIN, code};

fn custodian(number: u8) -> SigningKey {
    SigningKey::from_seed(&[70 + number; 32])
}

/// Two of three custodians, beside the file's key or without any.
pub(crate) fn home(sealing: &str) -> Home {
    Home::with(|config| {
        let dids = [1, 2, 3].map(|n| format!("\"{}\"", Did::from_key(&custodian(n).public())));
        let named = format!("[custody]\nquorum = 2\ncustodians = [{}]\n", dids.join(", "));
        config.replace("\"insecure-file\"", &format!("\"{sealing}\"")) + &named
    })
}

fn hold(client: &Client, number: u8) -> Share {
    let key = custodian(number);
    let hold = Hold { boot: client.boot(), custodian: Did::from_key(&key.public()) };
    let signature = key.sign(domain::CUSTODY_HOLD, &hold.to_cbor());
    match client.ask(&Request::Hold { hold, signature }) {
        Reply::Share { share, .. } => share,
        other => panic!("{other:?}"),
    }
}

fn unlock(client: &Client, number: u8, share: &Share) -> Reply {
    let key = custodian(number);
    let (boot, custodian) = (client.boot(), Did::from_key(&key.public()));
    let unlock = Unlock { boot, custodian, share: share.clone() };
    let signature = key.sign(domain::CUSTODY_UNLOCK, &unlock.to_cbor());
    client.ask(&Request::Unlock { unlock, signature })
}

/// Brings these shares, and waits for the boot that reads the state with them.
fn unlocked(daemon: &mut Daemon, shares: &[(u8, &Share)]) -> Client {
    let client = daemon.connect_locked();
    for (left, (number, share)) in (0..shares.len()).rev().zip(shares) {
        let missing = u64::try_from(left).unwrap();
        assert_eq!(unlock(&client, *number, share), Reply::Unlocking { missing });
    }
    drop(client);
    daemon.listens_again();
    daemon.connect()
}

#[test]
fn on_another_machine_the_state_is_what_it_was_once_a_quorum_says_so() {
    let home = home("insecure-file");
    let first = home.start();
    let client = first.connect();
    let parties = Parties::new();
    assert!(matches!(client.ask(&parties.register()), Reply::Registered { .. }));
    let (one, two) = (hold(&client, 1), hold(&client, 2));
    assert_eq!(unlock(&client, 1, &one), Reply::Unlocking { missing: 0 }, "it needs nobody");
    let log_key = client.log_key();
    first.kill();

    std::fs::remove_file(home.state().join("sealing.key")).unwrap();
    let mut second = home.start();
    assert!(second.audit().contains("\"locked\""));
    // Whoever cannot read its log key does not speak for its log.
    let refused = second.door().connect().err().map(|error| error.code());
    assert_eq!(refused, Some("evidence-no-log"));
    let client = second.connect_locked();
    assert_eq!(client.refused(&parties.register()), "monitor-locked");
    assert_eq!(client.get("/readyz").status.as_u16(), 503);
    assert_eq!(code(unlock(&client, 2, &one)), "custody-share-wrong");
    drop(client);
    let client = unlocked(&mut second, &[(2, &two), (1, &one)]);
    assert_eq!(client.refused(&parties.register()), "pact-known");
    assert_eq!(client.log_key(), log_key);
    drop(client);
    second.kill();
    // The new machine's own key is enough from now on.
    let third = home.start();
    assert_eq!(third.connect().refused(&parties.register()), "pact-known");
}

#[test]
fn where_no_machine_has_a_key_custodians_hold_their_shares_first_and_bring_them_to_each_boot() {
    let home = home("custodians");
    let first = home.start();
    let client = first.connect();
    let parties = Parties::new();
    assert_eq!(client.refused(&parties.register()), "custody-unheld");
    let size = || {
        let (_, note) = client.certificate().unwrap();
        tlog::open_checkpoint(&note, ORIGIN, &client.log_key()).unwrap().size()
    };
    assert_eq!(size(), 0, "a log that could be lost is not begun");
    let (one, three) = (hold(&client, 1), hold(&client, 3));
    assert_eq!(unlock(&client, 1, &one), Reply::Unlocking { missing: 1 });
    assert_eq!(client.refused(&parties.register()), "custody-unheld");
    assert_eq!(unlock(&client, 3, &three), Reply::Unlocking { missing: 0 });
    assert!(matches!(client.ask(&parties.register()), Reply::Registered { .. }));
    assert_eq!(size(), 4, "its boot, the pact and two tallies");
    drop(client);
    first.terminate();
    assert!(first.wait().status.success());

    let mut second = home.start();
    let client = unlocked(&mut second, &[(1, &one), (3, &three)]);
    assert_eq!(client.refused(&parties.register()), "pact-known");
    drop(client);
    second.kill();
    // Asked to end while it waits, it ends.
    let third = home.start();
    assert!(third.audit().contains("\"locked\""));
    third.terminate();
    assert!(third.wait().status.success());
}
