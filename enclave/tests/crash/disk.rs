//! What a disk can do: tear, flip, forget. The monitor comes back with all that it acknowledged,
//! or says that it does not, and then by the right name.

use std::path::Path;

use messages::reply::Request;

use crate::dice::Dice;
use crate::scene::{Files, Scene, files, put_back};

/// The newest file of `files` with this suffix in `folder`.
fn newest(files: &Files, folder: &str, suffix: &str) -> std::path::PathBuf {
    let of = |path: &&std::path::PathBuf| {
        path.starts_with(folder) && path.to_str().unwrap().ends_with(suffix)
    };
    files.keys().filter(of).max().unwrap().clone()
}

#[test]
fn a_flipped_byte_is_refused_by_name_or_does_no_harm() {
    let mut dice = Dice::rolled("CLOISTER_DISK_SEED");
    let (mut scene, daemon) = Scene::new();
    // Two segments of the journal with records, a run of the archive, leaves of two boots.
    let client = daemon.connect();
    scene.epoch(&client);
    drop(client);
    daemon.kill();
    let daemon = scene.home.start();
    let client = daemon.connect();
    scene.whole(&client);
    scene.epoch(&client);
    scene.calls(&client, 3);
    drop(client);
    daemon.kill();
    let state = scene.home.state();
    let whole = scene.save();
    let mut refused = 0;
    for (name, bytes) in &whole {
        for _ in 0..2 {
            let at = usize::try_from(dice.next()).unwrap() % bytes.len();
            let mut flipped = whole.clone();
            flipped.get_mut(name).unwrap()[at] ^= 1 << dice.below(8);
            scene.restore(&flipped);
            match scene.home.launch(|_| {}) {
                Ok(daemon) => {
                    let client = daemon.connect();
                    scene.whole(&client);
                    assert!(!daemon.audit().contains("\"broken\""), "{name:?} at {at}");
                    drop(client);
                    daemon.kill();
                }
                Err(ended) => {
                    refused += 1;
                    let codes = codes(name);
                    let known = codes.iter().any(|code| ended.said.contains(code));
                    assert!(known, "{name:?} at {at}: {}", ended.said);
                    let left = files(&state);
                    let changed = changed(&left, &flipped);
                    assert!(changed.is_empty(), "{name:?} at {at}: changed {changed:?}");
                }
            }
        }
    }
    assert!(refused > whole.len(), "{refused} refusals of {} files", whole.len());
    scene.restore(&whole);
    let daemon = scene.home.start();
    scene.whole(&daemon.connect());
}

/// The files that differ.
fn changed<'f>(one: &'f Files, other: &'f Files) -> Vec<&'f Path> {
    let names = one.keys().chain(other.keys());
    names.filter(|name| one.get(*name) != other.get(*name)).map(|name| name.as_path()).collect()
}

/// How damage of a file is called.
fn codes(name: &Path) -> &'static [&'static str] {
    if name.starts_with("journal") {
        &["journal-damaged", "journal-sealed-by-another-key", "journal-of-another-origin"]
    } else if name.starts_with("archive") {
        &["archive-damaged", "archive-sealed-by-another-key", "archive-of-another-origin"]
    } else if name.starts_with("public") {
        &["log-forked"]
    } else {
        &["log-key-damaged"]
    }
}

#[test]
fn a_torn_end_is_cut_and_a_cut_end_is_owned_up_to() {
    let (mut scene, daemon) = Scene::new();
    daemon.kill();
    let whole = scene.save();
    let segment = newest(&whole, "journal", ".segment");

    // A group that never became whole: nobody was told of it.
    for torn in [&[0x5a; 7][..], &[0; 4096]] {
        let mut files = whole.clone();
        files.get_mut(&segment).unwrap().extend(torn);
        scene.restore(&files);
        let daemon = scene.home.start();
        scene.whole(&daemon.connect());
    }
    // The same of the public log: the leaf is sent again.
    let mut files = whole.clone();
    let leaves = files.get_mut(Path::new("public/leaves")).unwrap();
    leaves.truncate(leaves.len() - 5);
    scene.restore(&files);
    let daemon = scene.home.start();
    scene.whole(&daemon.connect());
    drop(daemon);

    // A group that was acknowledged, and cut off. The monitor cannot know; its receipts can.
    let mut files = whole;
    let bytes = files.get_mut(&segment).unwrap();
    // Behind it are zeros, written ahead.
    bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).unwrap() - 5);
    scene.restore(&files);
    let daemon = scene.home.start();
    scene.rolled_back_and_reinstated(&daemon.connect(), 2);
    assert!(daemon.audit().contains("\"rolled-back\""));
}

#[test]
fn an_older_journal_under_a_newer_log_breaks_the_tallies_and_the_log_goes_on() {
    // Without a restart in between the archive is as old as the journal, with one it is newer.
    for restarts in [false, true] {
        let (mut scene, daemon) = Scene::new();
        let client = daemon.connect();
        scene.epoch(&client);
        drop(client);
        daemon.kill();
        let state = scene.home.state();
        let older = files(&state);
        let daemon = scene.home.start();
        let client = daemon.connect();
        scene.whole(&client);
        scene.epoch(&client);
        scene.calls(&client, 2);
        drop(client);
        daemon.kill();
        if restarts {
            scene.home.start().kill();
        }
        put_back(&state, "journal", &older);
        let daemon = scene.home.start();
        assert!(daemon.audit().contains("\"broken\""), "{}", daemon.audit());
        let client = daemon.connect();
        scene.watcher.look(&client).unwrap();
        scene.rolled_back_and_reinstated(&client, 3);
        scene.epoch(&client);
        drop(client);
        daemon.kill();
        // Broken once, not at every start.
        let daemon = scene.home.start();
        assert!(!daemon.audit().contains("\"broken\""), "{}", daemon.audit());
        scene.whole(&daemon.connect());
    }
}

#[test]
fn an_older_state_folder_is_found_out_by_its_parties() {
    for between_epochs in [false, true] {
        let (mut scene, daemon) = Scene::new();
        daemon.kill();
        let older = scene.save();
        let daemon = scene.home.start();
        let client = daemon.connect();
        if between_epochs {
            scene.epoch(&client);
        }
        scene.calls(&client, 2);
        drop(client);
        daemon.kill();
        scene.restore(&older);
        let daemon = scene.home.start();
        scene.rolled_back_and_reinstated(&daemon.connect(), 3);
        assert!(daemon.audit().contains("\"rolled-back\""));
        // It is not held against the pact for ever.
        let client = daemon.connect();
        scene.calls(&client, 1);
        let old = scene.receipts[0].0.count;
        assert_eq!(old, 1);
        let include = Request::Include { leaves: vec![0] };
        assert!(matches!(client.ask(&include), messages::reply::Reply::Included { .. }));
    }
}

#[test]
fn a_folder_has_one_monitor() {
    let (mut scene, daemon) = Scene::new();
    let before = files(&scene.home.state());
    let said = scene.home.refused();
    assert!(said.contains("journal-locked"), "{said}");
    assert!(files(&scene.home.state()) == before, "the second one changed something");
    scene.calls(&daemon.connect(), 1);
}
