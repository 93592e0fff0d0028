//! A process that panics at each marked crash point loses nothing acknowledged.
#![expect(clippy::unwrap_used, reason = "a test that fails here says so")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use cloister_journal::{CRASH_POINTS, InsecureSealing, Journal, Recovered};
use messages::ids::BootId;
use messages::time::UnixMillis;

const ORIGIN: &str = "insecure-dev/test";

/// Opens the journal and returns it with the number of its records; the snapshot is that number.
fn start(folder: &Path) -> (Journal, u64) {
    let key = InsecureSealing::open_or_create(&folder.join("key"), ORIGIN).unwrap();
    let mut count = 0;
    let on = &mut |recovered: Recovered<'_>| {
        count = match recovered {
            Recovered::Snapshot(bytes) => u64::from_be_bytes(bytes.try_into().unwrap()),
            Recovered::Record { position, .. } => position.seq,
        };
        Ok::<(), ()>(())
    };
    let path = folder.join("journal");
    let opened = Journal::open(&path, Box::new(key), ORIGIN, BootId([1; 32]), on).unwrap();
    (opened.start(&count.to_be_bytes(), UnixMillis(0)).unwrap(), count)
}

fn live(folder: &Path, acknowledged: &mut u64) {
    let (mut journal, _) = start(folder);
    for _ in 0..2 {
        journal.append(b"record").unwrap();
        journal.commit().unwrap();
        *acknowledged = journal.position().seq;
        journal.rotate(&acknowledged.to_be_bytes(), UnixMillis(0)).unwrap();
    }
    journal.forget_before(u64::MAX).unwrap();
}

#[test]
fn every_crash_point_is_reached_and_survived() {
    let scenario = fail::FailScenario::setup();
    for point in CRASH_POINTS {
        let folder = tempfile::tempdir().unwrap();
        let mut acknowledged = 0;
        live(folder.path(), &mut acknowledged);
        fail::cfg(*point, "panic").unwrap();
        let crashed = catch_unwind(AssertUnwindSafe(|| live(folder.path(), &mut acknowledged)));
        assert!(crashed.is_err(), "{point} was never reached");
        fail::remove(point);
        let (_, recovered) = start(folder.path());
        assert!(recovered >= acknowledged, "{point}: {recovered} of {acknowledged}");
        live(folder.path(), &mut acknowledged);
    }
    scenario.teardown();
}
