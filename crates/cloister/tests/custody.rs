//! Custodians at work: a monitor whose machine is lost, and what they bring to the next one.
#![expect(clippy::unwrap_used, reason = "a test that fails here says so")]

mod monitor;

use monitor::{FLAG, cloister, config, done, monitor, pin, port, text};

#[test]
fn what_is_lost_with_a_machine_comes_back_by_two_of_three_and_not_for_a_build_that_they_do_not_know()
 {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    let names = ["ada.key", "ben.key", "cyd.key"];
    let dids = names.map(|name| done(&cloister(folder, &["key", "new", "--out", name])));
    let dids = dids.map(|did| format!("\"{did}\"")).join(", ");
    let port = port();
    let named = format!("[custody]\nquorum = 2\ncustodians = [{dids}]\n");
    let config = config("custody", port, "kind = \"host\"", &named);
    std::fs::write(folder.join("monitor.toml"), &config).unwrap();
    let first = monitor(folder);
    let url = format!("https://127.0.0.1:{port}");
    done(&pin(folder, &url, "anchors.toml"));
    let custody = |what: &str, who: &str, share: &str, anchors: &str| {
        let named = ["custody", what, "--key", who, "--share", share, "--anchors", anchors];
        cloister(folder, &[&named[..], &["--monitor", &url, FLAG]].concat())
    };
    let looked = |first: &[&str]| {
        let check = ["log", "check", "--monitor", &url, "--anchors", "anchors.toml", FLAG];
        cloister(folder, &[&check[..], &["--seen", "seen.checkpoint"], first].concat())
    };
    done(&looked(&["--first"]));
    for (who, share) in [("ada.key", "ada.share"), ("ben.key", "ben.share")] {
        assert_eq!(done(&custody("hold", who, share, "anchors.toml")), format!("wrote {share}"));
    }
    let again = custody("hold", "ada.key", "ada.share", "anchors.toml");
    assert_eq!(done(&again), "you hold this share already");
    let early = custody("unlock", "ada.key", "ada.share", "anchors.toml");
    assert!(text(&early).contains("error[monitor-not-locked]"), "{}", text(&early));

    // The machine is gone, and the configuration is another one: the custodians know nothing of it.
    drop(first);
    std::fs::remove_file(folder.join("monitor/sealing.key")).unwrap();
    std::fs::write(folder.join("monitor.toml"), config.replace("max_pacts = 4", "max_pacts = 5"))
        .unwrap();
    let other = monitor(folder);
    let unknown = custody("unlock", "ada.key", "ada.share", "anchors.toml");
    assert_eq!(unknown.status.code(), Some(3));
    assert!(text(&unknown).contains("config"), "{}", text(&unknown));
    // Whoever pins a locked monitor would pin no log: it says that it has none.
    let pinned = pin(folder, &url, "later.toml");
    assert_eq!(pinned.status.code(), Some(3), "{}", text(&pinned));
    drop(other);

    std::fs::write(folder.join("monitor.toml"), &config).unwrap();
    let _third = monitor(folder);
    let brought = custody("unlock", "ada.key", "ada.share", "anchors.toml");
    assert_eq!(done(&brought), "taken; the share of one more custodian is needed");
    let stolen = custody("unlock", "cyd.key", "ada.share", "anchors.toml");
    assert!(text(&stolen).contains("error[custody-share-wrong]"), "{}", text(&stolen));
    let brought = custody("unlock", "ben.key", "ben.share", "anchors.toml");
    assert_eq!(done(&brought), "the monitor has its key");
    // It listens again, and its log is the one that was seen.
    let grown = (0..100).find_map(|_| {
        let looked = looked(&[]);
        if looked.status.success() {
            return Some(text(&looked));
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        None
    });
    assert!(grown.unwrap().contains("it only grew"));
}
